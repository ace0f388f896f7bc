from __future__ import annotations

from pathlib import Path

from engine.mount import Mount
from engine.snapshots.overlay import SAFE_OPTIONS, overlay_mounts
from engine.snapshots.store import short_name

OWN = Path("/s/3")
A, B = Path("/s/1/fs"), Path("/s/2/fs")


def test_a_snapshot_on_nothing_is_its_own_directory() -> None:
    (mount,) = overlay_mounts(own=OWN, parents=[])

    assert (mount.kind, mount.source, mount.is_read_only) == ("bind", "/s/3/fs", False)


def test_a_view_of_one_layer_is_that_layer() -> None:
    (mount,) = overlay_mounts(own=None, parents=[A])

    assert (mount.kind, mount.source, mount.is_read_only) == ("bind", "/s/1/fs", True)


def test_a_view_of_several_layers_has_no_writable_part() -> None:
    assert overlay_mounts(own=None, parents=[B, A]) == [
        Mount("overlay", "overlay", ("ro", "lowerdir=/s/2/fs:/s/1/fs", *SAFE_OPTIONS))
    ]


def test_an_active_snapshot_is_stacked_on_its_layers() -> None:
    (mount,) = overlay_mounts(own=OWN, parents=[B, A])

    assert mount.option("lowerdir") == "/s/2/fs:/s/1/fs"
    assert mount.option("upperdir") == "/s/3/fs"
    assert mount.option("workdir") == "/s/3/work"
    assert mount.option("index") == mount.option("metacopy") == "off"


def test_numbers_become_short_names() -> None:
    assert [short_name(number) for number in (0, 1, 35, 36, 46_655)] == ["0", "1", "z", "10", "zzz"]
