"""What a registry says about how it wants to be asked (RFC 9110, "WWW-Authenticate")."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Separators are one class: several in a row would try every way to share a long blank out.
_SCHEME = re.compile(r"[\s,]*([A-Za-z][A-Za-z0-9_-]*)(?:\s+|$|(?=,))", re.ASCII)
_PARAMETER = re.compile(r'[\s,]*([A-Za-z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))', re.ASCII)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to show who one is: its *scheme* in lower case, and what it says about it."""

    scheme: str
    parameters: dict[str, str]


def parse_challenges(header: str) -> tuple[Challenge, ...]:
    """Return the challenges in a `WWW-Authenticate` header; what is not one is passed over."""
    found: list[Challenge] = []
    position = 0
    while match := _SCHEME.match(header, position):
        position = match.end()
        parameters: dict[str, str] = {}
        while parameter := _PARAMETER.match(header, position):
            name, quoted, plain = parameter.groups()
            parameters[name.lower()] = plain or re.sub(r"\\(.)", r"\1", quoted or "")
            position = parameter.end()
        found.append(Challenge(match[1].lower(), parameters))
    return tuple(found)
