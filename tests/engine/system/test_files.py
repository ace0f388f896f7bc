from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from engine.errors import SystemFailure
from engine.system.copying import copy_tree
from engine.system.files import copy_content, measure, sync_filesystem, walk
from engine.system.removal import remove_tree
from tests.support.trees_of_files import DEEP, make_deep, make_tree

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "tree")


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
