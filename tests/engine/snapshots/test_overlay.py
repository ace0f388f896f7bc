from __future__ import annotations

from pathlib import Path

from engine.mount import Mount
from engine.snapshots.overlay import SAFE_OPTIONS, active_mounts, view_mounts
from engine.snapshots.store import short_name

OWN = Path("/s/3")
A, B = Path("/s/1/fs"), Path("/s/2/fs")


def test_a_snapshot_on_nothing_is_its_own_directory() -> None:
    (mount,) = active_mounts(OWN, [])

    assert (mount.kind, mount.source, mount.is_read_only) == ("bind", "/s/3/fs", False)


def test_a_view_has_an_empty_directory_at_the_bottom_and_no_writable_part() -> None:
    assert view_mounts(OWN, [A]) == [
        Mount("overlay", "overlay", ("ro", "lowerdir=/s/1/fs:/s/3/fs", *SAFE_OPTIONS))
    ]


def test_an_active_snapshot_is_stacked_on_its_layers() -> None:
    (mount,) = active_mounts(OWN, [B, A])

    assert mount.option("lowerdir") == "/s/2/fs:/s/1/fs"
    assert mount.option("upperdir") == "/s/3/fs"
    assert mount.option("workdir") == "/s/3/work"
    assert mount.option("index") == mount.option("metacopy") == "off"


def test_numbers_become_short_names() -> None:
    assert [short_name(number) for number in (0, 1, 35, 36, 46_655)] == ["0", "1", "z", "10", "zzz"]
