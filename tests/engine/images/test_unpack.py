from __future__ import annotations

import io
import stat
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from engine.errors import (
    BlobNotFound,
    DiffIDMismatch,
    DigestMismatch,
    InvalidLayer,
    LimitExceeded,
    UnsafePath,
)
from engine.images.unpack import Packed, StagedLayer, Unpacker, staging_key
from engine.oci.digest import ChainID, DiffID, Digest
from engine.oci.media_types import Compression
from engine.progress import Cancellation, Cancelled, LayerProgress
from engine.snapshots.native import NativeSnapshotter
from engine.snapshots.overlay import OverlaySnapshotter
from engine.snapshots.snapshotter import Kind
from engine.snapshots.store import SCHEMA
from engine.system.database import Database
from engine.system.files import measure
from engine.system.locks import Locks
from engine.system.mounter import LinuxMounter
from engine.system.paths import EnginePaths
from tests.support.builders import (
    BuiltImage,
    built_image,
    built_layer,
    directory,
    file,
    hardlink,
    layer_tar,
    opaque,
    symlink,
    tiny_image,
    whiteout,
)
from tests.support.fakes import FakeStore
from tests.support.layers import packed_blob
from tests.support.tars import gnu_sparse_tar, header, pax_record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from engine.errors import EngineError
    from engine.snapshots.snapshotter import Snapshotter

pytestmark = pytest.mark.root


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


@pytest.fixture(params=["overlay", "native"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    paths = EnginePaths(tmp_path / "root", tmp_path / "run")
    paths.ensure()
    database = Database(paths.database, [SCHEMA])
    kinds = {"overlay": OverlaySnapshotter, "native": NativeSnapshotter}
    snapshotter = kinds[request.param](paths.snapshots, database, trash=paths.trash)
    store, locks = FakeStore(), Locks(paths.locks)
    yield World(store, snapshotter, Unpacker(snapshotter, locks), locks, tmp_path)
    database.close()


def test_an_image_is_unpacked_layer_on_layer(world: World) -> None:
    tree = world.tree(tiny_image("hello", layers=3))

    assert tree["etc/os-release"] == "-rw-r--r-- 0:0 ID=tiny\n"
    assert tree["greeting-1"] == "-rw-r--r-- 0:0 hello"
    assert tree["greeting-2"] == "-rw-r--r-- 0:0 hello"


def test_layers_may_be_staged_in_any_order(world: World) -> None:
    image = tiny_image(layers=3)
    staged = {number: world.stage(image, number) for number in (2, 0, 1)}

    world.unpacker.commit([staged[0], staged[1], staged[2]])

    assert "greeting-2" in world.tree(image)


def test_a_layer_that_is_here_is_not_unpacked_again(world: World) -> None:
    base = tiny_image()
    world.unpack(base)
    world.store.remove(base.layers[0].descriptor.digest)

    staged = world.unpacker.stage_packed(
        packed_blob(world.store, base.layers[0].descriptor),
        diff_id=base.layers[0].diff_id,
        chain_id=base.chain_ids[0],
        parent=None,
    )

    assert staged.is_committed


def test_committing_twice_is_committing_once(world: World) -> None:
    image = tiny_image()
    staged = [world.stage(image, number) for number in range(2)]

    assert world.unpacker.commit(staged) == world.unpacker.commit(staged)


def test_the_recorded_sizes_are_what_the_disk_holds(world: World) -> None:
    image = tiny_image(layers=3)
    world.unpack(image)

    for chain_id in image.chain_ids:
        recorded = world.snapshotter.get(str(chain_id)).size
        assert recorded == world.snapshotter.usage(str(chain_id)).bytes


def test_what_two_images_share_is_there_once(world: World) -> None:
    world.unpack(tiny_image("one"))
    world.unpack(tiny_image("two"))

    assert len(list(world.snapshotter.iter_snapshots())) == 3


def test_deleted_and_replaced_things_are_gone(world: World) -> None:
    image = built_image(
        built_layer(
            directory("kept"),
            file("kept/old", b"1"),
            directory("emptied"),
            file("emptied/old", b"1"),
            directory("became-file"),
            file("became-file/x", b"1"),
            file("became-directory", b"1"),
            file("gone", b"1"),
        ),
        built_layer(
            whiteout("gone"),
            whiteout("kept/old"),
            directory("emptied"),
            opaque("emptied"),
            file("emptied/new", b"2"),
            file("became-file", b"2"),
            directory("became-directory"),
            file("became-directory/y", b"2"),
        ),
    )

    tree = world.tree(image)

    assert sorted(tree) == [
        ".",
        "became-directory",
        "became-directory/y",
        "became-file",
        "emptied",
        "emptied/new",
        "kept",
    ]


@pytest.mark.parametrize("whiteout_first", [True, False])
def test_a_directory_removed_and_made_anew_shows_nothing_old(
    world: World, *, whiteout_first: bool
) -> None:
    anew = [directory("a"), file("a/new", b"2")]
    items = [whiteout("a"), *anew] if whiteout_first else [*anew, whiteout("a")]
    image = built_image(built_layer(directory("a"), file("a/old", b"1")), built_layer(*items))

    assert sorted(world.tree(image)) == [".", "a", "a/new"]


def test_an_opaque_root_hides_everything_below(world: World) -> None:
    image = built_image(
        built_layer(directory("a"), file("a/old", b"1"), file("b", b"1")),
        built_layer(opaque(""), directory("a"), file("a/new", b"2")),
    )

    assert sorted(world.tree(image)) == [".", "a", "a/new"]


def test_implied_directories_look_as_in_the_layer_below(world: World) -> None:
    image = built_image(
        built_layer(directory("a", mode=0o1777, uid=7), directory("a/b", mode=0o700, gid=8)),
        built_layer(file("a/b/c", b"1")),
    )

    tree = world.tree(image)

    assert tree["a"] == "drwxrwxrwt 7:0"
    assert tree["a/b"] == "drwx------ 0:8"


def test_the_root_keeps_what_the_layer_below_said_of_it(world: World) -> None:
    image = built_image(built_layer(directory("./", mode=0o711, uid=3)), built_layer(file("a")))

    assert world.tree(image)["."] == "drwx--x--x 3:0"


def test_a_container_sees_the_root_as_the_image_has_it(world: World) -> None:
    chain_id = world.unpack(built_image(built_layer(directory("./", mode=0o711, uid=3))))

    target = world.place / "box"
    target.mkdir()
    world.snapshotter.prepare("box", parent=chain_id)
    with LinuxMounter().mounted(world.snapshotter.mounts("box"), target):
        assert _described(target) == "drwx--x--x 3:0"
        (target / "new").write_text("mine")


def test_a_hard_link_reaches_a_file_of_a_layer_below(world: World) -> None:
    image = built_image(
        built_layer(directory("a", mode=0o750), file("a/x", b"text", mode=0o600, uid=4)),
        built_layer(file("between", b"1")),
        built_layer(hardlink("y", "a/x"), hardlink("z", "y")),
    )
    world.unpack(image)

    tree = world.tree(image)
    assert tree["y"] == tree["z"] == tree["a/x"] == "-rw------- 4:0 text"
    assert tree["a"] == "drwxr-x--- 0:0"
    size = world.snapshotter.get(str(image.chain_ids[-1])).size
    assert size == world.snapshotter.usage(str(image.chain_ids[-1])).bytes


def test_a_hard_link_to_nothing_is_refused_and_nothing_becomes_visible(world: World) -> None:
    image = built_image(built_layer(file("x", b"1")), built_layer(hardlink("y", "nothing")))

    with pytest.raises(InvalidLayer, match="nothing"):
        world.unpack(image)

    assert [each.kind for each in world.snapshotter.iter_snapshots()] == [Kind.STAGED] * 2


def test_a_hard_link_to_what_a_layer_between_removed_is_refused(world: World) -> None:
    image = built_image(
        built_layer(directory("a"), file("a/x", b"1")),
        built_layer(directory("a"), opaque("a")),
        built_layer(hardlink("y", "a/x")),
    )

    with pytest.raises(InvalidLayer, match="a/x"):
        world.unpack(image)


def test_a_link_below_cannot_lead_a_hard_link_outside(world: World) -> None:
    outside = world.place / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    image = built_image(
        built_layer(symlink("way", str(outside))), built_layer(hardlink("y", "way/secret"))
    )

    with pytest.raises(InvalidLayer):
        world.unpack(image)


def test_a_wrong_diff_id_leaves_nothing(world: World) -> None:
    image = tiny_image()
    layer = image.layers[0]
    world.store.put(layer.blob)

    with pytest.raises(DiffIDMismatch):
        world.unpacker.stage_packed(
            packed_blob(world.store, layer.descriptor),
            diff_id=DiffID(Digest.of(b"other")),
            chain_id=image.chain_ids[0],
            parent=None,
        )

    assert list(world.snapshotter.iter_snapshots()) == []


def test_a_missing_blob_leaves_nothing(world: World) -> None:
    image = tiny_image()

    with pytest.raises(BlobNotFound):
        world.unpacker.stage_packed(
            packed_blob(world.store, image.layers[0].descriptor),
            diff_id=image.layers[0].diff_id,
            chain_id=image.chain_ids[0],
            parent=None,
        )

    assert list(world.snapshotter.iter_snapshots()) == []


def test_bytes_that_turn_out_wrong_at_their_end_leave_nothing(world: World) -> None:
    image = tiny_image()
    layer, seen = image.layers[0], []

    @contextmanager
    def opened() -> Iterator[BinaryIO]:
        yield io.BytesIO(layer.blob)
        seen.append([each.details for each in world.snapshotter.iter_snapshots()])
        raise DigestMismatch(expected=layer.descriptor.digest, actual=Digest.of(b"other"))

    with pytest.raises(DigestMismatch):
        world.unpacker.stage_packed(
            Packed(opened, Compression.GZIP, "layer"),
            diff_id=layer.diff_id,
            chain_id=image.chain_ids[0],
            parent=None,
        )

    assert seen == [[None]]  # written by then, and not sealed
    assert list(world.snapshotter.iter_snapshots()) == []
    assert list(world.place.joinpath("root/snapshots").iterdir()) == []


HUGE_LIE = header(b"x", kind=b"x", content=pax_record("size", str(1 << 50))) + header(b"f")
SPARSE_LIE = gnu_sparse_tar("1.0", "f", 1 << 50, [(0, 3)], b"abc")


@pytest.mark.parametrize(
    ("tar", "error"),
    [
        pytest.param(layer_tar(file("../evil", b"x")), UnsafePath, id="climbs-by-name"),
        pytest.param(layer_tar(file("/evil", b"x")), UnsafePath, id="absolute"),
        pytest.param(
            layer_tar(symlink("way", "/"), file("way/evil", b"x")), UnsafePath, id="by-link"
        ),
        pytest.param(layer_tar(hardlink("evil", "../../etc/shadow")), UnsafePath, id="hard-link"),
        pytest.param(header(b"d", kind=b"3", major=1 << 40), InvalidLayer, id="device"),
        pytest.param(HUGE_LIE, LimitExceeded, id="size-beyond-limits"),
        pytest.param(header(b"f", size=10_000), InvalidLayer, id="size-that-lies"),
        pytest.param(header(b"f", uid=-1), InvalidLayer, id="owner-that-cannot-be"),
        pytest.param(SPARSE_LIE, LimitExceeded, id="holes-beyond-limits"),
        pytest.param(layer_tar(file("ok", b"x")) + b"\1" * 600, None, id="after-the-end"),
        pytest.param(header(b"a", content=b"x" * 600)[:700], InvalidLayer, id="cut"),
        pytest.param(layer_tar(file("a"), file("a/b")), InvalidLayer, id="below-a-file"),
    ],
)
def test_an_attack_ends_in_its_error_and_leaves_nothing(
    world: World, tar: bytes, error: type[EngineError] | None
) -> None:
    packed = Packed(lambda: io.BytesIO(tar), Compression.NONE, "layer")
    if error is None:
        assert world.unpacker.stage_tar("attack", packed).tar_bytes == len(tar)
        return

    with pytest.raises(error):
        world.unpacker.stage_tar("attack", packed)

    assert list(world.snapshotter.iter_snapshots()) == []
    assert list(world.place.joinpath("root/snapshots").iterdir()) == []
    assert not list(world.place.rglob("evil"))


def test_progress_counts_unpacked_bytes(world: World) -> None:
    image = tiny_image()
    seen: list[LayerProgress] = []

    class Sink:
        def emit(self, event: object) -> None:
            assert isinstance(event, LayerProgress)
            seen.append(event)

    world.stage(image, 0, progress=Sink())

    assert seen[-1].id == image.layers[0].descriptor.digest.short
    assert seen[-1].current > 0


def test_a_cancelled_layer_leaves_nothing(world: World) -> None:
    cancellation = Cancellation()
    cancellation.cancel()

    with pytest.raises(Cancelled):
        world.stage(tiny_image(), 0, cancellation=cancellation)

    assert list(world.snapshotter.iter_snapshots()) == []


def test_what_a_killed_process_left_half_staged_is_done_again(world: World) -> None:
    image = tiny_image()
    half = world.snapshotter.stage(staging_key(image.chain_ids[0]))
    (half / "half").write_text("half")

    assert "half" not in world.tree(image)


def test_what_is_staged_whole_is_not_unpacked_again(world: World) -> None:
    image = tiny_image()
    world.stage(image, 0)
    world.store.remove(image.layers[0].descriptor.digest)
    world.store.blobs.clear()

    world.unpacker.stage_packed(
        packed_blob(world.store, image.layers[0].descriptor),
        diff_id=image.layers[0].diff_id,
        chain_id=image.chain_ids[0],
        parent=None,
    )


def test_a_second_stage_of_one_layer_waits_for_the_first_and_shares_it(world: World) -> None:
    image = tiny_image()
    done: list[StagedLayer] = []
    with world.locks.held(staging_key(image.chain_ids[0])):
        second = threading.Thread(target=lambda: done.append(world.stage(image, 0)))
        second.start()
        directory_ = world.snapshotter.stage(staging_key(image.chain_ids[0]))
        (directory_ / "first").write_text("was here")
        world.snapshotter.seal(staging_key(image.chain_ids[0]), "{}")
    second.join()

    assert not done[0].is_committed
    assert (world.snapshotter.staged_directory(done[0].key) / "first").exists()


def test_waiting_for_somebody_else_can_be_cancelled(world: World) -> None:
    image = tiny_image()
    cancellation = Cancellation()
    cancellation.cancel()

    with world.locks.held(staging_key(image.chain_ids[0])), pytest.raises(Cancelled):
        world.stage(image, 0, cancellation=cancellation)


def test_nothing_but_the_snapshots_is_left_on_the_disk(world: World) -> None:
    image = tiny_image()
    world.unpack(image)
    for chain_id in reversed(image.chain_ids):
        world.snapshotter.remove(str(chain_id))

    assert list((world.place / "root/snapshots").iterdir()) == []
    assert list((world.place / "root/trash").iterdir()) == []
    assert measure(world.place / "root/snapshots").inodes == 1
