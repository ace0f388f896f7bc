"""Somebody who is awake: restarts with their backoff, and the start of the machine."""

from datetime import timedelta
from typing import Any

import pytest

from engine.containers.keeper import Keeper
from engine.containers.record import ContainerRecord, IfRunning
from engine.containers.state import ContainerState
from engine.errors import ContainerRunning
from engine.settings import ResourceUpdate, RestartPolicy
from tests.support.containers import Yard
from tests.support.inline import Inline
from tests.support.keeping import ShiftedClock, now, started

ALWAYS, UNLESS = RestartPolicy("always"), RestartPolicy("unless-stopped")


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
