"""Somebody who is awake: restarts with their backoff, health, the start of the machine."""

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.containers.health import HealthStatus
from engine.containers.keeper import Keeper
from engine.containers.record import ContainerRecord, IfRunning
from engine.containers.state import ContainerState
from engine.errors import ContainerNotRunning, ContainerRunning
from engine.oci.healthcheck import Healthcheck
from engine.settings import ResourceUpdate, RestartPolicy
from engine.system.clock import SYSTEM_CLOCK
from tests.support.containers import Yard, fake_yard
from tests.support.inline import Inline
from tests.support.services import wait_until

SECONDS = 20.0
SECOND = 10**9
ALWAYS, UNLESS = RestartPolicy("always"), RestartPolicy("unless-stopped")
GOOD, BAD, SLOW = ("CMD", "/bin/echo", "fine"), ("CMD", "/bin/false"), ("CMD", "/bin/sleep", "9")


class ShiftedClock:
    """The time of day, moved."""

    def __init__(self) -> None:
        self.shift = timedelta()

    def now(self) -> datetime:
        return SYSTEM_CLOCK.now() + self.shift


@pytest.fixture
def clock() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture
def yard(tmp_path: Path, clock: ShiftedClock) -> Iterator[Yard]:
    made = fake_yard(tmp_path, clock)
    yield made
    made.fake_host.hang_up()


@pytest.fixture
def keeper(yard: Yard) -> Keeper:
    return yard.containers.keeper()


def started(yard: Yard, **settings: object) -> ContainerRecord:
    record = yard.containers.create(yard.settings("/bin/sleep", name="web", **settings))
    return yard.containers.start(record.id)


def now(yard: Yard) -> ContainerRecord:
    return yard.means.store.get("web")


class TestRestart:
    def test_what_ends_is_started_again_after_a_tenth_of_a_second(
        self, yard: Yard, keeper: Keeper, clock: ShiftedClock
    ) -> None:
        record = started(yard, restart=ALWAYS)
        yard.fake_host.finish(record.id, 1)

        keeper.round(Inline())
        waiting = now(yard)
        assert (waiting.state, waiting.restart_count) == (ContainerState.RESTARTING, 1)
        assert waiting.restart_at is not None
        assert waiting.finished_at is not None
        assert waiting.restart_at - waiting.finished_at == timedelta(milliseconds=100)

        clock.shift += timedelta(milliseconds=200)
        keeper.round(Inline())
        assert now(yard).state is ContainerState.RUNNING
        assert now(yard).pid != record.pid
        assert now(yard).restart_count == 1

    def test_each_wait_is_twice_as_long_up_to_a_minute(
        self, yard: Yard, keeper: Keeper, clock: ShiftedClock
    ) -> None:
        record = started(yard, restart=ALWAYS)
        waits = []
        for _ in range(12):
            yard.fake_host.finish(record.id, 1)
            keeper.round(Inline())
            waits.append(now(yard).backoff.total_seconds())
            clock.shift += now(yard).backoff
            keeper.round(Inline())

        assert waits == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 60.0, 60.0]

    def test_a_run_of_more_than_ten_seconds_is_no_failure(self, yard: Yard, keeper: Keeper) -> None:
        record = started(yard, restart=ALWAYS)
        long_ago = record.started_at and record.started_at - timedelta(seconds=11)
        backoff = timedelta(seconds=30)
        yard.means.store.save(_with(record, started_at=long_ago, backoff=backoff))
        yard.fake_host.finish(record.id, 1)
        keeper.round(Inline())

        assert now(yard).backoff == timedelta(milliseconds=100)

    @pytest.mark.parametrize(("code", "state"), [(0, "exited"), (1, "restarting")])
    def test_on_failure_means_so(self, yard: Yard, keeper: Keeper, code: int, state: str) -> None:
        record = started(yard, restart=RestartPolicy("on-failure"))
        yard.fake_host.finish(record.id, code)
        keeper.round(Inline())

        assert now(yard).state == state

    def test_retries_are_counted(self, yard: Yard, keeper: Keeper, clock: ShiftedClock) -> None:
        record = started(yard, restart=RestartPolicy("on-failure", 2))
        for _ in range(3):
            yard.fake_host.finish(record.id, 1)
            keeper.round(Inline())
            clock.shift += timedelta(minutes=1)
            keeper.round(Inline())

        assert (now(yard).state, now(yard).restart_count) == (ContainerState.EXITED, 2)
        assert yard.containers.start("web").restart_count == 0

    def test_what_is_stopped_stays_stopped(self, yard: Yard, keeper: Keeper) -> None:
        started(yard, restart=ALWAYS)
        yard.containers.stop("web")
        keeper.round(Inline())

        assert now(yard).state is ContainerState.EXITED

    def test_what_is_killed_stays_ended_but_not_after_another_signal(
        self, yard: Yard, keeper: Keeper
    ) -> None:
        started(yard, restart=ALWAYS)
        yard.containers.kill("web", signal="HUP")
        assert now(yard).state is ContainerState.RESTARTING
        yard.containers.start("web")
        yard.containers.kill("web")

        assert now(yard).state is ContainerState.EXITED

    def test_stopping_what_waits_ends_the_waiting(
        self, yard: Yard, keeper: Keeper, clock: ShiftedClock
    ) -> None:
        record = started(yard, restart=ALWAYS)
        yard.fake_host.finish(record.id, 1)
        yard.containers.settle()

        assert yard.containers.stop("web").state is ContainerState.EXITED
        clock.shift += timedelta(minutes=1)
        keeper.round(Inline())
        assert now(yard).state is ContainerState.EXITED

    def test_a_start_that_fails_is_not_tried_for_ever(
        self, yard: Yard, keeper: Keeper, clock: ShiftedClock
    ) -> None:
        record = started(yard, restart=ALWAYS)
        yard.fake_host.missing_commands.add(record.id)
        yard.fake_host.finish(record.id, 1)
        keeper.round(Inline())
        clock.shift += timedelta(minutes=1)
        keeper.round(Inline())

        assert (now(yard).state, now(yard).exit_code) == (ContainerState.EXITED, 127)

    def test_one_that_joins_another_waits_for_it(
        self, yard: Yard, keeper: Keeper, clock: ShiftedClock
    ) -> None:
        other = yard.containers.create(yard.settings("/bin/sleep", name="other"))
        yard.containers.start(other.id)
        record = started(yard, restart=ALWAYS, pid_mode="container:other")
        yard.containers.stop("other")
        yard.fake_host.finish(record.id, 1)
        for _ in range(3):
            clock.shift += timedelta(minutes=2)
            keeper.round(Inline())
        assert now(yard).state is ContainerState.RESTARTING

        yard.containers.start("other")
        clock.shift += timedelta(minutes=2)
        keeper.round(Inline())
        assert now(yard).state is ContainerState.RUNNING

    def test_what_waits_is_removed_by_force_only_and_can_be_killed(
        self, yard: Yard, keeper: Keeper
    ) -> None:
        record = started(yard, restart=ALWAYS)
        yard.fake_host.finish(record.id, 1)
        with pytest.raises(ContainerRunning):
            yard.containers.remove("web")

        assert yard.containers.kill("web").state is ContainerState.EXITED
        yard.containers.start("web")
        yard.fake_host.finish(record.id, 1)
        yard.containers.remove("web", if_running=IfRunning.KILL)
        assert yard.leftovers() == []

    def test_a_policy_that_is_taken_away_counts_at_once(self, yard: Yard, keeper: Keeper) -> None:
        record = started(yard, restart=ALWAYS)
        yard.fake_host.finish(record.id, 1)
        yard.containers.settle()
        yard.containers.update("web", ResourceUpdate(restart=RestartPolicy()))

        assert now(yard).state is ContainerState.EXITED


def _with(record: ContainerRecord, **changes: Any) -> ContainerRecord:
    from dataclasses import replace

    return replace(record, **changes)


class TestBoot:
    @pytest.mark.parametrize(
        ("policy", "stops", "runs"),
        [
            pytest.param(ALWAYS, False, True, id="always"),
            pytest.param(ALWAYS, True, True, id="always-although-stopped"),
            pytest.param(UNLESS, False, True, id="unless-stopped"),
            pytest.param(UNLESS, True, False, id="unless-stopped-and-it-was"),
            pytest.param(RestartPolicy("on-failure"), False, True, id="on-failure"),
            pytest.param(RestartPolicy(), False, False, id="no"),
        ],
    )
    def test_policies_decide_what_starts_with_the_machine(
        self,
        yard: Yard,
        keeper: Keeper,
        clock: ShiftedClock,
        policy: RestartPolicy,
        stops: bool,
        runs: bool,
    ) -> None:
        record = started(yard, restart=policy)
        keeper.begin_boot()
        if stops:
            yard.containers.stop("web")
        yard.fake_host.reboot()
        yard.means.mounter.points.clear()  # type: ignore[attr-defined]
        yard.means.bundles.remove_run(yard.means.bundles.locate(record.id))
        (yard.paths.run / "keeper.boot").unlink()

        yard.containers.reconcile()
        keeper.begin_boot()
        clock.shift += timedelta(minutes=1)
        keeper.round(Inline())

        assert now(yard).is_running == runs

    def test_one_that_never_ran_is_not_started(self, yard: Yard, keeper: Keeper) -> None:
        yard.containers.create(yard.settings(name="web", restart=ALWAYS))
        keeper.begin_boot()
        keeper.round(Inline())

        assert now(yard).state is ContainerState.CREATED

    def test_it_happens_once(self, yard: Yard, keeper: Keeper) -> None:
        keeper.begin_boot()
        started(yard, restart=ALWAYS)
        yard.containers.stop("web")

        yard.containers.keeper().begin_boot()

        assert now(yard).state is ContainerState.EXITED


class TestHealth:
    def test_an_answer_makes_it_healthy(
        self, yard: Yard, keeper: Keeper, clock: ShiftedClock
    ) -> None:
        record = started(yard, healthcheck=Healthcheck(GOOD))
        assert record.health is not None
        assert record.health.status is HealthStatus.STARTING

        keeper.round(Inline())
        assert now(yard).health == record.health
        clock.shift += timedelta(seconds=31)
        keeper.round(Inline())

        health = now(yard).health
        assert health is not None
        assert (health.status, health.failing_streak) == (HealthStatus.HEALTHY, 0)
        assert [(each.exit_code, each.output) for each in health.log] == [(0, "fine\n")]
        assert "health_status: healthy" in yard.actions()

    def test_failures_in_a_row_make_it_unhealthy_and_five_are_kept(
        self, yard: Yard, keeper: Keeper, clock: ShiftedClock
    ) -> None:
        started(yard, healthcheck=Healthcheck(BAD, interval=SECOND, retries=3))
        found = []
        for _ in range(7):
            clock.shift += timedelta(seconds=2)
            keeper.round(Inline())
            health = now(yard).health
            assert health is not None
            found.append((health.status.value, health.failing_streak, len(health.log)))

        assert found[:3] == [("starting", 1, 1), ("starting", 2, 2), ("unhealthy", 3, 3)]
        assert found[-1] == ("unhealthy", 7, 5)
        assert yard.actions().count("health_status: unhealthy") == 1

    def test_failures_of_the_start_period_do_not_count(
        self, yard: Yard, keeper: Keeper, clock: ShiftedClock
    ) -> None:
        check = Healthcheck(
            BAD, interval=60 * SECOND, start_period=10 * SECOND, start_interval=SECOND
        )
        started(yard, healthcheck=check)
        clock.shift += timedelta(seconds=2)
        keeper.round(Inline())

        health = now(yard).health
        assert health is not None
        assert (health.status, health.failing_streak, len(health.log)) == ("starting", 0, 1)

    def test_a_check_that_takes_too_long_is_ended_and_has_failed(
        self, yard: Yard, keeper: Keeper, clock: ShiftedClock
    ) -> None:
        check = Healthcheck(SLOW, interval=SECOND, timeout=SECOND // 100, retries=1)
        started(yard, healthcheck=check)
        clock.shift += timedelta(seconds=2)
        keeper.round(Inline())

        health = now(yard).health
        assert health is not None
        assert health.status is HealthStatus.UNHEALTHY
        assert "exceeded timeout (0.01s)" in health.log[0].output
        assert all(not each.is_watched for each in yard.fake_host.execs.values())

    def test_an_answer_that_nobody_waits_for_any_more_is_none(
        self, yard: Yard, keeper: Keeper, clock: ShiftedClock
    ) -> None:
        record = started(yard, healthcheck=Healthcheck(SLOW, interval=SECOND))
        clock.shift += timedelta(seconds=2)
        keeper._is_stopped = lambda: True
        keeper.round(Inline())

        assert now(yard).health == record.health
        assert all(not each.is_watched for each in yard.fake_host.execs.values())

    def test_a_check_of_a_program_that_is_not_there_has_failed(
        self, yard: Yard, keeper: Keeper, clock: ShiftedClock
    ) -> None:
        started(yard, healthcheck=Healthcheck(("CMD-SHELL", "x"), interval=SECOND, retries=1))
        clock.shift += timedelta(seconds=2)
        keeper.round(Inline())

        health = now(yard).health
        assert health is not None
        assert health.log[0].exit_code == 127

    @pytest.mark.parametrize("check", [None, Healthcheck(("NONE",))])
    def test_without_a_check_there_is_no_health(
        self, yard: Yard, check: Healthcheck | None
    ) -> None:
        assert started(yard, healthcheck=check).health is None

    def test_what_has_ended_is_not_healthy(self, yard: Yard) -> None:
        record = started(yard, healthcheck=Healthcheck(GOOD))
        yard.fake_host.finish(record.id)

        health = yard.containers.get("web").health
        assert health is not None
        assert health.status is HealthStatus.UNHEALTHY


class TestOne:
    def test_of_two_one_works_and_the_other_takes_over(self, yard: Yard) -> None:
        stops = [threading.Event(), threading.Event()]
        threads = [
            threading.Thread(target=yard.reopened().keep, args=(each.is_set,)) for each in stops
        ]
        for thread in threads:
            thread.start()
        try:
            record = started(yard, auto_remove=True)
            yard.fake_host.finish(record.id)
            # Whichever works may have removed it before anybody could wait for that.
            wait_until(lambda: not yard.means.store.list_all(), what="removed", seconds=SECONDS)
            stops[0].set()
            threads[0].join(SECONDS)
            assert threads[1].is_alive()
        finally:
            for stop in stops:
                stop.set()
            for thread in threads:
                thread.join(SECONDS)
        assert yard.means.store.list_all() == []
        assert not any(thread.is_alive() for thread in threads)


class TestPause:
    def test_a_paused_container_stands_still_and_goes_on(self, yard: Yard) -> None:
        record = started(yard)
        assert yard.containers.pause("web").state is ContainerState.PAUSED
        assert yard.fake_host.frozen == {f"/shipshape/{record.id}"}

        assert yard.containers.unpause("web").state is ContainerState.RUNNING
        assert yard.fake_host.frozen == set()
        assert yard.actions()[-2:] == ["pause", "unpause"]

    def test_what_does_not_run_cannot_be_paused(self, yard: Yard) -> None:
        yard.containers.create(yard.settings(name="web"))
        with pytest.raises(ContainerNotRunning):
            yard.containers.pause("web")

    def test_stopping_a_paused_container_lets_it_notice(self, yard: Yard) -> None:
        started(yard)
        yard.containers.pause("web")

        assert yard.containers.stop("web").exit_code == 143
        assert yard.fake_host.frozen == set()


class TestUpdate:
    def test_limits_reach_what_runs_and_are_recorded(self, yard: Yard) -> None:
        record = started(yard)
        yard.containers.update("web", ResourceUpdate(memory_bytes=8 << 20, pids_limit=7))

        limits = yard.fake_host.limits[record.id]
        assert limits == {"memory": {"limit": 8 << 20, "swap": 16 << 20}, "pids": {"limit": 7}}
        assert now(yard).settings.pids_limit == 7
        assert yard.actions()[-1] == "update"


def test_a_monitor_that_waits_for_somebody_who_does_not_read_is_freed(
    yard: Yard, keeper: Keeper, clock: ShiftedClock
) -> None:
    record = started(yard)
    attachment = yard.containers.attach(record.id)
    # It has ended, and its monitor has not come to say so.
    yard.fake_host.containers[record.id].is_alive = False

    for _ in range(2):
        assert attachment.read(timeout=0) is not None
        clock.shift += timedelta(seconds=11)
        keeper.round(Inline())

    assert attachment.read(timeout=0) is None
