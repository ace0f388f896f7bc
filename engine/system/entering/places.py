"""What a command needs of the host, opened while the host can still be named."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from engine.system.entering.entry import Entry

# proc(5): where the moment of its start stands in /proc/<pid>/stat, counted after the name.
_STARTED_AT = 19


class Stopped(Exception):
    """The container's first process is there no more."""


@dataclass(slots=True)
class Places:
    """
    Descriptors of the container's namespaces and groups, and of the command's streams.

    Its *streams* are 0, 1 and 2, or one socket over which the terminal goes that it makes.
    """

    namespaces: dict[str, int]
    cgroups: list[int]
    streams: list[int] = field(default_factory=list)
    has_input: bool = False

    @classmethod
    def open(cls, entry: Entry) -> Self:
        """Open what the *entry* names; raise `Stopped`."""
        try:
            found = cls(
                {each: _opened(f"/proc/{entry.pid}/ns/{each}") for each in entry.namespaces},
                [_opened(f"{each}/cgroup.procs", os.O_WRONLY) for each in entry.cgroups],
            )
        except FileNotFoundError as error:
            raise Stopped from error
        # The number may be another's by now; what was opened before this look is the right one's.
        if _started(entry.pid) != entry.started:
            raise Stopped
        return found

    def receive(self, pid: int) -> None:
        """Have process *pid* in the container's groups."""
        for each in self.cgroups:
            os.write(each, str(pid).encode())

    def close(self) -> None:
        """Let go of everything; it is the child's by now."""
        for each in (*self.namespaces.values(), *self.cgroups, *self.streams):
            os.close(each)


def _opened(path: str, flags: int = os.O_RDONLY) -> int:
    return os.open(path, flags | os.O_CLOEXEC)


def _started(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:
            fields = stream.read().rpartition(b")")[2].split()
    except OSError as error:
        raise Stopped from error
    return int(fields[_STARTED_AT])
