"""
Whom to trust in TLS, host by host, as docker's certs.d has it.

Below a directory, `<host:port>/*.crt` are authorities that are trusted for that host besides the
system's, and each `<name>.cert` with its `<name>.key` is what this host shows there.
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import InvalidSetting

if TYPE_CHECKING:
    from pathlib import Path

_HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]{1,5})?|\[[0-9A-Fa-f:]+\](?::[0-9]{1,5})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Certificates:
    """The certificates in *directory*, if there is one."""

    directory: Path | None = None

    def has(self, host: str) -> bool:
        """Return whether there are any for *host*, which is written as the registry's name is."""
        return self._place(host) is not None

    def context(self, host: str) -> ssl.SSLContext:
        """Return how to speak TLS to *host*; raise `InvalidSetting` for files that are no good."""
        context = ssl.create_default_context()
        place = self._place(host)
        if place is not None:
            for authority in sorted(place.glob("*.crt")):
                _trust(context, authority)
            for ours in sorted(place.glob("*.cert")):
                _show(context, ours)
        return context

    def _place(self, host: str) -> Path | None:
        if self.directory is None or not _HOST.fullmatch(host):
            return None
        place = self.directory / host
        return place if place.is_dir() else None


def _trust(context: ssl.SSLContext, authority: Path) -> None:
    try:
        context.load_verify_locations(authority)
    except (OSError, ssl.SSLError) as error:
        raise _unusable(authority) from error


def _show(context: ssl.SSLContext, ours: Path) -> None:
    try:
        context.load_cert_chain(ours, ours.with_suffix(".key"))
    except (OSError, ssl.SSLError) as error:
        raise _unusable(ours) from error


def _unusable(path: Path) -> InvalidSetting:
    reason = "it, or the key beside it, is no certificate in PEM form that can be read"
    return InvalidSetting(f"certs.d/{path.parent.name}/{path.name}", reason)
