"""What a start makes in a root stays in it, and is no change that anybody made."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from engine.containers.commit import _is_left_out
from engine.containers.places import link_mtab
from engine.containers.sizes import without_scaffold
from engine.layers.diff import Change, ChangeKind

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_mounted_is_found_at_its_old_place(tmp_path: Path) -> None:
    link_mtab(tmp_path)

    assert (tmp_path / "etc/mtab").readlink().as_posix() == "/proc/mounts"


def test_what_an_image_has_there_stays(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/mtab").write_text("mine")

    link_mtab(tmp_path)

    assert (tmp_path / "etc/mtab").read_text() == "mine"


def test_a_link_for_a_directory_leads_nowhere(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    outside.mkdir()
    root.mkdir()
    (root / "etc").symlink_to(outside)

    link_mtab(root)

    assert list(outside.iterdir()) == []


def test_it_is_neither_shown_nor_committed(tmp_path: Path) -> None:
    link_mtab(tmp_path)
    root = os.open(tmp_path, os.O_RDONLY)
    try:
        left_out = _is_left_out(root, b"etc/mtab", (tmp_path / "etc/mtab").lstat())
        parent_left_out = _is_left_out(root, b"etc", (tmp_path / "etc").lstat())
    finally:
        os.close(root)
    changes = [
        Change(ChangeKind.CHANGED, "/etc", is_directory=True),
        Change(ChangeKind.ADDED, "/etc/mtab"),
    ]

    assert left_out
    assert parent_left_out
    assert list(without_scaffold(changes)) == []


def test_a_link_to_elsewhere_is_somebodys_own(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/mtab").symlink_to("/proc/self/mounts")
    root = os.open(tmp_path, os.O_RDONLY)
    try:
        assert not _is_left_out(root, b"etc/mtab", (tmp_path / "etc/mtab").lstat())
    finally:
        os.close(root)
