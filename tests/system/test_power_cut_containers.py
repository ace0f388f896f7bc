"""What was acknowledged of containers is true after a power cut, and they run again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.containers.containers import IfRunning
from engine.containers.state import ContainerState
from engine.settings import ContainerSettings, ResourceUpdate, RestartPolicy
from engine.settings.mounts import MountKind, MountPoint
from tests.support.containers import BUSYBOX
from tests.support.power import machine

if TYPE_CHECKING:
    from pathlib import Path

    from engine.engine import Engine

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not BUSYBOX.exists(), reason="needs busybox-static"),
]
SECONDS = 30.0


def known(engine: Engine) -> dict[str, tuple[str, int, bool]]:
    """Return what people were told of each container: name, limit, whether it was stopped."""
    return {
        each.id: (each.name, each.settings.memory_bytes, each.was_stopped)
        for each in engine.containers.list()
    }


def assert_true_and_alive(engine: Engine, acknowledged: object) -> None:
    assert known(engine) == acknowledged
    for record in engine.containers.list():
        assert record.state in {
            ContainerState.CREATED,
            ContainerState.EXITED,
            ContainerState.RESTARTING,
        }
        assert engine.containers.start(record.id).is_running
        engine.containers.remove(record.id, if_running=IfRunning.KILL)
    assert engine.containers.reconcile().is_clean


def test_what_was_acknowledged_is_true_afterwards(tmp_path: Path) -> None:
    with machine(tmp_path) as box:
        engine = box.engine
        image = engine.images.make_starter()
        settings = ContainerSettings(
            image=str(image.id),
            command=("/bin/sleep", "1000"),
            network="none",
            restart=RestartPolicy("unless-stopped"),
        )
        first, second = (engine.containers.create(settings).id for _ in range(2))
        box.cut(known(engine))
        engine.containers.start(first)
        box.cut(known(engine))
        engine.containers.rename(first, "web")
        engine.containers.update(first, ResourceUpdate(memory_bytes=64 << 20))
        box.cut(known(engine))
        engine.containers.stop(first, timeout=0)
        box.cut(known(engine))
        engine.containers.remove(second)
        box.cut(known(engine))
        engine.containers.prune()
        box.cut(known(engine))

        assert box.check_all(assert_true_and_alive) == 6


def assert_nothing_else(engine: Engine, acknowledged: object) -> None:
    engine.containers.reconcile()

    assert {each.id for each in engine.containers.list()} == acknowledged
    assert bool(engine.volumes.list()) == bool(acknowledged)
    for record in engine.containers.list():
        engine.containers.remove(record.id, with_volumes=True)
    assert engine.containers.reconcile().is_clean
    assert list((engine.paths.root / "volumes").iterdir()) == []


def test_what_goes_at_its_exit_is_gone_whatever_had_reached_the_disk(tmp_path: Path) -> None:
    with machine(tmp_path, megabytes=64) as box:
        engine = box.engine
        settings = ContainerSettings(
            image=str(engine.images.make_starter().id),
            command=("/bin/sleep", "1000"),
            mounts=(MountPoint(MountKind.VOLUME, "/data"),),
            auto_remove=True,
        )
        record = engine.containers.create(settings)
        box.cut({record.id})
        engine.containers.start(record.id)
        box.cut(set())
        engine.containers.stop(record.id, timeout=0)
        assert not engine.containers.list()
        box.cut(set())

        assert box.check_all(assert_nothing_else) == 3
