"""Digests: the identity of exact bytes (image-spec descriptor.md, "Digests")."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import NewType, Self

from engine.errors import InvalidDigest

_SHA256 = re.compile(r"sha256:([0-9a-f]{64})", re.ASCII)
SHORT_LENGTH = 12


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """
    `sha256:` and 64 lower-case hexadecimal digits.

    Other algorithms are refused: the registered sha512 is not used by any registry, and one
    algorithm keeps one name for each blob.
    """

    hex: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the digest that *text* spells; raise `InvalidDigest`."""
        match = _SHA256.fullmatch(text)
        if match is None:
            raise InvalidDigest(text)
        return cls(match[1])

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Return the digest of *content*."""
        return cls(hashlib.sha256(content, usedforsecurity=False).hexdigest())

    @property
    def algorithm(self) -> str:
        """The name before the colon."""
        return "sha256"

    @property
    def short(self) -> str:
        """The first 12 hexadecimal digits: what people see."""
        return self.hex[:SHORT_LENGTH]

    def __str__(self) -> str:
        return f"sha256:{self.hex}"


DiffID = NewType("DiffID", Digest)
"""Digest of a layer's uncompressed tar."""

ChainID = NewType("ChainID", Digest)
"""Identity of a stack of diff IDs; names committed snapshots."""

ImageID = NewType("ImageID", Digest)
"""Digest of an image config."""
