"""What a program changed in its view of a directory, brought to the directory itself."""

from __future__ import annotations

import os
import struct
import time
from typing import TYPE_CHECKING

import pytest

from engine.containers.sandbox_apply import CAPABILITY, Applier
from engine.errors import Unsupported
from engine.layers.diff import iter_changes

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.root

# cap_setuid, effective and permitted (linux/capability.h, revision 2).
SETUID = struct.pack("<5I", 0x02000001, 1 << 7, 0, 0, 0)


@pytest.fixture
def upper(tmp_path: Path) -> Path:
    for name in ("upper", "directory"):
        (tmp_path / name).mkdir()
    return tmp_path / "upper"


def apply(upper: Path) -> Path:
    directory = upper.parent / "directory"
    changes = list(iter_changes(upper, [directory]))
    Applier(upper, directory, began_ns=time.time_ns()).apply(changes)
    return directory


def test_no_program_gives_the_host_s_people_rights_of_its_own(upper: Path) -> None:
    (upper / "tool").write_text("x")
    (upper / "tool").chmod(0o6755)
    os.setxattr(upper / "tool", CAPABILITY, SETUID)

    directory = apply(upper)

    assert (directory / "tool").stat().st_mode & 0o7777 == 0o755
    assert CAPABILITY not in os.listxattr(directory / "tool")


def test_where_a_device_is_among_the_changes_nothing_is_done(upper: Path) -> None:
    (upper / "a").write_text("x")
    os.mknod(upper / "b", 0o20600, os.makedev(1, 5))

    with pytest.raises(Unsupported):
        apply(upper)
    assert list((upper.parent / "directory").iterdir()) == []
