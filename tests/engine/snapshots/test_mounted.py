"""Snapshots as a container sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.snapshots.native import NativeSnapshotter
from engine.snapshots.overlay import OverlaySnapshotter
from engine.snapshots.snapshotter import Pending
from engine.system.mounter import LinuxMounter
from engine.system.removal import remove_tree
from tests.support.fakes_snapshots import chain

if TYPE_CHECKING:
    from pathlib import Path

    from engine.oci.digest import ChainID
    from engine.snapshots.snapshotter import Snapshotter
    from engine.system.database import Database
    from engine.system.paths import EnginePaths

pytestmark = pytest.mark.root
MOST_LAYERS = 127


@pytest.fixture(params=[OverlaySnapshotter, NativeSnapshotter])
def snapshotter(
    request: pytest.FixtureRequest, paths: EnginePaths, database: Database
) -> Snapshotter:
    made: Snapshotter = request.param(paths.snapshots, database, trash=paths.trash)
    return made


@pytest.fixture
def target(tmp_path: Path) -> Path:
    place = tmp_path / "target"
    place.mkdir()
    return place


def stack_of(snapshotter: Snapshotter, layers: int) -> ChainID:
    """Commit that many layers, each with a file of its own and one that the next replaces."""
    stack = []
    for number in range(layers):
        directory = snapshotter.stage(f"layer-{number}")
        (directory / f"file-{number}").write_text(str(number))
        (directory / "same").write_text(str(number))
        stack.append(Pending(f"layer-{number}", chain(number), 8192))
    snapshotter.commit_stack(stack, parent=None)
    return chain(layers - 1)


def test_the_longest_stack_is_mounted(snapshotter: Snapshotter, target: Path) -> None:
    snapshotter.prepare("box", parent=stack_of(snapshotter, MOST_LAYERS))
    mounts = snapshotter.mounts("box")

    with LinuxMounter().mounted(mounts, target):
        assert len(list(target.iterdir())) == MOST_LAYERS + 1
        assert (target / "same").read_text() == str(MOST_LAYERS - 1)
        (target / "new").touch()


def test_what_a_container_writes_is_there_when_it_starts_again(
    snapshotter: Snapshotter, target: Path
) -> None:
    snapshotter.prepare("box", parent=stack_of(snapshotter, 2))
    with LinuxMounter().mounted(snapshotter.mounts("box"), target):
        (target / "file-0").unlink()
        (target / "file-1").write_text("changed")

    with LinuxMounter().mounted(snapshotter.mounts("box"), target):
        assert not (target / "file-0").exists()
        assert (target / "file-1").read_text() == "changed"


def test_what_was_never_mounted_has_no_scratch_room(
    paths: EnginePaths, database: Database, target: Path
) -> None:
    snapshotter = OverlaySnapshotter(paths.snapshots, database, trash=paths.trash)
    snapshotter.prepare("box", parent=stack_of(snapshotter, 1))
    changes = snapshotter.changes_directory("box")
    assert changes is not None

    assert [each.name for each in changes.parent.iterdir()] == ["fs"]
    # It is made for each mount anew, as when the power went before it was on the disk.
    for _ in range(2):
        with LinuxMounter().mounted(snapshotter.mounts("box"), target):
            (target / "new").touch()
        remove_tree(changes.parent / "work")
    assert (changes / "new").exists()


def test_containers_do_not_see_each_other(
    snapshotter: Snapshotter, target: Path, tmp_path: Path
) -> None:
    image = stack_of(snapshotter, 2)
    (tmp_path / "other").mkdir()
    for key in ("one", "two"):
        snapshotter.prepare(key, parent=image)
    one, two = map(snapshotter.mounts, ("one", "two"))

    with LinuxMounter().mounted(one, target), LinuxMounter().mounted(two, tmp_path / "other"):
        (target / "mine").touch()
        assert not (tmp_path / "other/mine").exists()


def test_the_writable_layer_is_measured_while_it_is_mounted(
    snapshotter: Snapshotter, target: Path
) -> None:
    snapshotter.prepare("box", parent=stack_of(snapshotter, 1))
    mounts = snapshotter.mounts("box")
    with LinuxMounter().mounted(mounts, target):
        before = snapshotter.usage("box").bytes
        (target / "large").write_bytes(b"x" * 1_000_000)

        assert snapshotter.usage("box").bytes - before >= 1_000_000


def test_what_was_removed_from_the_disk_is_what_was_promised(
    snapshotter: Snapshotter, target: Path
) -> None:
    snapshotter.prepare("box", parent=stack_of(snapshotter, 1))
    mounts = snapshotter.mounts("box")
    with LinuxMounter().mounted(mounts, target):
        (target / "large").write_bytes(b"x" * 1_000_000)
    promised = snapshotter.usage("box").bytes

    assert snapshotter.remove("box") == promised
    assert snapshotter.sweep() == 0


def test_an_image_made_from_a_container_holds_its_changes(
    snapshotter: Snapshotter, target: Path
) -> None:
    snapshotter.prepare("box", parent=stack_of(snapshotter, 2))
    mounts = snapshotter.mounts("box")
    with LinuxMounter().mounted(mounts, target):
        (target / "file-0").unlink()
        (target / "new").write_text("new")
    snapshotter.commit(chain(99), key="box")

    snapshotter.prepare("next", parent=chain(99))
    with LinuxMounter().mounted(snapshotter.mounts("next"), target):
        assert sorted(each.name for each in target.iterdir()) == ["file-1", "new", "same"]
