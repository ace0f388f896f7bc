"""The first account, and everyone after it."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING

from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from django.utils import timezone

from dashboard import audit, events
from dashboard.errors import LastAdmin, SetupClosed
from dashboard.models import Role, SetupToken, User
from dashboard.permissions import ROLE_FOR_TEAM, check_permitted

if TYPE_CHECKING:
    from collections.abc import Mapping

ASK_FOR_ANOTHER = "Run ./shipshape up (or ./shipshape manage setup_token --url) for a new link."
SIGN_IN = "Sign in with it, or ask an admin of your team for an account."


def create_setup_token() -> str | None:
    """
    Return a new set-up token, of which only the digest is kept; None once an account exists.

    Tokens made before stay good until the first account is made: a link that somebody has open is
    not spoilt by a restart.
    """
    if User.objects.exists():
        return None
    token = secrets.token_urlsafe(32)
    SetupToken.objects.create(digest=_digest(token))
    return token


def is_setup_open(token: str) -> bool:
    """Whether *token* could make the first account at this moment."""
    unused = SetupToken.objects.filter(digest=_digest(token), used_at=None)
    return unused.exists() and not User.objects.exists()


def create_first_account(
    *, token: str, username: str, password: str, email: str = "", address: str | None = None
) -> User:
    """
    Return the first account, an admin, made by right of *token*.

    Raise `SetupClosed` where the token is unknown or used or an account exists, and Django's
    `ValidationError` for a name or password that is not acceptable; the token is not used up then.
    Of two requests at once, one wins, even with different tokens.
    """
    with transaction.atomic():
        _use_up_setup_tokens(token)
        user = _new_user(username, password, email, Role.ADMIN)
        audit.record_account(
            "accounts.setup",
            user=user,
            account=user,
            summary="Made the first account with the set-up token",
            address=address,
        )
    return user


def add_person(
    *,
    username: str,
    password: str,
    role: Role,
    user: User,
    email: str = "",
    address: str | None = None,
) -> User:
    """Return a new account of *role*, made by *user*; raise Django's `ValidationError` by field."""
    check_permitted(user, ROLE_FOR_TEAM)
    with transaction.atomic():
        account = _new_user(username, password, email, role)
        summary = f"Added {account.username} as {role.label.lower()}"
        audit.record_account(
            "accounts.add", user=user, account=account, summary=summary, address=address
        )
    return account


def change_role(*, account: User, role: Role, user: User, address: str | None = None) -> None:
    """Give *account* the role *role*, which its open pages feel at once; raise `LastAdmin`."""
    check_permitted(user, ROLE_FOR_TEAM)
    if account.role == role:
        return
    summary = (
        f"Made {account.username} {role.label.lower()} (was {account.get_role_display().lower()})"
    )
    _change(account, {"role": role}, "accounts.role", summary, user=user, address=address)


def deactivate_person(*, account: User, user: User, address: str | None = None) -> None:
    """Shut *account* out at once, in every session; raise `LastAdmin`."""
    check_permitted(user, ROLE_FOR_TEAM)
    if not account.is_active:
        return
    summary = f"Deactivated {account.username}"
    values = {"is_active": False}
    _change(account, values, "accounts.deactivate", summary, user=user, address=address)


def reactivate_person(*, account: User, user: User, address: str | None = None) -> None:
    """Let *account* in again."""
    check_permitted(user, ROLE_FOR_TEAM)
    if account.is_active:
        return
    summary = f"Reactivated {account.username}"
    values = {"is_active": True}
    _change(account, values, "accounts.reactivate", summary, user=user, address=address)


def _change(
    account: User,
    values: Mapping[str, object],
    action: str,
    summary: str,
    *,
    user: User,
    address: str | None,
) -> None:
    with transaction.atomic():
        # Locking all admins makes two demotions at once see each other.
        admins = set(
            User.objects.select_for_update()
            .filter(role=Role.ADMIN, is_active=True)
            .order_by("pk")
            .values_list("pk", flat=True)
        )
        User.objects.filter(pk=account.pk).update(**values)
        if admins and not User.objects.filter(role=Role.ADMIN, is_active=True).exists():
            raise LastAdmin(account.username)
        audit.record_account(action, user=user, account=account, summary=summary, address=address)
        events.publish_account_changed(account)
    account.refresh_from_db()


def _use_up_setup_tokens(token: str) -> None:
    if User.objects.exists():
        raise SetupClosed("The first account exists already.", remedy=SIGN_IN)
    if not SetupToken.objects.filter(digest=_digest(token)).exists():
        raise SetupClosed("This set-up link is not valid.", remedy=ASK_FOR_ANOTHER)
    # All of them at once: whoever comes second finds none, whichever token it brings.
    if not SetupToken.objects.filter(used_at=None).update(used_at=timezone.now()):
        raise SetupClosed("This set-up link was used already.", remedy=ASK_FOR_ANOTHER)


def _new_user(username: str, password: str, email: str, role: Role) -> User:
    user = User(username=username, email=User.objects.normalize_email(email), role=role)
    user.set_password(password)
    user.full_clean()
    validate_password(password, user)
    user.save()
    return user


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
