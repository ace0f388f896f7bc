"""What was acknowledged of volumes and networks is true after a power cut, with their content."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.containers.containers import IfRunning
from engine.networks.settings import IpamPool, NetworkSettings
from engine.settings import ContainerSettings
from engine.settings.mounts import MountKind, MountPoint
from engine.settings.network import Endpoint
from engine.volumes.settings import VolumeSettings
from tests.support.containers import BUSYBOX
from tests.support.power import machine

if TYPE_CHECKING:
    from pathlib import Path

    from engine.engine import Engine

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not BUSYBOX.exists(), reason="needs busybox-static"),
]
FIXED = "10.213.0.77"


def known_volumes(engine: Engine) -> dict[str, tuple[tuple[str, ...], dict[str, str]]]:
    """Return of each volume who has it and its labels."""
    return {
        each.name: (engine.volumes.holders(each.name), dict(each.labels))
        for each in engine.volumes.list()
    }


def assert_volumes_are_true(engine: Engine, acknowledged: object) -> None:
    assert known_volumes(engine) == acknowledged
    on_disk = {each.mountpoint for each in engine.volumes.list()}
    assert {place / "_data" for place in (engine.paths.root / "volumes").iterdir()} == on_disk
    for each in engine.volumes.list():
        (each.mountpoint / "write").write_text("it can be used")
    if "filled" in known_volumes(engine):
        assert len(list(engine.volumes.get("filled").mountpoint.iterdir())) > 2
    engine.containers.prune()
    for each in engine.volumes.list():
        engine.volumes.remove(each.name)


def test_volumes(tmp_path: Path) -> None:
    with machine(tmp_path, megabytes=64) as box:
        engine = box.engine
        image = engine.images.make_starter()
        engine.volumes.create(VolumeSettings(name="kept", labels={"of": "ana"}))
        box.cut(known_volumes(engine))
        container = engine.containers.create(
            ContainerSettings(
                image=str(image.id),
                network="none",
                mounts=(
                    MountPoint(MountKind.VOLUME, "/bin", source="filled"),
                    MountPoint(MountKind.VOLUME, "/anonymous"),
                    MountPoint(MountKind.VOLUME, "/kept", source="kept"),
                ),
            )
        )
        box.cut(known_volumes(engine))
        engine.containers.remove(container.id, with_volumes=True)
        box.cut(known_volumes(engine))
        engine.volumes.remove("kept")
        box.cut(known_volumes(engine))
        engine.volumes.prune()
        box.cut(known_volumes(engine))

        assert box.check_all(assert_volumes_are_true) == 5


def known_networks(engine: Engine) -> dict[str, tuple[object, dict[str, str]]]:
    """Return of each network its subnets and the addresses in it, by container."""
    return {
        each.name: (
            each.subnets,
            {
                end.container_id: end.settings.ipv4
                for end in engine.networks.endpoints_in(each.name)
            },
        )
        for each in engine.networks.list()
    }


def assert_networks_are_true(engine: Engine, acknowledged: object) -> None:
    assert known_networks(engine) == acknowledged
    for record in engine.containers.list():
        assert engine.containers.start(record.id).is_running
        engine.containers.remove(record.id, if_running=IfRunning.KILL)
    assert engine.containers.reconcile().is_clean
    engine.networks.prune()
    engine.networks.dismantle()


def test_networks(tmp_path: Path) -> None:
    with machine(tmp_path, megabytes=64) as box:
        engine = box.engine
        image = engine.images.make_starter()
        try:
            engine.networks.create(NetworkSettings("front"))
            box.cut(known_networks(engine))
            engine.networks.create(
                NetworkSettings("back", internal=True, ipam=(IpamPool("10.213.0.0/24"),))
            )
            settings = ContainerSettings(
                image=str(image.id), command=("/bin/sleep", "1000"), network="front"
            )
            container = engine.containers.create(settings)
            box.cut(known_networks(engine))
            engine.networks.connect("back", container.id, Endpoint("back", ipv4=FIXED))
            box.cut(known_networks(engine))
            engine.networks.disconnect("front", container.id)
            box.cut(known_networks(engine))
            engine.networks.remove("front")
            box.cut(known_networks(engine))
        finally:
            engine.networks.dismantle()

        assert box.check_all(assert_networks_are_true) == 5
