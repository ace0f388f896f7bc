"""Whiteouts: how a changeset says that something is gone (image-spec layer.md, "Whiteouts")."""

from __future__ import annotations

from dataclasses import dataclass

PREFIX = b".wh."
OPAQUE_NAME = b".wh..wh..opq"
# Names that aufs kept for itself; they carry no file of the image.
RESERVED_PREFIX = b".wh..wh."


@dataclass(frozen=True, slots=True)
class Whiteout:
    """The entry *name* of the layers below is gone."""

    name: bytes


@dataclass(frozen=True, slots=True)
class OpaqueWhiteout:
    """All that the layers below have in this directory is gone."""


@dataclass(frozen=True, slots=True)
class ReservedName:
    """A name with no meaning for the image: to be passed over."""


def parse_whiteout(name: bytes) -> Whiteout | OpaqueWhiteout | ReservedName | None:
    """Return what the last component *name* of a tar entry says, or None for an ordinary entry."""
    if name == OPAQUE_NAME:
        return OpaqueWhiteout()
    if name.startswith(RESERVED_PREFIX):
        return ReservedName()
    if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in {b"", b".", b".."}:
        return Whiteout(name.removeprefix(PREFIX))
    return ReservedName() if name.startswith(PREFIX) else None
