from __future__ import annotations

import errno
import os
import resource
import subprocess
import threading
from pathlib import Path

import pytest

from engine.system.removal import remove_tree, remove_trees
from tests.support.trees_of_files import make_deep, make_tree


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "tree")


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
    monkeypatch.setattr("engine.system.removal.os.urandom", bytes)
    place = tmp_path / "tree"
    for name in ("a/b/c", ".removed-00000000-1/x", ".removed-00000000-2"):
        (place / name).mkdir(parents=True)
    (place / ".removed-00000000-3").touch()

    remove_tree(place)

    assert list(tmp_path.iterdir()) == []


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


def test_many_go_at_once_whatever_they_are(tmp_path: Path) -> None:
    (tmp_path / "kept").touch()
    trees = [make_tree(tmp_path / f"tree-{number}") for number in range(200)]
    (tmp_path / "file").touch()
    (tmp_path / "way").symlink_to("kept")
    (tmp_path / "empty").mkdir()
    others = [tmp_path / name for name in ("file", "way", "empty", "nothing")]

    remove_trees([*others, *trees])

    assert [each.name for each in tmp_path.iterdir()] == ["kept"]


def test_more_than_is_held_at_once_goes_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.system.removal._HELD", 3)
    for number in range(20):
        (tmp_path / f"tree/{number % 5}/{number}/below").mkdir(parents=True)
        (tmp_path / f"tree/{number % 5}/file-{number}").touch()

    remove_tree(tmp_path / "tree")

    assert list(tmp_path.iterdir()) == []


def test_no_directory_stays_open(tmp_path: Path) -> None:
    opened = len(list(Path("/proc/self/fd").iterdir()))
    trees = [make_tree(tmp_path / f"tree-{number}") for number in range(20)]

    remove_trees(trees)

    assert len(list(Path("/proc/self/fd").iterdir())) == opened


def test_where_no_more_can_be_opened_it_is_said_and_all_stays(tree: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            remove_tree(tree)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert (tree / "a/file").exists()
