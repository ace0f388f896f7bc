"""A process of ours may die at any step: reconciling then makes everything true again."""

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.containers.containers import Containers, IfRunning
from engine.containers.record import ContainerRecord
from engine.containers.state import ContainerState
from engine.errors import CommandNotFound
from engine.settings import ResourceUpdate, RestartPolicy
from tests.support.containers import Yard, fake_yard
from tests.support.crashes import Countdown, Died, dying

MANY = 200
NAME = "web"


def contradictions(yard: Yard) -> list[str]:
    """Whatever the records say that the host does not, and the other way round."""
    records = yard.means.store.list_all()
    running = {each.id for each in records if each.is_running}
    host = yard.fake_host
    found = []
    if set(host.containers) != running:
        found.append(f"processes {set(host.containers)} for records that run {running}")
    found += [f"held {key}" for key, each in host.containers.items() if each.is_held]
    found += [f"unwatched {key}" for key, each in host.containers.items() if not each.is_watched]
    if host.cgroups != {f"/shipshape/{each}" for each in running}:
        found.append(f"cgroups {host.cgroups}")
    mounts = {each.parent.name for each in yard.means.mounter.list_mounts(yard.paths.root)}
    if mounts != running:
        found.append(f"mounts {mounts}")
    found += [
        each
        for each in yard.leftovers(records=len(records))
        if not any(key in each for key in running)
    ]
    found += [
        f"{each.name} is {each.state}"
        for each in records
        if each.state in {ContainerState.REMOVING, ContainerState.DEAD}
    ]
    found += [
        f"{each.name} is {each.state}, but its group is not"
        for each in records
        if (each.state is ContainerState.PAUSED) != (f"/shipshape/{each.id}" in host.frozen)
    ]
    return found


def nothing(yard: Yard) -> None:
    """Begin with an empty yard."""


def created(yard: Yard) -> ContainerRecord:
    return yard.containers.create(yard.settings("/bin/sleep", name=NAME))


def created_to_be_removed(yard: Yard) -> ContainerRecord:
    return yard.containers.create(yard.settings("/bin/sleep", name=NAME, auto_remove=True))


def running(yard: Yard) -> ContainerRecord:
    return yard.containers.start(created(yard).id)


def ended(yard: Yard) -> None:
    yard.fake_host.finish(running(yard).id, 3)


def ended_to_be_removed(yard: Yard) -> None:
    record = yard.containers.start(created_to_be_removed(yard).id)
    yard.fake_host.finish(record.id, 3)


def without_its_command(yard: Yard) -> None:
    yard.fake_host.missing_commands.add(created(yard).id)


def exited(yard: Yard) -> None:
    ended(yard)
    yard.containers.settle()


def paused(yard: Yard) -> None:
    yard.containers.pause(running(yard).id)


def restless(yard: Yard) -> ContainerRecord:
    policy = RestartPolicy("on-failure")
    return yard.containers.start(
        yard.containers.create(yard.settings("/bin/sleep", name=NAME, restart=policy)).id
    )


def failing(yard: Yard) -> None:
    yard.fake_host.finish(restless(yard).id, 3)


def waiting_to_restart(yard: Yard) -> None:
    failing(yard)
    yard.containers.settle()


def half_removed(yard: Yard) -> None:
    yard.means.store.delete(created(yard).id)


SCENES: dict[str, tuple[Callable[[Yard], object], Callable[[Yard, Containers], object]]] = {
    "create": (nothing, lambda yard, it: it.create(yard.settings("/bin/sleep", name=NAME))),
    "start": (created, lambda _, it: it.start(NAME)),
    "start-again": (exited, lambda _, it: it.start(NAME)),
    "start-without-command": (without_its_command, lambda _, it: it.start(NAME)),
    "stop": (running, lambda _, it: it.stop(NAME)),
    "kill": (running, lambda _, it: it.kill(NAME)),
    "restart": (running, lambda _, it: it.restart(NAME)),
    "settle": (ended, lambda _, it: it.settle()),
    "settle-and-remove": (ended_to_be_removed, lambda _, it: it.settle()),
    "remove": (exited, lambda _, it: it.remove(NAME)),
    "remove-by-force": (running, lambda _, it: it.remove(NAME, if_running=IfRunning.KILL)),
    "pause": (running, lambda _, it: it.pause(NAME)),
    "unpause": (paused, lambda _, it: it.unpause(NAME)),
    "stop-a-paused-one": (paused, lambda _, it: it.stop(NAME)),
    "kill-a-paused-one": (paused, lambda _, it: it.kill(NAME)),
    "rename": (running, lambda _, it: it.rename(NAME, "other")),
    "update": (running, lambda _, it: it.update(NAME, ResourceUpdate(memory_bytes=8 << 20))),
    "prune": (exited, lambda _, it: it.prune()),
    "retry": (failing, lambda _, it: it.settle()),
    "stop-what-waits-to-be-restarted": (waiting_to_restart, lambda _, it: it.stop(NAME)),
    "restart-what-waits-for-it": (waiting_to_restart, lambda _, it: it.restart(NAME)),
    "stop-what-its-policy-restarts": (restless, lambda _, it: it.stop(NAME)),
    "reconcile-an-exit": (ended, lambda _, it: it.reconcile()),
    "reconcile-a-removal": (half_removed, lambda _, it: it.reconcile()),
}


@pytest.mark.parametrize("scene", SCENES)
def test_death_at_any_step_is_put_right(tmp_path: Path, scene: str) -> None:
    prepare, act = SCENES[scene]
    for step in range(MANY):
        yard = fake_yard(tmp_path / f"{step}")
        prepare(yard)
        countdown = Countdown(step)
        try:
            act(yard, yard.reopened(dying(yard.means, countdown)))
        except Died:
            pass
        except CommandNotFound:
            assert scene == "start-without-command"
        survivor = yard.reopened()
        survivor.reconcile()

        assert contradictions(yard) == [], f"died at step {step}, {countdown.died_at}"
        assert survivor.reconcile().is_clean
        yard.means.database.close()
        if not countdown.died_at:
            assert step > 2
            return
    pytest.fail(f"{scene} never ended")


@pytest.mark.parametrize("scene", ["create", "start", "stop", "remove"])
def test_what_died_can_be_done_again(tmp_path: Path, scene: str) -> None:
    prepare, act = SCENES[scene]
    for step in range(0, MANY, 3):
        yard = fake_yard(tmp_path / f"{step}")
        prepare(yard)
        countdown = Countdown(step)
        try:
            act(yard, yard.reopened(dying(yard.means, countdown)))
        except Died:
            survivor = yard.reopened()
            survivor.reconcile()
            if scene == "create" and survivor.find(NAME) is not None:
                survivor.remove(NAME)
            if scene != "remove" or survivor.find(NAME) is not None:
                act(yard, survivor)

            assert contradictions(yard) == [], f"died at step {step}, {countdown.died_at}"
        yard.means.database.close()
        if not countdown.died_at:
            return


def test_a_container_whose_lock_is_held_is_left_to_its_holder(tmp_path: Path) -> None:
    yard = fake_yard(tmp_path)
    record = running(yard)
    yard.fake_host.finish(record.id)

    with yard.means.locks.held(f"container/{record.id}"):
        assert yard.reopened().reconcile().is_clean

    assert yard.reopened().reconcile().settled == (record.id,)


class TestReboot:
    def test_what_ran_has_exited_when_the_run_directory_is_gone(self, yard: Yard) -> None:
        record = running(yard)
        yard.fake_host.reboot()
        yard.means.mounter.points.clear()  # type: ignore[attr-defined]
        yard.means.bundles.remove_run(yard.means.bundles.locate(record.id))

        assert yard.containers.reconcile().lost == (record.id,)

        after = yard.containers.get(record.id)
        assert (after.state, after.exit_code) == (ContainerState.EXITED, 255)
        assert "restarted" in after.error
        assert yard.containers.start(record.id).is_running

    def test_a_run_directory_that_outlived_it_does_not_deceive(self, yard: Yard) -> None:
        record = running(yard)
        yard.fake_host.reboot()

        yard.containers.reconcile()

        assert yard.containers.get(record.id).exit_code == 255
        assert contradictions(yard) == []


class TestLostMonitor:
    def test_its_container_is_ended_and_says_why(self, yard: Yard) -> None:
        record = running(yard)
        yard.fake_host.kill_monitor(record.id)

        assert yard.containers.reconcile().lost == (record.id,)

        after = yard.containers.get(record.id)
        assert (after.state, after.exit_code) == (ContainerState.EXITED, 137)
        assert "monitor" in after.error
        assert contradictions(yard) == []

    def test_a_container_to_be_removed_goes(self, yard: Yard) -> None:
        record = yard.containers.start(created_to_be_removed(yard).id)
        yard.fake_host.kill_monitor(record.id)

        yard.containers.reconcile()

        assert yard.leftovers() == []


def test_leftovers_without_a_record_are_swept(yard: Yard) -> None:
    bundle = yard.means.bundles.locate("f" * 64)
    yard.means.bundles.make(bundle)
    yard.means.bundles.make_run(bundle)
    (yard.paths.exits / bundle.id).write_text("0")
    (yard.paths.exits / ("e" * 64)).write_text("0")

    assert yard.containers.reconcile().swept == (bundle.id,)
    assert yard.leftovers() == []


def test_a_group_that_is_not_empty_yet_is_cleared_by_the_next_one_who_looks(yard: Yard) -> None:
    record = running(yard)
    cgroup = f"/shipshape/{record.id}"
    yard.fake_host.unreaped.add(cgroup)
    yard.containers.kill(record.id)
    yard.containers.remove(record.id)
    assert yard.fake_host.cgroups == {cgroup}

    yard.fake_host.unreaped.clear()
    yard.containers.reconcile()

    assert contradictions(yard) == []
    assert yard.leftovers() == []


def test_a_container_that_runs_well_is_left_alone(yard: Yard) -> None:
    record = running(yard)

    assert yard.containers.reconcile().is_clean
    assert yard.containers.get(record.id) == record
