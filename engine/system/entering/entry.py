"""A command, and the container that it is to run in."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Entry:
    """
    A command, the container's first process by *pid* and *started*, and what of it to enter.

    *namespaces* are called as in /proc, *cgroups* are directories, *limits* (number, soft, hard).
    Capabilities are bits; there are no inheritable and no ambient ones. *filter* is a program for
    the kernel in hexadecimal, empty for none.
    """

    pid: int
    started: int
    namespaces: tuple[str, ...]
    cgroups: tuple[str, ...]
    keyring: str
    oom_score_adj: int
    limits: tuple[tuple[int, int, int], ...]
    uid: int
    gid: int
    groups: tuple[int, ...]
    bounding: int
    effective: int
    permitted: int
    no_new_privileges: bool
    filter: str
    terminal: bool
    working_dir: str
    arguments: tuple[str, ...]
    env: tuple[str, ...]

    def render(self) -> bytes:
        """Return the entry as `parse` reads it."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Return what `render` wrote."""
        return cls(**{name: _tuples(value) for name, value in json.loads(content).items()})


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
