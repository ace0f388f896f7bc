"""Platforms: what an image runs on (image-spec image-index.md, "platform")."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from engine.errors import InvalidPlatform

if TYPE_CHECKING:
    from collections.abc import Sequence

_PART = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_ARCHITECTURES = {
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "aarch64": ("arm64", ""),
    "armv7l": ("arm", "v7"),
    "armv6l": ("arm", "v6"),
    "i686": ("386", ""),
    "i386": ("386", ""),
}
# What a variant means when it is left out, and so which spellings are the same.
_DEFAULT_VARIANTS = {"arm64": "v8", "arm": "v7"}
_COMPATIBLE_ARM = ("v8", "v7", "v6", "v5")


@dataclass(frozen=True, slots=True, order=True)
class Platform:
    """Operating system, architecture and variant, in the words of Go's GOOS and GOARCH."""

    os: str
    architecture: str
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the platform that `os/architecture[/variant]` spells; raise `InvalidPlatform`."""
        parts = text.split("/")
        if len(parts) not in {2, 3} or not all(_PART.fullmatch(part) for part in parts):
            raise InvalidPlatform(text)
        architecture, variant = normalise_architecture(parts[1], "".join(parts[2:]))
        return cls(parts[0].lower(), architecture, variant)

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


def normalise_architecture(architecture: str, variant: str = "") -> tuple[str, str]:
    """Return architecture and variant in GOARCH's words, whatever uname calls them."""
    name, implied = _ARCHITECTURES.get(architecture.lower(), (architecture.lower(), ""))
    return name, variant.lower() or implied


def host_platform() -> Platform:
    """Return the platform of this machine."""
    return Platform("linux", *normalise_architecture(os.uname().machine))


def best_match(wanted: Platform, offered: Sequence[Platform]) -> int | None:
    """
    Return the index in *offered* of what suits *wanted* best, or None.

    The same variant wins over a compatible lower one; among equals the first.
    """
    ranked = [(_rank(wanted, each), index) for index, each in enumerate(offered)]
    fitting = [(rank, index) for rank, index in ranked if rank is not None]
    return min(fitting)[1] if fitting else None


def _rank(wanted: Platform, offered: Platform) -> int | None:
    """Return how far *offered* is from *wanted*, 0 being the same, or None."""
    if (wanted.os, wanted.architecture) != (offered.os, offered.architecture):
        return None
    default = _DEFAULT_VARIANTS.get(wanted.architecture, "")
    mine, theirs = wanted.variant or default, offered.variant or default
    if mine == theirs:
        return 0
    if wanted.architecture != "arm" or mine not in _COMPATIBLE_ARM or theirs not in _COMPATIBLE_ARM:
        return None
    distance = _COMPATIBLE_ARM.index(theirs) - _COMPATIBLE_ARM.index(mine)
    return distance if distance > 0 else None
