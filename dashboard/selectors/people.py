"""The team, and the registry passwords it has (never the passwords themselves)."""

from __future__ import annotations

from django.db.models import F

from dashboard.errors import AccountNotFound, CredentialNotFound
from dashboard.models import RegistryCredential, User


def people() -> tuple[User, ...]:
    """Return every account, active ones first."""
    return tuple(User.objects.order_by("-is_active", "username"))


def get_person(account_id: int) -> User:
    """Return the account of that ID; raise `AccountNotFound`."""
    account = User.objects.filter(pk=account_id).first()
    if account is None:
        raise AccountNotFound(account_id)
    return account


def credentials() -> tuple[RegistryCredential, ...]:
    """Return for which registries and user names the team has a password."""
    return tuple(RegistryCredential.objects.defer("encrypted_password"))


def get_credential(credential_id: int) -> RegistryCredential:
    """Return what is known of one password; raise `CredentialNotFound`."""
    found = RegistryCredential.objects.defer("encrypted_password").filter(pk=credential_id).first()
    if found is None:
        raise CredentialNotFound(credential_id)
    return found


def find_credential(registry: str) -> RegistryCredential | None:
    """Return a password for *registry*, the one that was accepted last, or None."""
    found = RegistryCredential.objects.defer("encrypted_password").filter(registry=registry)
    return found.order_by(F("is_accepted").desc(nulls_last=True), "-checked_at").first()
