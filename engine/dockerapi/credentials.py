"""What a client shows for a registry, in a header: decoded at the door, and kept nowhere."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from engine.dockerapi.refusals import Refusal
from engine.registry.credentials import Credentials

HEADER = "X-Registry-Auth"


def parse_credentials(header: str | None) -> Credentials | None:
    """Return the credentials in the `X-Registry-Auth` *header*; None where it names nobody."""
    if not header:
        return None
    value = _decoded(header)
    username, password = _texts(value, "username"), _texts(value, "password")
    token = _texts(value, "identitytoken") or _texts(value, "registrytoken")
    if token and not password:
        return Credentials(username or "<token>", token)
    return Credentials(username, password) if username else None


def _decoded(header: str) -> dict[str, Any]:
    padded = header.strip() + "=" * (-len(header.strip()) % 4)
    try:
        value = json.loads(base64.urlsafe_b64decode(padded))
    except (ValueError, binascii.Error, RecursionError):
        # The text is not told back, nor chained: it is a secret, however badly it is written.
        raise Refusal(400, f"invalid {HEADER} header: it is no JSON in base64") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Refusal(400, f"invalid {HEADER} header: it is no JSON object")
    return value


def _texts(value: dict[str, Any], name: str) -> str:
    found = value.get(name, "")
    if not isinstance(found, str):
        raise Refusal(400, f"invalid {HEADER} header: {name} is no text")
    return found
