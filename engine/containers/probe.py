"""Asking a container how it does, by running the command of its check in it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from engine.containers.health import OUTPUT_BYTES, TIMED_OUT, Probe, as_delta, check_words
from engine.containers.state import ContainerState
from engine.containers.telling import tell
from engine.errors import CommandNotFound, EngineError
from engine.settings import ExecSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.containers.attachment import Attachment
    from engine.containers.execute import Executor
    from engine.containers.ports import Means
    from engine.containers.record import ContainerRecord
    from engine.oci.healthcheck import Healthcheck

# What is told of a check that could not be run at all.
NOT_RUN = 1
ASKED_SECONDS = 1.0


class Prober:
    """Asks containers, and takes down what they say."""

    def __init__(self, means: Means, executor: Executor) -> None:
        self._means = means
        self._executor = executor

    def ask(
        self,
        record: ContainerRecord,
        check: Healthcheck,
        is_stopped: Callable[[], bool] = lambda: False,
    ) -> Probe | None:
        """
        Run the check once and return the answer; it takes no longer than the check allows.

        None if *is_stopped* before there is one, which is asked every second.
        """
        started_at = self._means.clock.now()
        try:
            code, output = self._run(record, check, is_stopped)
        except Abandoned:
            return None
        except CommandNotFound as error:
            code, output = error.exit_code, error.message
        except EngineError as error:
            code, output = NOT_RUN, error.message
        return Probe(started_at, self._means.clock.now(), code, output)

    def note(self, record: ContainerRecord, check: Healthcheck, probe: Probe) -> None:
        """
        Record the answer of the run that *record* is in; an answer that comes too late is none.

        To be called with the container's lock held.
        """
        current = self._means.store.find_by_id(record.id)
        if current is None or current.health is None or current.started_at != record.started_at:
            return
        if current.state is not ContainerState.RUNNING or record.started_at is None:
            return
        health = current.health.after(probe, check, started_at=record.started_at)
        with self._means.database.write():
            self._means.store.save_health(record.id, health)
            if health.status is not current.health.status:
                tell(self._means.events, f"health_status: {health.status}", current)

    def _run(
        self, record: ContainerRecord, check: Healthcheck, is_stopped: Callable[[], bool]
    ) -> tuple[int, str]:
        created = self._executor.create(record, ExecSettings(command=check_words(check)))
        deadline = time.monotonic() + as_delta(check.timeout).total_seconds()
        with self._executor.start(record, created.id) as attachment:
            output = _read_until(attachment, deadline, is_stopped)
            if output is not None:
                return _code(attachment), output.decode(errors="replace")
        self._executor.kill(created.id)
        if is_stopped():
            raise Abandoned
        limit = as_delta(check.timeout).total_seconds()
        return TIMED_OUT, f"Health check exceeded timeout ({limit:g}s)"


class Abandoned(Exception):
    """Whoever asked does not wait for the answer any more."""


def _read_until(
    attachment: Attachment, deadline: float, is_stopped: Callable[[], bool]
) -> bytes | None:
    """Return the beginning of what is printed until the end; None if something comes first."""
    output = bytearray()
    while (left := deadline - time.monotonic()) > 0 and not is_stopped():
        piece = attachment.read(min(left, ASKED_SECONDS))
        if piece is None:
            return bytes(output)
        output += piece[1][: OUTPUT_BYTES - len(output)]
    return None


def _code(attachment: Attachment) -> int:
    code = attachment.exit_code
    return NOT_RUN if code is None else code
