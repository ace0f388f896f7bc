"""
The jobs that this process runs at this moment, and how each of them is told to stop.

A job stops for one of three reasons: somebody cancelled it, this process lost its hold on it, or
the process is asked to end. All reach the engine as a `Cancellation`; the reason decides what
becomes of the job.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol

from django.db import DatabaseError, connection

from dashboard.models import Job
from dashboard.services import renew_lease
from engine.progress import Cancellation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from uuid import UUID

LOOK_SECONDS = 0.5
LOOKS_PER_RENEWAL = 20


class Register(Protocol):
    """Where it is written down who holds which job; *held* is the holder's name by job."""

    def find_cancelled(self, held: Mapping[UUID, str]) -> set[UUID]:
        """Return the jobs that somebody asked to cancel."""

    def renew(self, held: Mapping[UUID, str]) -> set[UUID]:
        """Hold the jobs for longer; return those that were lost to another worker."""


class JobRows:
    """The `Register` of the jobs' rows."""

    def find_cancelled(self, held: Mapping[UUID, str]) -> set[UUID]:
        """Return the jobs that somebody asked to cancel."""
        cancelled = Job.objects.filter(pk__in=list(held), cancel_requested_at__isnull=False)
        return set(cancelled.values_list("pk", flat=True))

    def renew(self, held: Mapping[UUID, str]) -> set[UUID]:
        """Renew the leases; return the jobs whose lease somebody else has now."""
        return {job_id for job_id, worker in held.items() if not renew_lease(job_id, worker=worker)}


class RunningJobs:
    """
    What runs in this process.

    One thread looks every *every* seconds whether any of it has to stop, and renews the leases now
    and then. It exists only while something runs.
    """

    def __init__(self, register: Register, *, every: float = LOOK_SECONDS) -> None:
        self._register = register
        self._every = every
        self._cancellations: dict[UUID, Cancellation] = {}
        self._holders: dict[UUID, str] = {}
        self._changed = threading.Condition()
        self._watcher: threading.Thread | None = None
        self._is_ending = False

    @property
    def is_ending(self) -> bool:
        """Whether this process was asked to end, so that a stopped job is to be run again."""
        return self._is_ending

    @contextmanager
    def added(self, job_id: UUID, *, worker: str) -> Iterator[Cancellation]:
        """Count *job_id*, held by *worker*, as running during the block; yields what stops it."""
        cancellation = Cancellation()
        with self._changed:
            if self._is_ending:
                cancellation.cancel()
            self._cancellations[job_id] = cancellation
            self._holders[job_id] = worker
            self._ensure_watcher()
        try:
            yield cancellation
        finally:
            with self._changed:
                del self._cancellations[job_id], self._holders[job_id]
                self._changed.notify_all()

    def interrupt_all(self) -> None:
        """Stop everything that runs, and whatever starts from now on, because the process ends."""
        with self._changed:
            self._is_ending = True
            for cancellation in self._cancellations.values():
                cancellation.cancel()

    def _ensure_watcher(self) -> None:
        if self._watcher is None:
            self._watcher = threading.Thread(target=self._watch, name="cancels", daemon=True)
            self._watcher.start()

    def _watch(self) -> None:
        looks = 0
        try:
            while self._is_needed():
                looks += 1
                # A database that is away for a moment delays a cancel and nothing else.
                with suppress(DatabaseError):
                    self._look(is_renewal=looks % LOOKS_PER_RENEWAL == 0)
        finally:
            close_connection()

    def _is_needed(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: not self._holders, timeout=self._every)
            if not self._holders:
                self._watcher = None
            return bool(self._holders)

    def _look(self, *, is_renewal: bool) -> None:
        with self._changed:
            held = dict(self._holders)
        self._stop(self._register.find_cancelled(held))
        if is_renewal:
            self._stop(self._register.renew(held))

    def _stop(self, job_ids: set[UUID]) -> None:
        with self._changed:
            for job_id in job_ids & self._cancellations.keys():
                self._cancellations[job_id].cancel()


def close_connection() -> None:
    """Close this thread's own database connection, which nobody else would."""
    connection.close()


RUNNING = RunningJobs(JobRows())
