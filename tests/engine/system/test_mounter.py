from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.errors import MountFailed
from engine.mount import Mount, bind
from engine.system.mounter import (
    LinuxMounter,
    Mounter,
    read_mountinfo,
    shortened,
    split_options,
)
from tests.contracts.mounter import MounterContract, source, target
from tests.support.fakes_snapshots import FakeMounter

__all__ = ["source", "target"]


class TestFakeMounter(MounterContract):
    @pytest.fixture
    def mounter(self) -> Mounter:
        return FakeMounter()


@pytest.mark.root
class TestLinuxMounter(MounterContract):
    @pytest.fixture
    def mounter(self) -> Mounter:
        return LinuxMounter()

    def test_a_read_only_bind_cannot_be_written_to(self, source: Path, target: Path) -> None:
        with LinuxMounter().mounted([bind(source, read_only=True)], target):
            assert (target / "file").read_text() == "text"
            with pytest.raises(OSError, match="Read-only"):
                (target / "new").touch()

    def test_a_mount_in_use_is_refused_but_can_go_lazily(self, source: Path, target: Path) -> None:
        mounter = LinuxMounter()
        mounter.mount([bind(source)], target)
        with (target / "file").open():
            with pytest.raises(MountFailed, match="busy"):
                mounter.unmount(target)
            mounter.unmount(target, lazily=True)

        assert mounter.list_mounts(target) == []

    def test_127_layers_with_long_paths_are_mounted(self, tmp_path: Path, target: Path) -> None:
        layers = [tmp_path / f"a-directory-with-a-long-name-{number}" for number in range(127)]
        for number, layer in enumerate(layers):
            layer.mkdir()
            (layer / f"file-{number}").touch()
        lower = "lowerdir=" + ":".join(map(str, layers))

        before = Path.cwd()
        with LinuxMounter().mounted([Mount("overlay", "overlay", ("ro", lower))], target):
            assert len(list(target.iterdir())) == 127

        assert Path.cwd() == before

    def test_a_place_with_a_space_in_its_name_is_listed(self, tmp_path: Path, source: Path) -> None:
        place = tmp_path / "with a space"
        place.mkdir()
        with LinuxMounter().mounted([bind(source)], place):
            assert LinuxMounter().list_mounts(place) == [place]


def test_options_are_flags_propagation_or_data() -> None:
    options = ("ro", "nosuid", "rw", "rprivate", "lowerdir=/a:/b", "index=off")

    assert split_options(options) == (1 | 2, ["rprivate"], ["lowerdir=/a:/b", "index=off"])


def test_paths_are_shortened_to_what_they_have_in_common() -> None:
    data = ["lowerdir=/root/snapshots/1/fs:/root/snapshots/2/fs", "workdir=/root/snapshots/3/work"]

    assert shortened([*data, "index=off"]) == (
        "/root/snapshots",
        ["lowerdir=1/fs:2/fs", "workdir=3/work", "index=off"],
    )


def test_relative_paths_are_left_alone() -> None:
    assert shortened(["lowerdir=a:b"]) == (None, ["lowerdir=a:b"])


def test_mountinfo_is_read_with_its_escapes(tmp_path: Path) -> None:
    line = rb"36 35 98:0 /mnt1 /mnt\040two rw,noatime shared:4 - ext3 /dev/root rw,errors=continue"
    (tmp_path / "mountinfo").write_bytes(line + b"\n")

    (point,) = read_mountinfo(tmp_path / "mountinfo")

    assert point.target == Path("/mnt two")
    assert point.kind == "ext3"
    assert point.source == "/dev/root"
    assert point.options == {"rw", "noatime", "errors=continue"}
    assert point.peers == {"shared:4"}


def test_this_namespace_has_a_root() -> None:
    assert Path("/") in [each.target for each in read_mountinfo()]
    assert os.path.ismount("/")
