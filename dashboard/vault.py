"""Encryption of what is stored but must not be readable in the database."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    from cryptography.fernet import Fernet


class CannotDecrypt(Exception):
    """The text was encrypted with another key, or was changed."""


@cache
def _fernet() -> Fernet:
    # Most processes never need it, and the library is not small.
    from cryptography.fernet import Fernet

    try:
        return Fernet(settings.SHIPSHAPE_FIELD_KEY)
    except ValueError as error:
        message = "SHIPSHAPE_FIELD_KEY must be 32 bytes in url-safe base64"
        raise ImproperlyConfigured(message) from error


def encrypt(secret: str) -> str:
    """Return *secret* as text that only `decrypt` can read."""
    return _fernet().encrypt(secret.encode()).decode("ascii")


def decrypt(text: str) -> str:
    """Return the secret in *text*; raise `CannotDecrypt`."""
    from cryptography.fernet import InvalidToken

    try:
        return _fernet().decrypt(text.encode()).decode()
    except InvalidToken as error:
        raise CannotDecrypt from error
