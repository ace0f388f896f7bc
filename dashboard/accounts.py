"""How people sign in: the hooks that the sign-in library asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from allauth.account.adapter import DefaultAccountAdapter

from dashboard import events
from dashboard.models import User

if TYPE_CHECKING:
    from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody signs up: the first account is made with the set-up token, the others by an admin."""

    error_messages: ClassVar[dict[str, str]] = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": "No account has this name and this password.",
        "email_password_mismatch": "No account has this e-mail and this password.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Say no."""
        return False

    def logout(self, request: HttpRequest) -> None:
        """End the session, and with it the connections of the pages that are still open."""
        user = request.user
        super().logout(request)
        if isinstance(user, User):
            events.publish_account_changed(user)
