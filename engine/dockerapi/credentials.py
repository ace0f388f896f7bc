"""What a client shows for a registry, in a header: decoded at the door, and kept nowhere."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from engine.dockerapi.fields import Fields
from engine.dockerapi.refusals import Refusal
from engine.registry.credentials import Credentials

HEADER = "X-Registry-Auth"


def parse_credentials(header: str | None) -> Credentials | None:
    """Return the credentials in the `X-Registry-Auth` *header*; None where it names nobody."""
    return read_credentials(Fields(decoded_header(header, HEADER))) if header else None


def read_credentials(fields: Fields) -> Credentials | None:
    """Return the credentials in an `AuthConfig` of docker's; None where it names nobody."""
    found = Credentials(
        username=fields.text("username"),
        password=fields.text("password"),
        identity_token=fields.text("identitytoken"),
        registry_token=fields.text("registrytoken"),
    )
    username, password = _split(fields.text("auth"))
    if not found.username and username:
        found = Credentials(username, password)
    is_nobody = not (found.username or found.identity_token or found.registry_token)
    return None if is_nobody else found


def _split(auth: str) -> tuple[str, str]:
    """Return user name and password of an `auth`, which is both in base64."""
    try:
        username, _, password = base64.b64decode(auth).decode().partition(":")
    except (ValueError, binascii.Error):
        return "", ""
    return username, password.strip("\0")


def decoded_header(header: str, name: str) -> dict[str, Any]:
    """Return the JSON object in the *header* called *name*; raise `Refusal` (400)."""
    padded = header.strip() + "=" * (-len(header.strip()) % 4)
    try:
        value = json.loads(base64.urlsafe_b64decode(padded))
    except (ValueError, binascii.Error, RecursionError):
        # The text is not told back, nor chained: it is a secret, however badly it is written.
        raise Refusal(400, f"invalid {name} header: it is no JSON in base64") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Refusal(400, f"invalid {name} header: it is no JSON object")
    return value
