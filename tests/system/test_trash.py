"""The trash of a real engine: what it takes, what it gives back, and what it frees."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from engine.cleanup.rules import Rule, RuleKind
from engine.cleanup.trash import TrashLimits
from engine.containers.record import IfRunning
from engine.engine import Engine
from engine.errors import ImageInUse, ImageNotFound, NotFound, RestoreConflict, VolumeInUse
from engine.images.starter import STARTER
from engine.ledger import usage_of
from engine.settings import ContainerSettings
from engine.settings.mounts import MountKind, MountPoint
from engine.system.paths import EnginePaths
from engine.volumes.settings import VolumeSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.root

IMAGE = STARTER.familiar
RULES = [Rule(RuleKind.STOPPED_CONTAINERS), Rule(RuleKind.UNUSED_IMAGES)]
SCRIPT = "echo ahoy; test -e /data && cat /data /db/data; echo mine > /data; echo ours > /db/data"


@pytest.fixture
def engine(short_path: Path) -> Iterator[Engine]:
    with Engine.open(EnginePaths(short_path / "root", short_path / "run")) as opened:
        opened.images.make_starter(owner="ana")
        yield opened
        for container in opened.containers.list():
            opened.containers.remove(container.id, if_running=IfRunning.KILL)


def run(engine: Engine) -> str:
    mount = MountPoint(MountKind.VOLUME, "/db", "db")
    settings = ContainerSettings(
        name="web", image=IMAGE, command=("sh", "-c", SCRIPT), mounts=(mount,), network="none"
    )
    container = engine.containers.create(settings)
    start(engine, container.id)
    return container.id


def start(engine: Engine, container_id: str) -> None:
    engine.containers.start(container_id)
    engine.containers.wait(container_id, timeout=30)


def test_a_plan_into_the_trash_is_undone_to_the_last_byte(engine: Engine) -> None:
    container = run(engine)
    before = engine.containers.get(container), engine.images.get(IMAGE), engine.disk().total
    plan = engine.cleanup.preview(RULES)

    report = engine.cleanup.run(plan.id, into_trash=True, owner="bob")
    engine.reconcile()

    assert (len(report.removed), report.skipped) == (2, ())
    assert report.freed_bytes == plan.freed_at_once == 0
    assert engine.containers.list() == engine.images.list() == []
    assert engine.disk().total == before[2]
    assert engine.disk().trash == plan.freed_bytes
    assert engine.check().is_clean
    with pytest.raises(VolumeInUse):
        engine.volumes.remove("db")
    first, second = engine.cleanup.trash.list()
    assert (first.names, second.names, first.trashed_by) == (("web",), (IMAGE,), "bob")
    with pytest.raises(ImageNotFound):
        engine.cleanup.trash.restore(first.id)

    engine.cleanup.trash.restore(second.id)
    engine.cleanup.trash.restore(first.id)

    assert (engine.containers.get("web"), engine.images.get(IMAGE)) == before[:2]
    assert engine.disk().total == before[2]
    start(engine, container)
    lines = [each.content for each in engine.containers.logs(container)]
    assert lines == [b"ahoy", b"ahoy", b"mine", b"ours"]


def test_emptying_frees_what_the_plan_said_comes_later(engine: Engine) -> None:
    run(engine)
    before = engine.disk()
    plan = engine.cleanup.preview(RULES)
    engine.cleanup.run(plan.id, into_trash=True)
    items = [each.id for each in engine.cleanup.trash.list()]
    promised = engine.cleanup.trash.freed_by(items)
    (image,) = [each for each in items if "sha256" in each]

    refused = engine.cleanup.trash.empty([image])
    nothing = engine.cleanup.trash.tend(TrashLimits())
    report = engine.cleanup.trash.tend(TrashLimits(max_bytes=1))

    assert (refused.removed, len(refused.skipped), nothing.removed) == ((), 1, ())
    assert set(report.removed) == set(items)
    assert report.freed_bytes == promised == plan.freed_bytes - plan.freed_at_once
    # A log outlives its container for a day, wherever that went.
    after = engine.disk()
    assert (before.total - before.logs) - (after.total - after.logs) == promised
    assert engine.cleanup.trash.list() == []
    assert engine.cleanup.trash.empty(items).removed == ()


def test_plans_beside_launches_and_restores_lose_nothing(engine: Engine) -> None:
    settings = ContainerSettings(image=IMAGE, command=("true",), network="none")
    made = [engine.containers.create(settings).id for _ in range(6)]
    for each in made:
        start(engine, each)

    def launch(number: int) -> None:
        with Engine.open(engine.paths) as other:
            for each in made[number::2] * 2:
                # It may be in the trash just now, and that is as it should be.
                with suppress(NotFound):
                    start(other, each)

    def bring_back() -> None:
        with Engine.open(engine.paths) as other:
            for _ in range(6):
                for item in other.cleanup.trash.list():
                    with suppress(NotFound):
                        other.cleanup.trash.restore(item.id)

    with ThreadPoolExecutor(3) as pool:
        work = [pool.submit(launch, 0), pool.submit(launch, 1), pool.submit(bring_back)]
        for _ in range(4):
            plan = engine.cleanup.preview(RULES)
            planned = {each.id for each in plan.items}
            report = engine.cleanup.run(plan.id, into_trash=True)
            assert set(report.removed) <= planned
        for each in work:
            each.result()
    engine.reconcile()

    aside = [each.record.id for each in engine.containers.trash.list()]
    assert sorted([each.id for each in engine.containers.list()] + aside) == sorted(made)
    for each in sorted(engine.cleanup.trash.list(), key=lambda item: item.kind, reverse=True):
        engine.cleanup.trash.restore(each.id)
    assert sorted(each.id for each in engine.containers.list()) == sorted(made)
    assert engine.images.get(IMAGE).names
    assert engine.check().is_clean


def test_an_image_whose_container_lies_in_the_trash_says_so(engine: Engine) -> None:
    container = run(engine)
    engine.containers.trash.put(container)

    with pytest.raises(ImageInUse, match=r"web \(in the trash\)"):
        engine.images.remove(IMAGE)
    plan = engine.cleanup.preview([Rule(RuleKind.UNUSED_IMAGES), Rule(RuleKind.UNUSED_VOLUMES)])

    assert plan.items == ()
    assert {each.reason for each in plan.kept} == {"is used by web (in the trash)"}


def test_a_volume_goes_into_the_trash_comes_back_and_the_ledger_adds_up(engine: Engine) -> None:
    settings = VolumeSettings("data", labels={"team": "a"})
    volume = engine.volumes.create(settings, owner="ana")
    (volume.mountpoint / "file").write_bytes(b"x" * 300_000)
    before, account = engine.disk(), engine.account()
    plan = engine.cleanup.preview([Rule(RuleKind.UNUSED_VOLUMES)])

    report = engine.cleanup.run(plan.id, into_trash=True, owner="bob")

    after = engine.disk()
    assert report.freed_bytes == plan.freed_at_once == 0
    assert (after.volumes, after.trash, after.total) == (0, before.volumes, before.total)
    assert after == usage_of(engine._surveyor.survey())
    assert engine.account().places["work"] == account.places["work"]
    assert engine.account().unexplained == account.unexplained
    assert engine.check().is_clean
    (item,) = engine.cleanup.trash.list()
    assert (item.names, item.owner, item.trashed_by) == (("data",), "ana", "bob")
    assert engine.cleanup.trash.freed_by([item.id]) == plan.freed_bytes == before.volumes

    engine.volumes.create(VolumeSettings("data"))
    with pytest.raises(RestoreConflict) as caught:
        engine.cleanup.trash.restore(item.id)
    engine.cleanup.trash.restore(item.id, names=[caught.value.free])

    back = engine.volumes.get("data-restored")
    assert (back.mountpoint / "file").read_bytes() == b"x" * 300_000
    assert (back.labels, back.owner, back.created_at) == ({"team": "a"}, "ana", volume.created_at)
    assert engine.disk() == usage_of(engine._surveyor.survey())

    aside = engine.cleanup.trash.put("volume:data-restored")
    emptied = engine.cleanup.trash.tend(TrashLimits(max_bytes=1))
    assert (emptied.removed, emptied.freed_bytes) == ((aside,), plan.freed_bytes)
    assert engine.disk().trash == 0
    assert list(engine.paths.trash.iterdir()) == []


def test_a_volume_stays_while_a_container_has_it_also_from_the_trash(engine: Engine) -> None:
    container = run(engine)
    for name in ("web", "web (in the trash)"):
        with pytest.raises(VolumeInUse) as caught:
            engine.cleanup.trash.put("volume:db")
        assert caught.value.holders == (name,)
        with suppress(NotFound):
            engine.containers.trash.put(container)

    engine.cleanup.trash.empty([f"trash:{container}"])
    put = engine.cleanup.trash.put("volume:db")

    assert [each.id for each in engine.cleanup.trash.list()] == [put]


def test_a_plan_for_good_does_not_ask_the_trash(engine: Engine) -> None:
    engine.volumes.create(VolumeSettings("data"))
    plan = engine.cleanup.preview([Rule(RuleKind.UNUSED_VOLUMES)])

    report = engine.cleanup.run(plan.id)

    assert (report.removed, engine.cleanup.trash.list()) == (("volume:data",), [])


def test_a_volume_that_was_made_anew_since_the_plan_stays(engine: Engine) -> None:
    engine.volumes.create(VolumeSettings("data"))
    plan = engine.cleanup.preview([Rule(RuleKind.UNUSED_VOLUMES)])
    engine.volumes.remove("data")
    engine.volumes.create(VolumeSettings("data"))

    report = engine.cleanup.run(plan.id, into_trash=True)

    assert [each.reason for each in report.skipped] == ["was used or made anew since"]
