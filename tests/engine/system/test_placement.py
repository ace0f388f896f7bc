from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from engine.system.placement import spread
from tests.support.disks import make_disk, mounted_disk


@pytest.mark.root
def test_what_is_made_in_a_directory_is_placed_apart(tmp_path: Path) -> None:
    backing = make_disk(tmp_path / "disk", megabytes=16)

    with mounted_disk(backing, tmp_path / "mounted") as disk:
        for _ in range(2):
            spread(disk)
        told = subprocess.run(["lsattr", "-d", disk], capture_output=True, text=True, check=True)

    assert "T" in told.stdout.split()[0]


def test_a_filesystem_without_such_a_hint_is_fine() -> None:
    spread(Path("/proc"))
