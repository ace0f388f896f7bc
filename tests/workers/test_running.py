"""How running jobs are told to stop."""

from __future__ import annotations

import threading
import uuid
from typing import TYPE_CHECKING

import pytest

from engine.progress import Cancelled
from workers.running import JobRows, RunningJobs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

WAIT = 5.0


class FakeRegister:
    """A `Register` in memory."""

    def __init__(self) -> None:
        self.cancelled: set[UUID] = set()
        self.lost: set[UUID] = set()
        self.renewed: list[UUID] = []

    def find_cancelled(self, held: Mapping[UUID, str]) -> set[UUID]:
        return self.cancelled & set(held)

    def renew(self, held: Mapping[UUID, str]) -> set[UUID]:
        self.renewed += held
        return self.lost & set(held)


@pytest.fixture
def register() -> FakeRegister:
    return FakeRegister()


@pytest.fixture
def running(register: FakeRegister, monkeypatch: pytest.MonkeyPatch) -> RunningJobs:
    # The watcher's thread of these tests has no database to close.
    monkeypatch.setattr("workers.running.close_connection", lambda: None)
    return RunningJobs(register, every=0.001)


def test_a_cancelled_job_is_stopped_and_the_others_go_on(running, register) -> None:
    mine, other = uuid.uuid4(), uuid.uuid4()
    with running.added(mine, worker="w") as stopped, running.added(other, worker="w") as going:
        register.cancelled.add(mine)
        with pytest.raises(Cancelled):
            stopped.wait(WAIT)
        assert not going.is_cancelled


def test_a_job_that_was_lost_to_another_worker_is_stopped(running, register) -> None:
    job_id = uuid.uuid4()
    register.lost.add(job_id)
    with running.added(job_id, worker="w") as cancellation, pytest.raises(Cancelled):
        cancellation.wait(WAIT)

    assert register.renewed


def test_ending_stops_what_runs_and_what_starts_afterwards(running) -> None:
    with running.added(uuid.uuid4(), worker="w") as first:
        running.interrupt_all()
        with running.added(uuid.uuid4(), worker="w") as second:
            assert first.is_cancelled
            assert second.is_cancelled
    assert running.is_ending


def test_nothing_watches_while_nothing_runs(running) -> None:
    with running.added(uuid.uuid4(), worker="w"):
        watcher = next(each for each in threading.enumerate() if each.name == "cancels")
    watcher.join(WAIT)

    assert not watcher.is_alive()


def test_a_second_job_after_a_rest_is_watched_too(running, register) -> None:
    with running.added(uuid.uuid4(), worker="w"):
        pass
    job_id = uuid.uuid4()
    register.cancelled.add(job_id)
    with running.added(job_id, worker="w") as cancellation, pytest.raises(Cancelled):
        cancellation.wait(WAIT)


def test_rows_tell_who_asked_to_stop_and_who_lost_the_job(make_job) -> None:
    from django.utils import timezone

    calm = make_job(state="running", claimed_by="w")
    stopped = make_job(state="running", claimed_by="w", cancel_requested_at=timezone.now())
    held = {calm.pk: "w", stopped.pk: "not me"}

    assert JobRows().find_cancelled(held) == {stopped.pk}
    assert JobRows().renew(held) == {stopped.pk}
