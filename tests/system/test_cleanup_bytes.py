"""What a plan says comes free, against what du(1) and statvfs(2) say did, on an ext4 of its own."""

from __future__ import annotations

import io
import itertools
import os
import subprocess
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.engine import Engine
from engine.settings import ContainerSettings
from engine.system.paths import EnginePaths
from tests.support.builders import file, layer_tar
from tests.support.disks import make_disk, mounted_disk
from tests.support.images import pack_image
from tests.support.registry import FakeRegistry, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.root

# Sizes around those of blocks; a file of many names and one that is empty are among them.
LAYERS = [
    layer_tar(*(file(f"{number}/{name}", b"%d" % number * size) for name, size in files.items()))
    for number, files in enumerate(
        [{"a": 1, "b": 4096}, {"a": 4097, "empty": 0}, {"big": 300_000}, {"a": 12_288, "b": 9}]
    )
]
NUMBERS = itertools.count()


@dataclass(frozen=True)
class Mess:
    """Which layers each image has, what each container wrote, and what of all that goes where."""

    stacks: list[list[int]]
    written: list[tuple[int, int]]
    trashed: list[int]
    chosen: list[int]


@st.composite
def messes(draw: st.DrawFn) -> Mess:
    stacks = draw(
        st.lists(
            st.lists(st.integers(0, len(LAYERS) - 1), min_size=1, max_size=3),
            min_size=2,
            max_size=4,
            unique_by=tuple,
        )
    )
    containers = st.tuples(st.integers(0, len(stacks) - 1), st.integers(0, 20_000))
    written = draw(st.lists(containers, max_size=4))
    things = st.integers(0, len(stacks) + len(written) - 1)
    return Mess(stacks, written, draw(st.lists(things, max_size=2)), draw(st.lists(things)))


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("disk")
    with mounted_disk(make_disk(place / "image", megabytes=256), place / "mounted") as mounted:
        yield mounted


@pytest.fixture(scope="module")
def registry() -> Iterator[FakeRegistry]:
    with serving(FakeRegistry()) as serves:
        yield serves


@pytest.mark.timeout(300)
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(mess=messes())
def test_what_comes_free_is_what_was_promised(
    disk: Path, registry: FakeRegistry, short_path: Path, mess: Mess
) -> None:
    place = disk / str(next(NUMBERS))
    # Sockets want short names.
    (short := short_path / place.name).symlink_to(place)
    place.mkdir()
    with Engine.open(EnginePaths(short / "r", short_path / f"v{place.name}")) as engine:
        things = [*pulled(engine, registry, mess), *made(engine, mess)]
        trash(engine, [things[each] for each in mess.trashed])
        going = {things[each] for each in mess.chosen}
        check(engine, place, going)
    subprocess.run(["rm", "-rf", str(place)], check=True)


def pulled(engine: Engine, registry: FakeRegistry, mess: Mess) -> list[str]:
    images = []
    for number, stack in enumerate(mess.stacks):
        image = pack_image(*(LAYERS[each] for each in stack), label=str(number))
        reference = registry.put_image(f"team/i{number}", image)
        images.append(str(engine.images.pull(reference).image.id))
    return images


def made(engine: Engine, mess: Mess) -> list[str]:
    images = sorted(engine.images.list(), key=lambda image: image.added_at)
    containers = []
    for of, size in mess.written:
        wanted = ContainerSettings(image=str(images[of].id), command=("x",), network="none")
        container = engine.containers.create(wanted).id
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as tar:
            entry = tarfile.TarInfo("written")
            entry.size = size
            tar.addfile(entry, io.BytesIO(bytes(range(1, 251)) * (size // 250 + 1)))
        stream.seek(0)
        engine.containers.write_archive(container, "/", stream)
        containers.append(container)
    return containers


def trash(engine: Engine, things: list[str]) -> None:
    """Put what can be there into the trash."""
    for each in sorted(set(things), key=lambda thing: ":" in thing):
        if ":" not in each:
            engine.containers.trash.put(each)
        elif not engine.containers.present_holders(engine.images.get(each).id):
            engine.cleanup.trash.put(each)


def check(engine: Engine, place: Path, going: set[str]) -> None:
    containers = [each for each in going if engine.containers.find(each) is not None]
    images = [
        each
        for each in going
        if ":" in each
        and (image := engine.images.find(each)) is not None
        and not engine.containers.trashed_holders(image.id)
        and set(engine.containers.present_holders(image.id))
        <= {engine.containers.get(of).name for of in containers}
    ]
    aside = {each.subject: each.id for each in engine.cleanup.trash.list()}
    emptied = [aside[each] for each in going if each in aside]
    selection = [*containers, *images, *emptied]
    engine.disk()
    before = Reading.of(engine, place)
    promised = engine.cleanup._tools.lookout.freed(selection)

    for each in containers:
        engine.containers.remove(each)
    for each in images:
        engine.images.remove(each, force=True)
    report = engine.cleanup.trash.empty(emptied)
    engine.images.collect_stray_layers()

    # An image stays in the trash for the sake of a container there that stays.
    if not report.skipped:
        after = Reading.of(engine, place)
        assert before.told - after.told == promised
        assert before.kept - after.kept == promised
        assert before.disk - after.disk == promised + before.beside - after.beside


@dataclass(frozen=True)
class Reading:
    """
    What is taken: as the ledger *told*, as du(1) says of what is *kept*, and of the whole *disk*.

    *beside* is what of the disk is in no ledger: records and bundles.
    """

    told: int
    kept: int
    beside: int
    disk: int

    @staticmethod
    def of(engine: Engine, place: Path) -> Reading:
        told = engine.disk().total
        os.sync()
        root = place / "r"
        kept = sum(du(root / each) - lone(root / each) for each in ("snapshots", "volumes"))
        kept += blobs(root / "content")
        disk = os.statvfs(place)
        used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
        return Reading(told, kept, du(root) - kept, used)


def lone(path: Path) -> int:
    return path.stat().st_blocks * 512


def blobs(path: Path) -> int:
    return sum(each.stat().st_blocks * 512 for each in path.rglob("*") if each.is_file())


def du(path: Path) -> int:
    command = ["du", "--summarize", "--block-size=1", str(path)]
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(told.stdout.split()[0])
