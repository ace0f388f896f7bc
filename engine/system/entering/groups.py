"""
How a process gets into the groups of a container; cgroups(7).

To move another process, or one into a group of the unified hierarchy, the kernel waits until nobody
forks or ends any more, which takes 10 ms. It waits for nobody where a process with one thread moves
that thread itself, or is born in the group.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from engine.system.entering import kernel
from engine.system.entering.refusal import STOPPED, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

ITSELF = b"0"


@dataclass(slots=True)
class Groups:
    """Descriptors of the files *tasks* of groups, and of the group in the *unified* hierarchy."""

    tasks: list[int] = field(default_factory=list)
    unified: int | None = None

    @classmethod
    def open(cls, directories: Iterable[str]) -> Self:
        """Open the groups, at most one of them unified; raise `FileNotFoundError`."""
        found = cls()
        for each in directories:
            try:
                found.tasks.append(os.open(f"{each}/tasks", os.O_WRONLY | os.O_CLOEXEC))
            except FileNotFoundError:
                found.unified = os.open(each, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        return found

    def fork(self) -> int:
        """Fork this process, which has one thread; the child is to `join` next."""
        if self.unified is None:
            return os.fork()
        try:
            child = kernel.fork_into(self.unified)
        except OSError:
            # Before Linux 5.7 nobody is born there.
            return os.fork()
        if not child:
            self._let_go()
        return child

    def join(self) -> None:
        """Be in the groups; raise `Refused` where they are gone."""
        try:
            for each in self.tasks:
                os.write(each, ITSELF)
            self._join_unified()
        except OSError as error:
            raise Refused(STOPPED) from error

    def _join_unified(self) -> None:
        if self.unified is not None:
            procs = os.open("cgroup.procs", os.O_WRONLY, dir_fd=self.unified)
            os.write(procs, ITSELF)
            os.close(procs)

    def close(self) -> None:
        """Let go of all of them."""
        for each in self.tasks:
            os.close(each)
        self._let_go()

    def _let_go(self) -> None:
        if self.unified is not None:
            os.close(self.unified)
        self.unified = None
