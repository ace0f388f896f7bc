from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from engine.layers.diff import Change, ChangeKind, iter_changes
from engine.layers.stack import Stack
from engine.mount import Mount
from engine.system.mounter import LinuxMounter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def lower(tmp_path: Path) -> Path:
    place = tmp_path / "lower"
    for name in ("kept", "emptied/inside", "gone"):
        (place / name).mkdir(parents=True)
    (place / "kept/old").write_text("old")
    (place / "emptied/a").write_text("a")
    (place / "file").write_text("file")
    return place


@pytest.fixture
def upper(tmp_path: Path) -> Path:
    place = tmp_path / "upper"
    place.mkdir()
    return place


@pytest.fixture
def merged(tmp_path: Path, lower: Path, upper: Path) -> Iterator[Path]:
    """Lower and upper, as a container sees them."""
    for name in ("work", "merged"):
        (tmp_path / name).mkdir()
    options = (f"lowerdir={lower}", f"upperdir={upper}", f"workdir={tmp_path / 'work'}")
    with LinuxMounter().mounted([Mount("overlay", "overlay", options)], tmp_path / "merged") as it:
        yield it


def changes(upper: Path, lower: Path) -> set[str]:
    return {f"{change.kind} {change.path}" for change in iter_changes(upper, [lower])}


def test_nothing_written_is_nothing_changed(upper: Path, lower: Path) -> None:
    assert changes(upper, lower) == set()


def test_new_and_changed_files_are_told_apart_and_measured(upper: Path, lower: Path) -> None:
    (upper / "file").write_text("longer text")
    (upper / "new").write_text("new")

    assert set(iter_changes(upper, [lower])) == {
        Change(ChangeKind.CHANGED, "/file", 11),
        Change(ChangeKind.ADDED, "/new", 3),
    }


def test_a_directory_comes_before_what_is_in_it(upper: Path, lower: Path) -> None:
    (upper / "a/b").mkdir(parents=True)
    (upper / "a/b/c").touch()

    assert [change.path for change in iter_changes(upper, [lower])] == ["/a", "/a/b", "/a/b/c"]


def test_links_that_lead_outside_are_not_followed(upper: Path, lower: Path, tmp_path: Path) -> None:
    (upper / "way").symlink_to(tmp_path)

    assert changes(upper, lower) == {"A /way"}


@pytest.mark.root
def test_the_kernel_and_we_agree_on_what_was_done(merged: Path, upper: Path, lower: Path) -> None:
    (merged / "kept/old").write_text("changed")
    (merged / "kept/new").write_text("new")
    (merged / "file").unlink()
    (merged / "gone").rmdir()
    (merged / "passing").touch()
    (merged / "passing").unlink()

    assert changes(upper, lower) == {
        "C /kept",
        "C /kept/old",
        "A /kept/new",
        "D /file",
        "D /gone",
    }


@pytest.mark.root
def test_a_directory_made_anew_has_lost_what_it_held(
    merged: Path, upper: Path, lower: Path
) -> None:
    (merged / "emptied/a").unlink()
    (merged / "emptied/inside").rmdir()
    (merged / "emptied").rmdir()
    (merged / "emptied").mkdir()
    (merged / "emptied/b").touch()

    assert changes(upper, lower) == {
        "C /emptied",
        "A /emptied/b",
        "D /emptied/a",
        "D /emptied/inside",
    }


# --- looking into a stack


@pytest.mark.root
def test_a_stack_shows_what_the_kernel_shows(merged: Path, upper: Path, lower: Path) -> None:
    (merged / "file").unlink()
    (merged / "kept/old").unlink()
    (merged / "kept/new").touch()
    (merged / "emptied/a").unlink()
    (merged / "emptied/inside").rmdir()
    (merged / "emptied").rmdir()
    (merged / "emptied").mkdir()

    with Stack([upper, lower]) as stack:
        for directory in (b"", b"kept", b"emptied", b"gone"):
            place = merged / os.fsdecode(directory)
            shown = {os.fsencode(each.name) for each in place.iterdir()}
            assert stack.names(directory) == shown
        assert not stack.has(b"file")
        assert not stack.has(b"emptied/a")
        assert stack.has(b"kept/new")


def test_a_stack_is_never_left_through_a_link(lower: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").touch()
    (lower / "way").symlink_to(tmp_path)

    with Stack([lower]) as stack:
        assert stack.has(b"way")
        assert not stack.has(b"way/secret")
        assert stack.names(b"way") == set()
