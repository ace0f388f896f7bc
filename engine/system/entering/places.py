"""What a command needs of the host, opened while the host can still be named."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import socket

    from engine.system.entering.entry import Entry

# proc(5): where the moment of its start stands in /proc/<pid>/stat, counted after the name.
_STARTED_AT = 19


class Stopped(Exception):
    """The container's first process is there no more."""


@dataclass(slots=True)
class Places:
    """
    Descriptors of the container's namespaces and groups, and of the command's streams.

    Either it has *streams*, for 0, 1 and 2, or the terminal that it makes goes over *console*.
    """

    namespaces: dict[str, int]
    cgroups: list[int]
    streams: list[int] = field(default_factory=list)
    console: socket.socket | None = None

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

    def close(self) -> None:
        """Let go of everything; it is the child's by now."""
        for each in (*self.namespaces.values(), *self.cgroups, *self.streams):
            os.close(each)
        if self.console is not None:
            self.console.close()

    def take_streams(self) -> None:
        """Have the streams as 0, 1 and 2."""
        for number, each in enumerate(self.streams):
            os.dup2(each, number)


def _opened(path: str, flags: int = os.O_RDONLY) -> int:
    return os.open(path, flags | os.O_CLOEXEC)


def _started(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:
            fields = stream.read().rpartition(b")")[2].split()
    except OSError as error:
        raise Stopped from error
    return int(fields[_STARTED_AT])
