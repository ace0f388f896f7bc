"""Tars as files below a directory that others may change meanwhile."""

from __future__ import annotations

import io
import os
import tarfile
from typing import TYPE_CHECKING

import pytest

from engine.errors import EngineError
from engine.layers.tarstream import TarReader
from engine.layers.tree_untar import Untar
from engine.system.removal import remove_tree

if TYPE_CHECKING:
    from pathlib import Path

OWNER = (os.getuid(), os.getgid())


def write(root: Path, name: str, *, base: bytes = b"") -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(name))
    stream.seek(0)
    descriptor = os.open(root, os.O_PATH)
    try:
        writer = Untar(descriptor, base, owner=OWNER, keeps_kinds=True)
        writer.write_all(TarReader(stream.read))
    finally:
        os.close(descriptor)


def test_a_name_may_have_more_parts_than_python_calls_functions(tmp_path: Path) -> None:
    name = "d/" * 1500 + "file"
    try:
        write(tmp_path, name)
        assert (tmp_path / name[: 2 * 1000]).is_dir()
    finally:
        # Others would call as many functions to remove it.
        remove_tree(tmp_path / "d")


@pytest.mark.root
def test_a_tar_that_gives_no_rights_brings_no_device_and_no_set_user_id(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        tool, device = tarfile.TarInfo("tool"), tarfile.TarInfo("zero")
        tool.mode, device.type, device.devmajor, device.devminor = 0o6755, tarfile.CHRTYPE, 1, 5
        tar.addfile(tool)
        tar.addfile(device)
    stream.seek(0)
    descriptor = os.open(tmp_path, os.O_PATH)
    try:
        writer = Untar(descriptor, b"", owner=OWNER, keeps_kinds=False, gives_rights=False)
        writer.write_all(TarReader(stream.read))
    finally:
        os.close(descriptor)

    assert [each.name for each in tmp_path.iterdir()] == ["tool"]
    assert (tmp_path / "tool").stat().st_mode & 0o7777 == 0o755


def test_a_directory_that_was_taken_away_is_an_error_and_not_looked_for_for_ever(
    tmp_path: Path,
) -> None:
    with pytest.raises(EngineError):
        write(tmp_path, "a/file", base=b"/gone")


def test_a_link_on_the_way_that_leads_nowhere_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("/nowhere")

    with pytest.raises(EngineError):
        write(tmp_path, "a/b/file")
    assert (tmp_path / "a").is_symlink()
