"""Builds on a disk that they fill to its last block: an error, and nothing left of what failed."""

import os
from contextlib import suppress

import pytest

from engine.errors import OutOfSpace
from engine.mount import Mount
from engine.system.mounter import LinuxMounter
from engine.system.paths import EnginePaths
from tests.support.builds import opened_bench

pytestmark = pytest.mark.root
MIB = 1 << 20


@pytest.fixture
def bench(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    with (
        LinuxMounter().mounted([Mount("tmpfs", "tmpfs", ("size=24m",))], disk),
        opened_bench(EnginePaths(disk / "root", tmp_path / "run"), tmp_path / "context") as opened,
    ):
        yield opened


def fill(directory):
    """Leave no block on the disk of *directory*."""
    with suppress(OSError), (directory / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def kept(bench):
    return {each.key for each in bench.engine._ground.snapshotter.iter_snapshots()}


def test_a_copy_that_finds_no_room_leaves_nothing(bench):
    (bench.context / "f").write_bytes(os.urandom(13 * MIB))
    bench.build("FROM scratch\nCOPY f /f")
    before = kept(bench)

    with pytest.raises(OutOfSpace):
        bench.build("FROM scratch\nCOPY f /f\nCOPY f /g")

    assert kept(bench) == before


def test_a_program_that_fills_the_disk_leaves_nothing(bench):
    before = kept(bench)

    def filling(program):
        fill(bench.engine._ground.snapshotter.changes_directory(program.key))

    bench.runner.before = filling
    with pytest.raises(OutOfSpace):
        bench.build("FROM scratch\nRUN print full")

    bench.runner.before = lambda _: None
    assert kept(bench) == before
    assert bench.build("FROM scratch\nRUN write /x 1").image.layers


def test_cache_is_given_back_on_a_full_disk(bench):
    (bench.context / "f").write_bytes(os.urandom(4 * MIB))
    built = bench.build("FROM scratch\nCOPY f /f")
    bench.engine.images.remove(str(built.image.id), force=True)
    fill(bench.engine.paths.root)

    with suppress(OutOfSpace):
        bench.builds.prune_cache()
    bench.builds.prune_cache()

    assert kept(bench) == set()
