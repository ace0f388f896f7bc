"""What an image is on the disk once it is unpacked, and how its layers come there."""

from __future__ import annotations

import threading

import pytest

from engine.images.unpack import StagedLayer, staging_key
from engine.progress import Cancellation, Cancelled, LayerProgress
from engine.system.files import measure
from engine.system.mounter import LinuxMounter
from tests.support.builders import (
    built_image,
    built_layer,
    directory,
    file,
    hardlink,
    opaque,
    tiny_image,
    whiteout,
)
from tests.support.layers import packed_blob
from tests.support.unpacking import World, _described

pytestmark = pytest.mark.root


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
