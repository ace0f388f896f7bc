from __future__ import annotations

import errno
import os
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from engine.errors import SystemFailure
from engine.system.copying import copy_tree
from engine.system.files import copy_content, measure, remove_tree, sync_filesystem, walk

if TYPE_CHECKING:
    from pathlib import Path

DEEP = 300  # levels of 20 bytes each: deeper than a path may be long


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    place = tmp_path / "tree"
    (place / "a/b").mkdir(parents=True)
    (place / "a/file").write_bytes(b"x" * 10_000)
    (place / "a/b/again").hardlink_to(place / "a/file")
    (place / "way").symlink_to(tmp_path)
    return place


def make_deep(place: Path) -> None:
    place.mkdir()
    descriptor = os.open(place, os.O_RDONLY)
    for _ in range(DEEP):
        os.mkdir("d" * 20, dir_fd=descriptor)
        below = os.open("d" * 20, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=descriptor))
    os.close(descriptor)


def test_a_walk_meets_everything_once_and_follows_no_link(tree: Path) -> None:
    seen = [found.path for found in walk(tree)]

    assert sorted(seen) == [b"a", b"a/b", b"a/b/again", b"a/file", b"way"]
    assert seen.index(b"a") < seen.index(b"a/b") < seen.index(b"a/b/again")


def test_a_walk_goes_deeper_than_paths_are_long(tmp_path: Path) -> None:
    make_deep(tmp_path / "deep")

    found = list(walk(tmp_path / "deep"))

    assert len(found) == DEEP + 1
    assert len(found[-1].path) > 4096
    remove_tree(tmp_path / "deep")


def test_a_wide_tree_is_removed_by_several_at_once(tmp_path: Path) -> None:
    place = tmp_path / "wide"
    for number in range(100):
        below = place / f"{number % 10}/{number}/below"
        below.mkdir(parents=True)
        (below / "file").write_bytes(b"x")

    remove_tree(place)

    assert not place.exists()


def test_several_may_remove_one_tree_at_once(tmp_path: Path) -> None:
    for attempt in range(5):
        root = tmp_path / f"tree-{attempt}"
        for number in range(30):
            (root / f"a{number}/b/c/d").mkdir(parents=True)
            (root / f"a{number}/b/c/file").write_bytes(b"x")
        errors: list[BaseException] = []

        def remove(root: Path = root, errors: list[BaseException] = errors) -> None:
            try:
                remove_tree(root)
            except OSError as error:
                errors.append(error)

        removers = [threading.Thread(target=remove) for _ in range(4)]
        for remover in removers:
            remover.start()
        for remover in removers:
            remover.join(30)
        assert errors == []
        assert not root.exists()


def test_one_thing_that_cannot_be_removed_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "wide"
    for number in range(20):
        (place / f"{number}").mkdir(parents=True)
        (place / f"{number}/file-{number}").write_bytes(b"x")
    unlink = os.unlink

    def refusing(name: bytes, **facts: int) -> None:
        if name == b"file-7":
            raise PermissionError(errno.EPERM, "not permitted")
        unlink(name, **facts)

    with monkeypatch.context() as patched:
        patched.setattr(os, "unlink", refusing)
        with pytest.raises(PermissionError):
            remove_tree(place)

    remove_tree(place)
    assert not place.exists()


def test_a_walk_passes_over_what_vanishes(tree: Path) -> None:
    seen = []
    for found in walk(tree):
        seen.append(found.path)
        if found.path == b"a":
            remove_tree(tree / "a")

    assert b"a/b" not in seen


def test_a_walk_does_not_leave_through_a_directory_that_became_a_link(
    tree: Path, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").touch()
    seen = []
    for found in walk(tree):
        seen.append(found.path)
        if found.path == b"a":
            (tree / "a").rename(tmp_path / "moved")
            (tree / "a").symlink_to(tmp_path / "outside")

    assert not any(b"secret" in path for path in seen)


def test_usage_is_what_du_says(tree: Path) -> None:
    said = subprocess.run(["du", "-s", "-B1", tree], capture_output=True, text=True, check=True)

    assert measure(tree).bytes == int(said.stdout.split()[0])
    assert measure(tree).inodes == 5


def test_a_removed_tree_is_gone_and_nothing_else_is(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "kept").touch()

    remove_tree(tree)

    assert [each.name for each in tmp_path.iterdir()] == ["kept"]


def test_removing_what_is_not_there_is_fine(tmp_path: Path) -> None:
    remove_tree(tmp_path / "nothing")


def test_removing_a_link_leaves_what_it_points_to(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "way").symlink_to("target")

    remove_tree(tmp_path / "way")

    assert [each.name for each in tmp_path.iterdir()] == ["target"]


def test_a_tree_deeper_than_paths_are_long_is_removed(tmp_path: Path) -> None:
    make_deep(tmp_path / "deep")

    remove_tree(tmp_path / "deep")

    assert list(tmp_path.iterdir()) == []


def test_names_that_removal_itself_uses_are_removed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.system.files.os.urandom", bytes)
    place = tmp_path / "tree"
    for name in ("a/b/c", ".removed-00000000-1/x", ".removed-00000000-2"):
        (place / name).mkdir(parents=True)
    (place / ".removed-00000000-3").touch()

    remove_tree(place)

    assert list(tmp_path.iterdir()) == []


def test_a_copied_file_keeps_its_holes(tmp_path: Path) -> None:
    with (tmp_path / "source").open("w+b") as source, (tmp_path / "copy").open("w+b") as copy:
        source.write(b"start")
        source.truncate(50 << 20)
        source.seek(20 << 20)
        source.write(b"middle")
        source.flush()
        copy_content(source.fileno(), copy.fileno())

        assert os.fstat(copy.fileno()).st_size == 50 << 20
        assert os.fstat(copy.fileno()).st_blocks * 512 < 1 << 20
        copy.seek(20 << 20)
        assert copy.read(6) == b"middle"


def test_a_copied_tree_keeps_links_and_times(tree: Path, tmp_path: Path) -> None:
    os.utime(tree / "a/file", ns=(1, 2))
    (tmp_path / "copy").mkdir()

    copy_tree(tree, tmp_path / "copy")

    assert (tmp_path / "copy/a/file").stat().st_nlink == 2
    assert (tmp_path / "copy/a/file").stat().st_mtime_ns == 2
    assert (tmp_path / "copy/way").is_symlink()


def test_a_copy_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(SystemFailure, match="No such file"):
        copy_tree(tmp_path / "missing", tmp_path / "copy")


def test_a_filesystem_can_be_written_out(tmp_path: Path) -> None:
    sync_filesystem(tmp_path)


def test_what_vanishes_while_a_tree_is_removed_is_no_reason_to_go_on_for_ever(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = os.rename

    def late(source: bytes, target: bytes, **where: int) -> None:
        subprocess.run(["rm", "-rf", str(tree / "a/b")], check=True)
        rename(source, target, **where)

    monkeypatch.setattr(os, "rename", late)
    remove_tree(tree)

    assert not tree.exists()


@pytest.mark.root
@pytest.mark.parametrize("place", ["a", "a/b"])
def test_what_is_mounted_in_a_tree_that_is_removed_stays_as_it_is(
    tree: Path, tmp_path: Path, place: str
) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").touch()
    subprocess.run(["mount", "--bind", str(precious), str(tree / place)], check=True)
    try:
        with pytest.raises(OSError, match=r"cross-device|busy"):
            remove_tree(tree)
    finally:
        subprocess.run(["umount", str(tree / place)], check=True)
    assert (precious / "file").exists()
