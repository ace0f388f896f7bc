"""
A mount, written down.

Code either emits mounts or performs them; what emits them stays pure and needs no root to be
tested, and filesystems and execution need not know each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Mount:
    """
    One mount call.

    *kind* is the filesystem type, or `bind`. *options* are as mount(8) writes them: flags
    (`ro`, `nosuid`, `rbind`) and `key=value` data mixed, in order.
    """

    kind: str
    source: str
    options: tuple[str, ...] = ()

    @property
    def is_read_only(self) -> bool:
        """Whether nothing can be written through it."""
        return "ro" in self.options

    def option(self, key: str) -> str | None:
        """Return the value of `key=value` among the options, or None."""
        prefix = key + "="
        found = [each for each in self.options if each.startswith(prefix)]
        return found[-1].removeprefix(prefix) if found else None


def bind(source: Path, *, read_only: bool = False) -> Mount:
    """Return the mount that shows *source*, with all below it, at another place."""
    return Mount("bind", str(source), ("rbind", "ro") if read_only else ("rbind", "rw"))
