"""
Killed for real at every step of what clean-ups and the trash do.

A child process counts what it changes, on the disk and in the records, and ends itself with SIGKILL
before the change of some number, which is each in turn. Afterwards nothing is lost, nothing is
there twice, and the ledger says what a look at everything says.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from engine.cleanup.rules import Rule, RuleKind
from engine.engine import Engine
from engine.images.starter import STARTER
from engine.ledger import usage_of
from engine.settings import ContainerSettings
from engine.system import database as database_module
from engine.system.paths import EnginePaths
from engine.volumes.settings import VolumeSettings
from tests.support.crashes import kill_oneself

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.root

IMAGE = STARTER.familiar
RULES = [
    Rule(RuleKind.STOPPED_CONTAINERS),
    Rule(RuleKind.UNUSED_IMAGES),
    Rule(RuleKind.UNUSED_VOLUMES),
]
CONTENT = b"precious" * 4096
CHANGES = ("rename", "unlink", "rmdir", "mkdir", "truncate")
# Further on it is one file after the other that goes; of these some are enough.
CLOSELY, STRIDE, MOST_STEPS = 40, 9, 1000


@contextmanager
def opened(place: Path) -> Iterator[Engine]:
    with Engine.open(EnginePaths(place / "root", place / "run")) as engine:
        yield engine


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with an image, a container of it that ended, and a volume."""
    place = tmp_path_factory.mktemp("model")
    with opened(place) as engine:
        engine.images.make_starter(owner="ana")
        script = "echo ahoy; dd if=/dev/zero of=/data bs=1024 count=64 2>/dev/null"
        wanted = ContainerSettings(
            name="web", image=IMAGE, command=("sh", "-c", script), network="none"
        )
        container = engine.containers.create(wanted)
        engine.containers.start(container.id)
        engine.containers.wait(container.id, timeout=60)
        volume = engine.volumes.create(VolumeSettings("data"), owner="ana")
        (volume.mountpoint / "file").write_bytes(CONTENT)
        engine.disk()
    return place


def into_trash(engine: Engine) -> None:
    engine.cleanup.run(engine.cleanup.preview(RULES).id, into_trash=True)


def for_good(engine: Engine) -> None:
    engine.cleanup.run(engine.cleanup.preview(RULES).id)


def emptied(engine: Engine) -> None:
    engine.cleanup.trash.empty([each.id for each in engine.cleanup.trash.list()])


def restored(engine: Engine) -> None:
    # An image comes before its containers.
    for each in sorted(engine.cleanup.trash.list(), key=lambda item: item.kind, reverse=True):
        engine.cleanup.trash.restore(each.id)


def count(step: Callable[[], None]) -> None:
    """Have *step* called before everything that this process changes from now on."""

    def counted(module: Any, name: str) -> None:
        change = getattr(module, name)

        def call(*arguments: Any, **named: Any) -> Any:
            step()
            return change(*arguments, **named)

        setattr(module, name, call)

    for name in CHANGES:
        counted(os, name)

    class Counted(sqlite3.Connection):
        def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
            if statement == "COMMIT":
                step()
            return super().execute(statement, *values)

    connect = sqlite3.connect
    database_module.sqlite3.connect = lambda *a, **b: connect(*a, **b, factory=Counted)  # type: ignore[assignment]


def ends_by_itself(place: Path, act: Callable[[Engine], None], *, at: int) -> bool:
    """Do *act* in a child that is killed before its change number *at*; return whether it ended."""
    child = os.fork()
    if child == 0:
        left = iter(range(at))

        def step() -> None:
            if next(left, None) is None:
                kill_oneself()

        try:
            count(step)
            with opened(place) as engine:
                act(engine)
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert not os.WIFEXITED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFEXITED(status)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("before", "act", "may_be_gone"),
    [
        pytest.param(None, into_trash, False, id="into-the-trash"),
        pytest.param(into_trash, restored, False, id="restore"),
        pytest.param(into_trash, emptied, True, id="empty"),
        pytest.param(None, for_good, True, id="plan-for-good"),
    ],
)
def test_killed_at_any_step_nothing_is_lost_or_doubled(
    model: Path,
    short_path: Path,
    before: Callable[[Engine], None] | None,
    act: Callable[[Engine], None],
    may_be_gone: bool,
) -> None:
    steps = 0
    while True:
        place = short_path / str(steps)
        subprocess.run(["cp", "-a", str(model), str(place)], check=True)
        if before:
            with opened(place) as engine:
                before(engine)
        is_over = ends_by_itself(place, act, at=steps)
        check(place, may_be_gone=may_be_gone)
        shutil.rmtree(place)
        if is_over:
            break
        steps += 1 if steps < CLOSELY else STRIDE
        assert steps < MOST_STEPS
    assert steps > 4


def check(place: Path, *, may_be_gone: bool) -> None:
    with opened(place) as engine:
        engine.reconcile()
        containers = [each.name for each in engine.containers.list()]
        containers += [each.record.name for each in engine.containers.trash.list()]
        images = [each.tags for each in engine.images.list()]
        images += [each.record.tags for each in engine._surveyor._sources.image_trash.list()]
        assert containers == ["web"] or (may_be_gone and containers == [])
        assert images == [(STARTER,)] or (may_be_gone and images == [])
        volumes = [each.name for each in engine.volumes.list()]
        aside = engine.volumes.trash.list()
        assert volumes + [each.record.name for each in aside] == ["data"] or (
            may_be_gone and not volumes and not aside
        )
        assert images or not containers
        # A blob that nothing needs is kept for a day, for pulls that go on from it.
        engine.images.sweep(keep_for=timedelta(microseconds=1))
        assert engine.check().findings == ()
        assert engine.disk() == usage_of(engine._surveyor.survey())
        assert engine.disk().unused == 0
        kept = [engine.volumes.trash.locate(each.id) for each in aside]
        assert list(engine.paths.trash.iterdir()) == kept
        restored(engine)
        for volume in engine.volumes.list():
            assert (volume.mountpoint / "file").read_bytes() == CONTENT
            assert volume.owner == "ana"
        if containers:
            container = engine.containers.start("web")
            engine.containers.wait(container.id, timeout=60)
            lines = [each.content for each in engine.containers.logs(container.id)]
            assert lines == [b"ahoy", b"ahoy"]
            engine.containers.remove(container.id)
        act_on_the_rest(engine)


def act_on_the_rest(engine: Engine) -> None:
    """What is left can be cleaned up as ever, and nothing takes the disk then."""
    for_good(engine)
    usage = engine.disk()
    assert usage.total == usage.logs
