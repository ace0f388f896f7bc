"""The team, and the registry passwords it has (never the passwords themselves)."""

from __future__ import annotations

from dashboard.errors import AccountNotFound
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
