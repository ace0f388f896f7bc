from __future__ import annotations

from pathlib import Path

import pytest

from engine.mount import Mount
from engine.system.mounter import LinuxMounter
from engine.system.overlay_probe import find_obstacle


@pytest.mark.root
def test_an_ordinary_disk_has_no_obstacle_and_nothing_is_left_on_it(tmp_path: Path) -> None:
    assert find_obstacle(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.root
def test_overlayfs_on_overlayfs_is_refused_with_a_reason(tmp_path: Path) -> None:
    for name in ("lower", "upper", "work", "merged"):
        (tmp_path / name).mkdir()
    options = tuple(f"{key}dir={tmp_path / key}" for key in ("lower", "upper", "work"))
    merged = tmp_path / "merged"
    with LinuxMounter().mounted([Mount("overlay", "overlay", options)], merged):
        assert "refuses" in (find_obstacle(merged) or "")


def test_a_place_that_is_not_there_is_an_obstacle() -> None:
    assert "cannot be written to" in (find_obstacle(Path("/proc/nowhere")) or "")
