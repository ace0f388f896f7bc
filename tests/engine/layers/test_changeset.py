"""Random trees, changed at random, to tars and back: the tree, the tar and the index agree."""

from __future__ import annotations

import io
import os
import socket
import stat
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.layers.adopt import adopt
from engine.layers.apply import apply_layer
from engine.layers.changeset import iter_changeset, iter_difference
from engine.layers.compression import open_layer
from engine.layers.index import FileKind, LayerIndex, find_index
from engine.layers.recipe import iter_tar
from engine.layers.settle import settle
from engine.layers.tarstream import TarReader
from engine.oci.digest import DiffID, Digest
from engine.oci.media_types import Compression
from engine.snapshots.native import merge
from engine.snapshots.overlay import active_mounts, view_mounts
from engine.system.copying import copy_tree
from engine.system.files import take_after
from engine.system.mounter import LinuxMounter
from engine.system.removal import remove_tree
from tests.support.applying import notes_in
from tests.support.random_trees import CHANGES, Change, change, described

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.root
FEW = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
ROUNDS = st.lists(CHANGES, min_size=1, max_size=3)


@contextmanager
def room() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        yield Path(place)


def active(place: Path, lowers: list[Path]) -> Path:
    """Make a writable snapshot as the snapshotter does; return where it is to be mounted."""
    for name in ("fs", "work", "merged"):
        (place / name).mkdir(parents=True)
    (place / "fs").chmod(0o755)
    if lowers:
        take_after(place / "fs", lowers[0])
    return place / "merged"


def applied(tar: bytes, place: Path, lowers: list[Path]) -> Path:
    """Apply *tar* on *lowers*, and see that recipe and index tell of exactly this."""
    (place / "fs").mkdir(parents=True)
    (place / "fs").chmod(0o755)
    layer = apply_layer(
        open_layer(io.BytesIO(tar), Compression.NONE),
        target=place / "fs",
        notes=place,
        expected=DiffID(Digest.of(tar)),
        with_recipe=True,
    )
    assert b"".join(iter_tar(notes_in(place), place / "fs")) == tar
    settle(place / "fs", lowers, layer)
    assert b"".join(iter_tar(notes_in(place), place / "fs")) == tar
    assert_index_is_right(place, tar)
    return place / "fs"


def assert_index_is_right(place: Path, tar: bytes) -> None:
    index = find_index(notes_in(place), "it")
    assert index is not None
    listed = list(index)
    names = {each.name.strip(b"/") for each in TarReader(io.BytesIO(tar).read)}
    assert len({(each.path, each.kind) for each in listed}) == len(listed)
    assert {each.path or b"." for each in listed if not each.is_mark} == {
        name for name in names if b".wh." not in name
    }
    for each in listed:
        if each.kind is FileKind.FILE and each.digest is not None:
            content = (place / "fs" / os.fsdecode(each.path)).read_bytes()
            assert each.digest == Digest.of(content)
            assert index.find(each.path) == each
            assert each in index.find_content(each.digest)


@FEW
@given(rounds=ROUNDS)
def test_what_a_container_changed_comes_back_layer_by_layer(rounds: list[list[Change]]) -> None:
    mounter = LinuxMounter()
    with room() as place:
        lowers: list[Path] = []
        for number, changes in enumerate(rounds):
            box = place / f"{number}.box"
            merged = active(box, lowers)
            with mounter.mounted(active_mounts(box, lowers), merged):
                change(merged, changes)
                expected = _described(merged)
            tar = b"".join(iter_changeset(box / "fs", lowers))

            lowers.insert(0, applied(tar, place / f"{number}", lowers))

            (place / f"{number}/look/fs").mkdir(parents=True)
            with mounter.mounted(view_mounts(place / f"{number}/look", lowers), merged):
                assert _described(merged) == expected


@FEW
@given(rounds=ROUNDS)
def test_changes_that_are_adopted_are_the_layer_that_their_tar_gives(
    rounds: list[list[Change]],
) -> None:
    mounter = LinuxMounter()
    with room() as place:
        lowers: list[Path] = []
        for number, changes in enumerate(rounds):
            box = place / f"{number}.box"
            merged = active(box, lowers)
            with mounter.mounted(active_mounts(box, lowers), merged):
                change(merged, changes)
            tar = b"".join(iter_changeset(box / "fs", lowers))
            again = applied(tar, place / f"{number}", lowers)

            adopted = adopt(box / "fs", lowers, notes=box, is_left_out=lambda *_: False)

            assert (adopted.diff_id, adopted.tar_bytes) == (Digest.of(tar), len(tar))
            assert b"".join(iter_tar(notes_in(box), box / "fs")) == tar
            assert_index_is_right(box, tar)
            assert list(_index(box)) == list(_index(place / f"{number}"))
            assert _as_layer(box / "fs") == _as_layer(again)
            lowers.insert(0, box / "fs")


def _index(place: Path) -> LayerIndex:
    found = find_index(notes_in(place), "it")
    assert found is not None
    return found


def _as_layer(tree: Path) -> dict[bytes, tuple[object, ...]]:
    """Return what is in a layer's directory, with times and links of all but marks."""
    return {
        # Overlayfs may make one mark a hard link of another.
        path: (*facts[:3], *facts[4:-1]) if stat.S_ISCHR(facts[0]) else facts
        for path, facts in _described(tree).items()
    }


@FEW
@given(rounds=ROUNDS)
def test_what_differs_between_whole_trees_comes_back(rounds: list[list[Change]]) -> None:
    with room() as place:
        base: Path | None = None
        for number, changes in enumerate(rounds):
            tree, again = place / f"{number}.tree", place / f"{number}.again"
            tree.mkdir()
            again.mkdir()
            if base is not None:
                copy_tree(base, tree)
                copy_tree(base, again)
            change(tree, changes)
            tar = b"".join(iter_difference(tree, base))

            merge(applied(tar, place / f"{number}", [base] if base else []), onto=again)

            assert _without_links(_described(again)) == _without_links(_described(tree))
            base = again


def _described(tree: Path) -> dict[bytes, tuple[object, ...]]:
    """Return what is in *tree*; the time of the root is not part of any changeset."""
    found = described(tree)
    mode, uid, gid, _, *rest = found[b"."]
    return {**found, b".": (mode, uid, gid, *rest)}


def _without_links(tree: dict[bytes, tuple[object, ...]]) -> dict[bytes, object]:
    # A name added to a file that did not change becomes a copy.
    return {path: facts[:6] for path, facts in tree.items()}


def test_equal_changes_give_equal_tars(tmp_path: Path) -> None:
    tars = []
    for number in range(2):
        upper = tmp_path / str(number)
        upper.mkdir()
        for name in ("b", "a", "c")[:: 1 - 2 * number]:
            (upper / name).write_text(name)
            os.utime(upper / name, (5, 5))
        os.utime(upper, (5, 5))
        tars.append(b"".join(iter_changeset(upper, [])))

    assert tars[0] == tars[1]


def test_sockets_and_names_of_marks_are_left_out(tmp_path: Path) -> None:
    (tmp_path / ".wh.evil").write_text("x")
    (tmp_path / "kept").write_text("x")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))

        entries = list(TarReader(io.BytesIO(b"".join(iter_changeset(tmp_path, []))).read))

    assert [each.name for each in entries] == [b"./", b"kept"]


def test_what_is_no_part_of_the_tar_is_gone_once_it_is_adopted(tmp_path: Path) -> None:
    upper = tmp_path / "fs"
    for name in ("dev", "proc", "etc"):
        (upper / name).mkdir(parents=True)
    for name in ("etc/hosts", "etc/kept", "dev/mine", ".wh.evil"):
        (upper / name).write_text("")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(upper / "socket"))
    os.mknod(upper / "nothing", 0o020000, os.makedev(0, 0))
    left = {b"dev", b"proc", b"etc/hosts"}

    adopt(upper, [], notes=tmp_path, is_left_out=lambda path, _: path in left, latest_ns=10**9)

    found = sorted(str(each.relative_to(upper)) for each in upper.rglob("*"))
    assert found == ["dev", "dev/mine", "etc", "etc/kept"]
    assert {(upper / each).stat().st_mtime_ns for each in ("etc", "etc/kept")} == {10**9}


def test_what_is_left_out_may_hold_what_is_not(tmp_path: Path) -> None:
    for name in ("dev", "etc"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine").write_text("x")

    changes = iter_changeset(
        tmp_path, [tmp_path / "etc"], is_left_out=lambda path, _: path in {b"dev", b"etc/mine"}
    )

    entries = list(TarReader(io.BytesIO(b"".join(changes)).read))
    assert [each.name for each in entries][-2:] == [b"etc/", b"dev/mine"]


def test_a_tree_deeper_than_any_path_is_refused_and_not_a_crash(tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(300):
        os.mkdir("deep", dir_fd=here)
        below = os.open("deep", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)

    tar = b"".join(iter_changeset(tmp_path, []))

    assert sum(1 for _ in TarReader(io.BytesIO(tar).read)) == 301
    remove_tree(tmp_path / "deep")
