"""Unpacking onto a disk that is full, or that loses its power."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from engine.errors import OutOfSpace
from engine.images.unpack import StagedLayer, Unpacker, staging_key
from engine.snapshots.overlay import OverlaySnapshotter
from engine.snapshots.store import SCHEMA
from engine.system.database import Database
from engine.system.locks import Locks
from engine.system.paths import EnginePaths
from tests.support.builders import BuiltImage, built_image, built_layer, file
from tests.support.disks import copy_as_after_a_power_cut, make_disk, mounted_disk
from tests.support.fakes import FakeStore
from tests.support.layers import packed_blob

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.root
MEGABYTE = 1 << 20


@pytest.fixture
def backing(tmp_path: Path) -> Path:
    return make_disk(tmp_path / "disk.img", megabytes=64)


@pytest.fixture
def disk(tmp_path: Path, backing: Path) -> Iterator[Path]:
    with mounted_disk(backing, tmp_path / "disk") as place:
        yield place


def open_root(disk: Path, run: Path) -> tuple[Database, OverlaySnapshotter]:
    paths = EnginePaths(disk / "root", run)
    paths.ensure()
    database = Database(paths.database, [SCHEMA])
    return database, OverlaySnapshotter(paths.snapshots, database, trash=paths.trash)


def stage_all(
    image: BuiltImage, snapshotter: OverlaySnapshotter, run: Path
) -> tuple[Unpacker, list[StagedLayer]]:
    store = FakeStore()
    unpacker = Unpacker(snapshotter, Locks(run / "locks"))
    parent, staged = None, []
    for layer, chain_id in zip(image.layers, image.chain_ids, strict=True):
        store.put(layer.blob)
        staged.append(
            unpacker.stage_packed(
                packed_blob(store, layer.descriptor),
                diff_id=layer.diff_id,
                chain_id=chain_id,
                parent=parent,
            )
        )
        parent = chain_id
    return unpacker, staged


def image_of(text: bytes) -> BuiltImage:
    files = [file(f"file-{number}", text * 1000) for number in range(200)]
    return built_image(built_layer(*files), built_layer(file("last", text)))


def test_a_full_disk_is_said_and_nothing_is_left(disk: Path, tmp_path: Path) -> None:
    image = built_image(built_layer(file("large", os.urandom(70 * MEGABYTE))))
    database, snapshotter = open_root(disk, tmp_path / "run")

    with closing(database), pytest.raises(OutOfSpace):
        stage_all(image, snapshotter, tmp_path / "run")

    assert list((disk / "root/snapshots").iterdir()) == []
    assert list((disk / "root/trash").iterdir()) == []


def test_what_was_committed_survives_a_power_cut(disk: Path, backing: Path, tmp_path: Path) -> None:
    image = image_of(b"committed")
    database, snapshotter = open_root(disk, tmp_path / "run")
    unpacker, staged = stage_all(image, snapshotter, tmp_path / "run")
    unpacker.commit(staged)
    copy = copy_as_after_a_power_cut(backing, tmp_path / "copy.img")
    database.close()

    with mounted_disk(copy, tmp_path / "after") as after:
        database, snapshotter = open_root(after, tmp_path / "run-after")
        with closing(database):
            upper, lower = snapshotter.layer_directories(image.chain_ids[-1])
            assert (upper / "last").read_bytes() == b"committed"
            assert all(
                (lower / f"file-{number}").read_bytes() == b"committed" * 1000
                for number in range(200)
            )


def test_what_was_staged_whole_survives_a_power_cut(
    disk: Path, backing: Path, tmp_path: Path
) -> None:
    image = image_of(b"staged")
    database, snapshotter = open_root(disk, tmp_path / "run")
    stage_all(image, snapshotter, tmp_path / "run")
    copy = copy_as_after_a_power_cut(backing, tmp_path / "copy.img")
    database.close()

    with mounted_disk(copy, tmp_path / "after") as after:
        database, snapshotter = open_root(after, tmp_path / "run-after")
        with closing(database):
            place = snapshotter.staged_directory(staging_key(image.chain_ids[0]))
            assert (place / "file-199").read_bytes() == b"staged" * 1000
