"""The ledger of a real root against du(1)."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from engine.containers.record import IfRunning
from engine.engine import Engine
from engine.images.starter import STARTER
from engine.oci.digest import Digest
from engine.settings import ContainerSettings
from engine.settings.mounts import MountKind, MountPoint
from engine.system.paths import EnginePaths
from engine.volumes.settings import VolumeSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.root

MEGABYTE = 1 << 20
STARTER_BLOB = Digest.of(b"a blob that never came whole")


@pytest.fixture
def engine(short_path: Path) -> Iterator[Engine]:
    with Engine.open(EnginePaths(short_path / "root", short_path / "run")) as opened:
        yield opened
        for container in opened.containers.list():
            opened.containers.remove(container.id, if_running=IfRunning.KILL)


def run(engine: Engine, script: str, *mounts: MountPoint) -> str:
    settings = ContainerSettings(
        image=STARTER.familiar, command=("sh", "-c", script), mounts=mounts, network="none"
    )
    container = engine.containers.create(settings)
    engine.containers.start(container.id)
    engine.containers.wait(container.id, timeout=30)
    return container.id


def du(path: Path) -> int:
    command = ["du", "--summarize", "--block-size=1", str(path)]
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(told.stdout.split()[0])


def test_the_ledger_and_the_file_system_say_the_same(engine: Engine) -> None:
    engine.images.make_starter(owner="ana")
    volume = engine.volumes.create(VolumeSettings("db"))
    mount = MountPoint(MountKind.VOLUME, "/db", "db")
    write = "dd if=/dev/zero bs=1M count={} of={} 2>/dev/null"
    run(engine, f"{write.format(6, '/data')}; {write.format(5, '/db/data')}; seq 200000", mount)
    with engine._ground.content.ingest(STARTER_BLOB, 9 * MEGABYTE) as ingest:
        ingest.write(bytes(2 * MEGABYTE))

    account = engine.account()

    assert account.measured == du(engine.paths.root)
    assert account.adds_up, account
    usage = account.usage
    assert usage == engine.disk()
    assert usage.volumes == engine.volumes.size(volume.name) >= 5 * MEGABYTE
    assert usage.writable_layers >= 6 * MEGABYTE
    assert usage.logs > MEGABYTE
    assert usage.unused == 2 * MEGABYTE


def test_what_a_running_container_shows_is_not_counted_once_more(engine: Engine) -> None:
    image = engine.images.make_starter(owner="ana")
    settings = ContainerSettings(image=STARTER.familiar, command=("sleep", "1000"), network="none")
    container = engine.containers.create(settings)
    before = engine.account()
    engine.containers.start(container.id)

    account = engine.account()

    shown = sum(each.size for each in image.layers)
    assert account.adds_up, account
    assert account.measured - before.measured < shown / 4
    assert account.places["bundles"] < shown / 4
