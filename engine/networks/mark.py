"""What tells the things of one engine on the host from those of others."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

TAG_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Mark:
    """The tag of one engine, and the names that are made of it."""

    tag: str

    @classmethod
    def of(cls, run: Path) -> Mark:
        """Return the mark of the engine whose run directory is *run*."""
        text = str(run.resolve()).encode()
        return cls(hashlib.sha256(text, usedforsecurity=False).hexdigest()[:TAG_DIGITS])

    @property
    def table(self) -> str:
        """The name of its nftables table."""
        return f"shipshape-{self.tag}"

    @property
    def links(self) -> str:
        """How the names of its virtual links begin."""
        return f"sv{self.tag}-"

    @property
    def bridges(self) -> str:
        """How the names of its bridges begin when no other is asked for."""
        return f"ss{self.tag}-"

    def bridge(self, network_id: str) -> str:
        """Return the name of a network's bridge when none is asked for."""
        return f"{self.bridges}{network_id[:TAG_DIGITS]}"
