"""
Waiting for a container: until it does not run, until it ends once more, until it is gone.

Nothing is asked over and over: the end of a monitor wakes the waiter while the container runs, and
the log of events while it does not.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.containers.record import ExitStatus, WaitFor
from engine.errors import ContainerNotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.containers.ports import Means
    from engine.containers.record import ContainerRecord
    from engine.containers.stop import Stopper
    from engine.events import Event

# How often somebody who may stop waiting is asked whether they do.
ASKED_SECONDS = 1.0
_LAST = {WaitFor.NEXT_EXIT: "die", WaitFor.REMOVED: "destroy"}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long somebody waits: until *deadline* of the monotonic clock, or until *is_stopped*."""

    deadline: float | None
    is_stopped: Callable[[], bool]

    @property
    def is_over(self) -> bool:
        """Whether they do not wait any more."""
        return self.left <= 0 or self.is_stopped()

    @property
    def left(self) -> float:
        """The seconds to wait before `is_over` is to be asked again."""
        left = ASKED_SECONDS if self.deadline is None else self.deadline - time.monotonic()
        return min(left, ASKED_SECONDS)


class Waiter:
    """Waits for containers."""

    def __init__(self, means: Means, stopper: Stopper) -> None:
        self._means = means
        self._stopper = stopper

    def wait(self, ref: str, condition: WaitFor, patience: Patience) -> ExitStatus | None:
        """Return how the container ended once *condition* holds; None if patience ends first."""
        after = self._means.events.last_sequence()
        record = self._means.store.get(ref)
        if condition is WaitFor.NOT_RUNNING:
            return self._until_not_running(record, patience, since=after)
        return self._until_event(record, _LAST[condition], patience, after=after)

    def _until_not_running(
        self, record: ContainerRecord, patience: Patience, *, since: int
    ) -> ExitStatus | None:
        while True:
            ended = self._stopper.await_end(record, max(0.0, patience.left), since=since)
            if ended is not None:
                return status_of(ended)
            if patience.is_over:
                return None

    def _until_event(
        self, record: ContainerRecord, action: str, patience: Patience, *, after: int
    ) -> ExitStatus | None:
        code = record.exit_code or 0
        while True:
            for event in self._means.events.list_since(after):
                after = event.sequence
                if event.subject == record.id:
                    code = _exit_code(event, code)
                    if event.action == action:
                        return ExitStatus(code, oom_killed=False, finished_at=event.time)
            if patience.is_over:
                return None
            self._wait_for_more(record, max(0.0, patience.left), after=after)

    def _wait_for_more(self, record: ContainerRecord, seconds: float, *, after: int) -> None:
        current = self._means.store.find_by_id(record.id)
        if current is not None and current.is_running:
            self._await_quietly(current, seconds)
        else:
            self._means.events.wait_for_more(after, seconds)

    def _await_quietly(self, record: ContainerRecord, seconds: float) -> None:
        try:
            self._stopper.await_end(record, seconds)
        except ContainerNotFound:
            return


def _exit_code(event: Event, before: int) -> int:
    return int(event.attributes["exitCode"]) if event.action == "die" else before


def status_of(record: ContainerRecord) -> ExitStatus:
    """Return how the last run of the container ended; one that never ran ended with 0."""
    return ExitStatus(
        code=record.exit_code or 0,
        oom_killed=record.oom_killed,
        finished_at=record.finished_at,
        error=record.error,
    )
