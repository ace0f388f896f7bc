"""Somebody who is awake: health, pauses, changes, and that it is one."""

import threading
from datetime import timedelta

import pytest

from engine.containers.health import HealthStatus
from engine.containers.keeper import Keeper
from engine.containers.state import ContainerState
from engine.errors import ContainerNotRunning
from engine.oci.healthcheck import Healthcheck
from engine.settings import ResourceUpdate
from tests.support.containers import Yard
from tests.support.inline import Inline
from tests.support.keeping import ShiftedClock, now, started
from tests.support.services import wait_until

SECONDS = 20.0


SECOND = 10**9


GOOD, BAD, SLOW = ("CMD", "/bin/echo", "fine"), ("CMD", "/bin/false"), ("CMD", "/bin/sleep", "9")


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
