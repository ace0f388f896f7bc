"""The engine's one entrance, on the real kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.cleanup.rules import Rule, RuleKind
from engine.containers.record import IfRunning
from engine.engine import Engine
from engine.errors import ImageInUse
from engine.images.starter import STARTER
from engine.progress import Cancellation
from engine.settings import ContainerSettings
from engine.system.paths import EnginePaths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.cleanup.plan import SealedPlan

pytestmark = pytest.mark.root

IMAGE = STARTER.familiar


@pytest.fixture
def paths(short_path: Path) -> EnginePaths:
    return EnginePaths(short_path / "root", short_path / "run")


@pytest.fixture
def engine(paths: EnginePaths) -> Iterator[Engine]:
    with Engine.open(paths) as opened:
        yield opened
        for container in opened.containers.list():
            opened.containers.remove(container.id, if_running=IfRunning.KILL)


def run(engine: Engine, *command: str) -> str:
    """Run a container of the starter image to its end and return its ID."""
    container = engine.containers.create(ContainerSettings(image=IMAGE, command=command))
    engine.containers.start(container.id)
    engine.containers.wait(container.id, timeout=30)
    return container.id


def test_the_starter_image_runs_without_any_registry(engine: Engine) -> None:
    engine.images.make_starter(owner="ana")
    container = run(engine, "echo", "ahoy")

    assert [line.content for line in engine.containers.logs(container)] == [b"ahoy"]


def test_making_the_starter_image_twice_changes_nothing(engine: Engine) -> None:
    first = engine.images.make_starter(owner="ana")

    assert engine.images.make_starter(owner="bob") == first
    assert len(engine.images.list()) == 1


def test_two_engines_on_one_root_see_the_same(engine: Engine, paths: EnginePaths) -> None:
    engine.images.make_starter(owner="ana")
    container = engine.containers.create(ContainerSettings(image=IMAGE, command=("sleep", "1000")))
    with Engine.open(paths) as other:
        other.containers.start(container.id)

        assert engine.containers.get(container.id).is_running


def image_bytes(engine: Engine) -> int:
    usage = engine.disk()
    return usage.layers + usage.archives + usage.documents


def stopped_plan(engine: Engine) -> SealedPlan:
    return engine.cleanup.preview([Rule(RuleKind.STOPPED_CONTAINERS)])


def test_a_preview_of_stopped_containers_is_exact(engine: Engine) -> None:
    engine.images.make_starter(owner="ana")
    wrote = run(engine, "dd", "if=/dev/zero", "of=/data", "bs=1024", "count=512")
    plan = stopped_plan(engine)
    report = engine.cleanup.run(plan.id)

    assert report.removed == (wrote,)
    assert report.freed_bytes == plan.freed_bytes >= 512 * 1024


def test_a_preview_of_untagged_images_is_exact(engine: Engine) -> None:
    image = engine.images.make_starter(owner="ana")
    container = run(engine, "true")
    with pytest.raises(ImageInUse):
        engine.images.remove(str(image.id))
    engine.images.remove(IMAGE, force=True)
    kept = engine.cleanup.preview([Rule(RuleKind.UNTAGGED_IMAGES)])
    engine.containers.remove(container)
    plan = engine.cleanup.preview([Rule(RuleKind.UNTAGGED_IMAGES)])
    before = image_bytes(engine)
    report = engine.cleanup.run(plan.id)

    assert [each.id for each in kept.kept] == [str(image.id)]
    assert report.freed_bytes == plan.freed_bytes == before > 0
    assert image_bytes(engine) == 0


def test_what_came_into_use_after_the_preview_is_left_alone(engine: Engine) -> None:
    engine.images.make_starter(owner="ana")
    gone, left = (run(engine, "true") for _ in range(2))
    settings = ContainerSettings(image=IMAGE, command=("sleep", "1000"))
    started = engine.containers.create(settings).id
    engine.containers.start(started)
    engine.containers.kill(started)
    plan = stopped_plan(engine)
    engine.containers.start(started)
    engine.containers.remove(gone)
    report = engine.cleanup.run(plan.id)

    assert report.removed == (left,)
    assert {each.id: each.reason for each in report.skipped} == {
        started: "was started since",
        gone: "is gone already",
    }


def test_a_cancelled_clean_up_reports_what_it_left(engine: Engine) -> None:
    engine.images.make_starter(owner="ana")
    container = run(engine, "true")
    cancellation = Cancellation()
    cancellation.cancel()
    report = engine.cleanup.run(stopped_plan(engine).id, cancellation=cancellation)

    assert report.removed == ()
    assert [each.id for each in report.skipped] == [container]


def test_reconciling_what_is_well_changes_nothing(engine: Engine) -> None:
    engine.images.make_starter(owner="ana")
    container = engine.containers.create(ContainerSettings(image=IMAGE, command=("sleep", "1000")))
    engine.containers.start(container.id)
    images, last = engine.images.list(), engine.events.last_sequence()
    engine.reconcile()

    assert engine.images.list() == images
    assert engine.containers.get(container.id).is_running
    assert engine.events.last_sequence() == last
