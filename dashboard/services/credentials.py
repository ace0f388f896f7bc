"""Passwords of registries: written by admins, read by workers, shown to nobody."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from dashboard import audit, vault
from dashboard.errors import CredentialNotFound
from dashboard.models import RegistryCredential
from dashboard.permissions import ROLE_FOR_CREDENTIALS, check_permitted

if TYPE_CHECKING:
    from dashboard.models import User


@dataclass(frozen=True, slots=True)
class RevealedCredential:
    """A credential in the clear. The password is kept out of its `repr`."""

    registry: str
    username: str
    password: str = field(repr=False)


def save_credential(
    *, registry: str, username: str, password: str, user: User, address: str | None = None
) -> RegistryCredential:
    """Return the credential of *username* at *registry*, which now has *password*."""
    check_permitted(user, ROLE_FOR_CREDENTIALS)
    with transaction.atomic():
        credential, _ = RegistryCredential.objects.update_or_create(
            registry=registry,
            username=username,
            defaults={
                "encrypted_password": vault.encrypt(password),
                "created_by": user,
                "is_accepted": None,
                "checked_at": None,
            },
        )
        _record("credentials.save", "Saved the password of", credential, user, address)
    return credential


def delete_credential(
    *, credential: RegistryCredential, user: User, address: str | None = None
) -> None:
    """Forget *credential*; that it is gone already is fine."""
    check_permitted(user, ROLE_FOR_CREDENTIALS)
    with transaction.atomic():
        _record("credentials.delete", "Deleted the password of", credential, user, address)
        RegistryCredential.objects.filter(pk=credential.pk).delete()


def note_check(*, credential: RegistryCredential, is_accepted: bool, message: str = "") -> None:
    """Note what the registry said to *credential* just now."""
    RegistryCredential.objects.filter(pk=credential.pk).update(
        is_accepted=is_accepted, check_message=message[:1000], checked_at=timezone.now()
    )


def reveal_credential(credential_id: int, *, registry: str) -> RevealedCredential:
    """
    Return the credential in the clear, for talking to *registry* and nobody else.

    Raise `CredentialNotFound` where there is none of that ID for that registry, or where it was
    stored under another key.
    """
    found = RegistryCredential.objects.filter(pk=credential_id, registry=registry).first()
    if found is None:
        raise CredentialNotFound(credential_id)
    try:
        password = vault.decrypt(found.encrypted_password)
    except vault.CannotDecrypt as error:
        raise CredentialNotFound(credential_id) from error
    return RevealedCredential(found.registry, found.username, password)


def _record(
    action: str, verb: str, credential: RegistryCredential, user: User, address: str | None
) -> None:
    audit.record_change(
        action,
        user=user,
        object_kind="credential",
        object_id=str(credential),
        summary=f"{verb} {credential}",
        address=address,
    )
