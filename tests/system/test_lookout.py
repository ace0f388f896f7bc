"""The ledger that follows changes, on the real kernel: held against a look at everything."""

from __future__ import annotations

import io
import tarfile
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from engine.cleanup.rules import Rule, RuleKind
from engine.containers.record import IfRunning
from engine.engine import Engine
from engine.images.starter import STARTER
from engine.ledger import usage_of
from engine.settings import ContainerSettings
from engine.settings.mounts import MountKind, MountPoint
from engine.system.clock import SYSTEM_CLOCK
from engine.system.paths import EnginePaths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

pytestmark = pytest.mark.root

IMAGE = STARTER.familiar
MEGABYTE = 1 << 20
WRITE = "dd if=/dev/zero of={} bs=1M count={} 2>/dev/null"


class Moving:
    """A clock that can be put forward."""

    ahead = timedelta()

    def now(self) -> datetime:
        return SYSTEM_CLOCK.now() + self.ahead


@pytest.fixture
def clock() -> Moving:
    return Moving()


@pytest.fixture
def engine(short_path: Path, clock: Moving) -> Iterator[Engine]:
    with Engine.open(EnginePaths(short_path / "root", short_path / "run"), clock=clock) as opened:
        opened.images.make_starter(owner="ana")
        yield opened
        for container in opened.containers.list():
            opened.containers.remove(container.id, if_running=IfRunning.KILL)


def create(engine: Engine, script: str, *mounts: MountPoint) -> str:
    settings = ContainerSettings(
        image=IMAGE, command=("sh", "-c", script), mounts=mounts, network="none"
    )
    return engine.containers.create(settings).id


def run(engine: Engine, script: str, *mounts: MountPoint) -> str:
    container = create(engine, script, *mounts)
    engine.containers.start(container)
    engine.containers.wait(container, timeout=30)
    return container


def tar_of(name: str, size: int) -> io.BytesIO:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = size
        tar.addfile(entry, io.BytesIO(bytes(size)))
    stream.seek(0)
    return stream


def check(engine: Engine) -> None:
    assert engine.disk() == usage_of(engine._surveyor.survey())


def test_it_follows_whatever_happens_in_this_process_and_others(engine: Engine) -> None:
    check(engine)
    with Engine.open(engine.paths) as other:
        container = run(other, WRITE.format("/data", 3), MountPoint(MountKind.VOLUME, "/db", "db"))
        check(engine)
        other.images.tag(IMAGE, "web:1")
        committed = other.containers.commit(container)
        check(engine)
        other.containers.trash.put(container)
        check(engine)
        other.containers.trash.restore(container)
        check(engine)
        other.containers.reset(container)
        check(engine)
        other.containers.start(container)
        other.containers.wait(container, timeout=30)
        check(engine)
        engine.images.remove(str(committed.id))
        check(other)
        other.containers.remove(container)
        other.volumes.remove("db")
        check(engine)
        other.cleanup.run(other.cleanup.preview([Rule(RuleKind.UNUSED_IMAGES)]).id)
        check(engine)
    assert engine.disk().layers == 0


def test_one_that_lags_far_behind_looks_at_everything(engine: Engine) -> None:
    check(engine)
    run(engine, "true")
    with engine._ground.database.write() as transaction:
        transaction.execute(
            "DELETE FROM ledger_changes WHERE sequence < (SELECT max(sequence) FROM ledger_changes)"
        )

    check(engine)


def test_what_is_copied_into_a_stopped_container_counts(engine: Engine) -> None:
    container = create(engine, "true")
    before = engine.disk().writable_layers
    engine.containers.write_archive(container, "/", tar_of("note", MEGABYTE))

    plan = engine.cleanup.preview([Rule(RuleKind.STOPPED_CONTAINERS)])

    check(engine)
    assert engine.disk().writable_layers >= before + MEGABYTE
    assert [each.reason for each in plan.kept] == ["was created a moment ago"]
    engine.containers.revert(container, ["/note"])
    assert engine.disk().writable_layers < before + MEGABYTE


def test_what_looking_into_a_new_container_leaves_behind_counts(engine: Engine) -> None:
    container = create(engine, "true")
    before = engine.disk().writable_layers

    engine.containers.stat_path(container, "/bin")

    usage = engine._ground.snapshotter.usage(container).bytes
    assert engine.disk().writable_layers == usage > before


def test_what_ends_is_measured_once_more_and_exact(engine: Engine, clock: Moving) -> None:
    container = create(engine, f"{WRITE.format('/data', 2)}; sleep 1000")
    engine.containers.start(container)
    engine.disk()
    engine.containers.kill(container)
    engine.containers.wait(container, timeout=30)

    usage = engine.disk()

    assert usage.measured_at is None
    check(engine)
    engine._measurer.measure = None  # type: ignore[assignment,method-assign]
    clock.ahead = timedelta(hours=5)
    assert engine.measure(60.0) == 0
    assert engine.disk() == usage


def test_what_runs_says_how_old_its_size_is(engine: Engine, clock: Moving) -> None:
    container = create(engine, "read x; sleep 1000")
    engine.containers.start(container)
    engine.measure(60.0)
    first = engine.disk()
    engine.containers.write_archive(container, "/", tar_of("note", MEGABYTE))

    # Nobody measures because somebody asks.
    assert engine.disk() == first
    assert engine.disk().measured_at == first.measured_at is not None
    assert engine.measure(60.0) == 0
    clock.ahead = timedelta(minutes=1)
    assert engine.measure(60.0) > 0

    second = engine.disk()
    assert second.writable_layers >= first.writable_layers + MEGABYTE
    assert second.measured_at is not None
    assert second.measured_at > first.measured_at


def test_a_volume_that_grows_in_use_is_measured_again(engine: Engine, clock: Moving) -> None:
    container = create(engine, "sleep 1000", MountPoint(MountKind.VOLUME, "/db", "db"))
    engine.containers.start(container)
    engine.measure(60.0)
    first = engine.disk()
    (engine.volumes.get("db").directory / "grown").write_bytes(bytes(MEGABYTE))

    clock.ahead = timedelta(minutes=1)
    engine.measure(60.0)

    assert engine.disk().volumes >= first.volumes + MEGABYTE


def test_what_work_at_hand_needs_is_kept_whatever_else_is_leased(engine: Engine) -> None:
    (image,) = engine.images.list()
    rules = [Rule(RuleKind.UNUSED_IMAGES)]
    with engine._ground.leases.held() as lease:
        lease.add("snapshot:tar-of-a-load", "blob:nothing")
        assert [each.id for each in engine.cleanup.preview(rules).items] == [str(image.id)]
        lease.add(f"snapshot:{image.layers[0].chain_id}")
        plan = engine.cleanup.preview(rules)

    assert [each.reason for each in plan.kept] == ["is needed by work at hand"]
