"""What a command needs of the host, opened while the host can still be named."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from engine.system.entering.groups import Groups
from engine.system.entering.refusal import STOPPED, Refused

if TYPE_CHECKING:
    from engine.system.entering.entry import Entry

# proc(5): where the moment of its start stands in /proc/<pid>/stat, counted after the name.
_STARTED_AT = 19


@dataclass(slots=True)
class Places:
    """
    Descriptors of the container's namespaces and groups, and of the command's streams.

    Its *streams* are 0, 1 and 2, or one socket over which the terminal goes that it makes.
    """

    namespaces: dict[str, int]
    groups: Groups
    streams: list[int] = field(default_factory=list)
    has_input: bool = False

    @classmethod
    def open(cls, entry: Entry) -> Self:
        """Open what the *entry* names; raise `Refused`."""
        try:
            found = cls(
                {each: _opened(f"/proc/{entry.pid}/ns/{each}") for each in entry.namespaces},
                Groups.open(entry.cgroups),
            )
        except FileNotFoundError as error:
            raise Refused(STOPPED) from error
        # The number may be another's by now; what was opened before this look is the right one's.
        if _started(entry.pid) != entry.started:
            raise Refused(STOPPED)
        return found

    def close(self) -> None:
        """Let go of everything; it is the child's by now."""
        self.groups.close()
        for each in (*self.namespaces.values(), *self.streams):
            os.close(each)


def _opened(path: str) -> int:
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _started(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:
            fields = stream.read().rpartition(b")")[2].split()
    except OSError as error:
        raise Refused(STOPPED) from error
    return int(fields[_STARTED_AT])
