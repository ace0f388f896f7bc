"""What somebody shows to a registry."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Credentials:
    """
    What opens one registry: a user name and a password or access token; or an *identity_token*,
    which its token server takes instead; or a *registry_token*, which the registry takes as it is.

    No secret is in any representation of it, so that none can slip into a log or a traceback.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)

    @property
    def basic(self) -> str:
        """The value of an `Authorization` header (RFC 7617); empty where there is no user name."""
        if not self.username:
            return ""
        pair = f"{self.username}:{self.password}".encode()
        return "Basic " + base64.b64encode(pair).decode()


class Keychain(Protocol):
    """Knows what this host shows to registries when whoever asks brings nothing."""

    def find(self, registry: str) -> Credentials | None:
        """Return what opens *registry* (`host` or `host:port`), or None."""
