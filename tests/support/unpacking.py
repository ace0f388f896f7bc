"""Where layers of built images are unpacked and looked at."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.system.mounter import LinuxMounter
from tests.support.layers import packed_blob

if TYPE_CHECKING:
    from pathlib import Path

    from engine.images.unpack import StagedLayer, Unpacker
    from engine.oci.digest import ChainID
    from engine.snapshots.snapshotter import Snapshotter
    from engine.system.locks import Locks
    from tests.support.builders import BuiltImage
    from tests.support.fakes import FakeStore


@dataclass
class World:
    """A store, a snapshotter and an unpacker over a root of their own."""

    store: FakeStore
    snapshotter: Snapshotter
    unpacker: Unpacker
    locks: Locks
    place: Path

    def stage(self, image: BuiltImage, number: int, **facts: object) -> StagedLayer:
        layer, chains = image.layers[number], image.chain_ids
        if not self.store.has(layer.descriptor.digest):
            self.store.put(layer.blob)
        return self.unpacker.stage_packed(
            packed_blob(self.store, layer.descriptor),
            diff_id=layer.diff_id,
            chain_id=chains[number],
            parent=chains[number - 1] if number else None,
            **facts,  # type: ignore[arg-type]
        )

    def unpack(self, image: BuiltImage) -> ChainID:
        numbers = range(len(image.layers))
        self.unpacker.commit([self.stage(image, number) for number in numbers])
        return image.chain_ids[-1]

    def tree(self, image: BuiltImage) -> dict[str, str]:
        """Return every path of the unpacked image with its kind, mode, owner and content."""
        mounts = self.snapshotter.view("look", parent=self.unpack(image))
        target = self.place / "look"
        target.mkdir(exist_ok=True)
        with LinuxMounter().mounted(mounts, target):
            seen = {str(each.relative_to(target)): _described(each) for each in _all(target)}
        self.snapshotter.remove("look")
        return seen


def _all(target: Path) -> list[Path]:
    return sorted([target, *target.rglob("*")])


def _described(path: Path) -> str:
    status = path.lstat()
    facts = f"{stat.filemode(status.st_mode)} {status.st_uid}:{status.st_gid}"
    if path.is_symlink():
        return f"{facts} -> {path.readlink()}"
    return f"{facts} {path.read_text()}" if path.is_file() else facts
