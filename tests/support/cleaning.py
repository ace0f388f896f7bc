"""Things to clean up."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from engine.settings import ContainerSettings
from engine.volumes.settings import VolumeSettings
from tests.support.builders import file, layer_tar
from workers.inventory import Inventory

if TYPE_CHECKING:
    from engine.containers.record import ContainerRecord
    from engine.engine import Engine
    from engine.images.record import ImageRecord

BASE = file("etc/motd", b"welcome" * 1000)
ASK_ANA = "belongs to ana: ask the owner"


def add_image(engine: Engine, tag: str | None, content: bytes = b"x") -> ImageRecord:
    tar = layer_tar(BASE, file("etc/own", content * 1000))
    return engine.images.import_tar(io.BytesIO(tar), reference=tag, owner="ana")


def add_container(
    engine: Engine, image: ImageRecord, name: str, *, owner: str = "ana"
) -> ContainerRecord:
    settings = ContainerSettings(name=name, image=str(image.id), command=("true",), network="none")
    return engine.containers.create(settings, owner=owner)


def add_volume(engine: Engine, name: str, *, owner: str = "ana") -> None:
    volume = engine.volumes.create(VolumeSettings(name), owner=owner)
    (volume.mountpoint / "file").write_text(name)


def project(engine: Engine) -> None:
    Inventory(engine, "alpha").sync_everything()
