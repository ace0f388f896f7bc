"""Containers in the trash: as they were when they come back, and whole if anybody dies midway."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from engine.containers.containers import Containers
from engine.containers.record import ContainerRecord
from engine.containers.together import BATCH
from engine.errors import ContainerNotFound, ContainerRunning, RestoreConflict
from tests.support.containers import Yard, fake_yard
from tests.support.crashes import Countdown, Died, dying
from tests.support.services import wait_until

MANY = 100
NAME = "web"


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return fake_yard(tmp_path)


def exited(yard: Yard, name: str = NAME) -> ContainerRecord:
    record = yard.containers.create(
        yard.settings("/bin/sleep", name=name, labels={"team": "a"}, network="bridge")
    )
    yard.containers.start(record.id)
    yard.fake_host.finish(record.id)
    ended = yard.containers.get(record.id)
    assert not ended.is_running
    return ended


def trashed(yard: Yard) -> ContainerRecord:
    record = exited(yard)
    assert yard.containers.trash.put(record.id, owner="ana") == ""
    return record


def test_what_lies_in_the_trash_is_seen_by_nobody_and_needs_its_image(yard: Yard) -> None:
    record = trashed(yard)

    assert yard.containers.list() == []
    assert yard.containers.find(NAME) is None
    assert yard.containers.holders(record.image_id) == ("web (in the trash)",)
    assert yard.containers.present_holders(record.image_id) == ()
    (item,) = yard.containers.trash.list()
    assert (item.record, item.trashed_by) == (record, "ana")
    (sketch,) = yard.containers.trash.sketches()
    assert (sketch.id, sketch.name, sketch.owner) == (record.id, NAME, record.owner)
    assert (sketch.trashed_at, sketch.trashed_by) == (item.trashed_at, "ana")
    assert yard.actions()[-1] == "destroy"


def test_it_comes_back_as_it_was(yard: Yard) -> None:
    record = trashed(yard)
    yard.reopened().reconcile()

    assert yard.containers.trash.restore(record.id) == record

    assert yard.containers.get(NAME) == record
    assert yard.containers.trash.list() == []
    assert yard.containers.start(NAME).is_running


def test_a_name_that_is_taken_is_told_with_a_free_one(yard: Yard) -> None:
    record = trashed(yard)
    holder = exited(yard)
    exited(yard, name="web-restored")

    with pytest.raises(RestoreConflict) as caught:
        yard.containers.trash.restore(record.id)
    assert str(caught.value) == f"{NAME} is by now the name of container {holder.id[:12]}"
    assert caught.value.free == "web-restored-2"
    assert len(yard.containers.trash.list()) == 1

    back = yard.containers.trash.restore(record.id, name=caught.value.free)
    assert yard.containers.get("web-restored-2") == back


def test_a_container_that_runs_does_not_go(yard: Yard) -> None:
    record = yard.containers.create(yard.settings("/bin/sleep", name=NAME))
    yard.containers.start(record.id)

    with pytest.raises(ContainerRunning):
        yard.containers.trash.put(record.id)

    assert yard.containers.get(NAME).is_running


def test_an_objection_keeps_it_where_it_is(yard: Yard) -> None:
    record = exited(yard)

    assert yard.containers.trash.put(record.id, objection=lambda it: f"no {it.name}") == "no web"
    assert yard.containers.get(NAME) == record


def test_emptied_it_is_gone_for_good(yard: Yard) -> None:
    record = trashed(yard)

    yard.containers.trash.discard(record.id)

    assert yard.leftovers() == []
    with pytest.raises(ContainerNotFound):
        yard.containers.trash.restore(record.id)
    with pytest.raises(ContainerNotFound):
        yard.containers.trash.discard(record.id)


def test_of_many_each_goes_or_says_why_not(yard: Yard) -> None:
    going = [exited(yard, name=f"web-{number}").id for number in range(BATCH + 1)]
    runs = yard.containers.create(yard.settings("/bin/sleep", name="runs")).id
    yard.containers.start(runs)
    kept = exited(yard, name="kept").id

    refused = yard.containers.trash.put_each(
        [*going, runs, "gone", kept],
        owner="ana",
        objection=lambda record: "is wanted" if record.id == kept else "",
    )

    assert refused == {runs: "is running", "gone": "is gone already", kept: "is wanted"}
    assert {each.id for each in yard.containers.list()} == {runs, kept}
    lying = yard.containers.trash.list()
    assert {(each.record.id, each.trashed_by) for each in lying} == {
        (each, "ana") for each in going
    }

    occupied = sum(yard.means.snapshotter.usage(each).bytes for each in going)
    emptied = yard.containers.trash.discard_each([*going, kept])

    assert set(emptied.ids) == set(going)
    assert emptied.refused == {kept: "is gone already"}
    assert emptied.freed_bytes == occupied
    assert yard.containers.trash.list() == []


def test_whom_somebody_works_on_is_waited_for(yard: Yard) -> None:
    first, second = exited(yard, name="first").id, exited(yard, name="second").id
    lock = yard.means.locks.held(f"container/{first}")
    refused: list[dict[str, str]] = []

    def put() -> None:
        other = yard.reopened()
        refused.append(other.trash.put_each([first, second], objection=lambda _: ""))

    with lock:
        thread = threading.Thread(target=put)
        thread.start()
        wait_until(lambda: yard.containers.trash.find(second) is not None, what="the other")
        assert yard.containers.trash.find(first) is None
        yard.means.store.save(replace(yard.means.store.get_by_id(first), error="was looked at"))
    thread.join()

    assert refused == [{}]
    found = yard.containers.trash.find(first)
    assert found is not None
    assert found.record.error == "was looked at"


SCENES: dict[str, tuple[Callable[[Yard], ContainerRecord], Callable[[Containers, str], object]]] = {
    "put": (exited, lambda it, container: it.trash.put(container)),
    "restore": (trashed, lambda it, container: it.trash.restore(container)),
    "restore-as": (trashed, lambda it, container: it.trash.restore(container, name="other")),
    "discard": (trashed, lambda it, container: it.trash.discard(container)),
    "put-each": (
        exited,
        lambda it, container: it.trash.put_each([container], objection=lambda _: ""),
    ),
    "discard-each": (trashed, lambda it, container: it.trash.discard_each([container])),
}


@pytest.mark.parametrize("scene", SCENES)
def test_death_at_any_step_loses_nothing_and_doubles_nothing(tmp_path: Path, scene: str) -> None:
    prepare, act = SCENES[scene]
    for step in range(MANY):
        yard = fake_yard(tmp_path / f"{step}")
        record = prepare(yard)
        countdown = Countdown(step)
        with suppress(Died):
            act(yard.reopened(dying(yard.means, countdown)), record.id)
        survivor = yard.reopened()
        survivor.reconcile()

        where = [*(each.id for each in survivor.list())]
        where += [each.record.id for each in survivor.trash.list()]
        expected = [] if scene.startswith("discard") and not where else [record.id]
        assert where == expected, f"died at step {step}, {countdown.died_at}"
        found = yard.leftovers(records=len(survivor.list()))
        if survivor.trash.list():
            # Directory and snapshot of what lies in the trash stay where they are.
            assert len([each for each in found if " for 0 records" in each]) == 2
            survivor.trash.restore(record.id)
            found = yard.leftovers(records=1)
        assert found == [], f"died at step {step}, {countdown.died_at}"
        if where:
            assert survivor.get(record.id).settings == record.settings
        yard.means.database.close()
        if not countdown.died_at:
            assert step > 1
            return
    pytest.fail(f"{scene} never ended")
