"""What is known about a container: the record, and the answers that are made of it."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from engine.containers.state import ContainerState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from engine.containers.health import Health
    from engine.oci.digest import ImageID
    from engine.settings import ContainerSettings

SHORT_LENGTH = 12
STREAMS = ("stdin", "stdout", "stderr")
AT_REST = frozenset({ContainerState.CREATED, ContainerState.EXITED, ContainerState.DEAD})


@dataclass(frozen=True, slots=True)
class Attached:
    """
    What a container's maker said about themselves: kept to be told, and without an effect.

    *streams* they were to be attached to, of `STREAMS`; their terminal has *rows* and *columns*.
    *empty* are the options, by docker's names, that they gave as empty lists instead of not at all.
    """

    streams: tuple[str, ...] = ()
    rows: int = 0
    columns: int = 0
    empty: tuple[str, ...] = ()


NOBODY = Attached()


@dataclass(frozen=True, slots=True)
class ContainerRecord:
    """
    One container, as the engine's database has it.

    *id* is 64 hexadecimal digits and never changes; nor does *image_id*, wherever the tag in
    *image_reference* moves later. *pid* is that of its first process, 0 when it has none.
    *exit_code*, *oom_killed* and *error* tell of the last run, or of the last attempt at one.

    *restart_count* counts what its policy did since it was last started by hand; *was_stopped* says
    that it was ended by hand since; *restart_at* is when its policy starts it again, *backoff* the
    wait before that. *health* is None for a container without a check.
    *labels* are those of its image and, over them, its own; *attached* is what its maker said.
    """

    id: str
    name: str
    image_id: ImageID
    image_reference: str
    settings: ContainerSettings
    command: tuple[str, ...]
    state: ContainerState
    pid: int
    exit_code: int | None
    oom_killed: bool
    error: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    owner: str
    restart_count: int = 0
    was_stopped: bool = False
    restart_at: datetime | None = None
    backoff: timedelta = timedelta()
    health: Health | None = None
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    attached: Attached = NOBODY

    @property
    def short_id(self) -> str:
        """The first 12 digits of the ID: what people see, and the default host name."""
        return self.id[:SHORT_LENGTH]

    @property
    def is_running(self) -> bool:
        """Whether it has a process."""
        return self.state.has_process

    @property
    def is_at_rest(self) -> bool:
        """Whether it has no process and is not about to get one: what a prune may take."""
        return self.state in AT_REST

    @property
    def is_over(self) -> bool:
        """Whether it was to be removed at its exit, and has exited."""
        return self.settings.auto_remove and self.state is ContainerState.EXITED


@dataclass(frozen=True, slots=True)
class TrashedContainer:
    """A container in the trash, as it was when it went there."""

    record: ContainerRecord
    trashed_at: datetime
    trashed_by: str


@dataclass(frozen=True, slots=True)
class TrashedSketch:
    """What a list says of a container in the trash."""

    id: str
    name: str
    owner: str
    trashed_at: datetime
    trashed_by: str


@dataclass(frozen=True, slots=True)
class ExitStatus:
    """How a run ended; *code* is 128 + n where signal n ended it."""

    code: int
    oom_killed: bool
    finished_at: datetime | None
    error: str = ""


class WaitFor(enum.StrEnum):
    """What `wait` waits for, in docker's words."""

    NOT_RUNNING = "not-running"
    NEXT_EXIT = "next-exit"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Pruned:
    """What went at a prune, as container IDs, and the bytes that came free."""

    removed: tuple[str, ...] = ()
    freed: int = 0


class IfRunning(enum.Enum):
    """What `remove` does with a container that runs."""

    REFUSE = "refuse"
    KILL = "kill"


@dataclass(frozen=True, slots=True)
class Loss:
    """What goes with a writable layer: changed files (deletions count), and bytes on disk."""

    files: int
    bytes: int
