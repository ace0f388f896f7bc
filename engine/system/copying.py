"""Copying whole trees of files."""

from __future__ import annotations

import errno
import os
import subprocess
from typing import TYPE_CHECKING

from engine.errors import OutOfSpace, SystemFailure

if TYPE_CHECKING:
    from pathlib import Path


def copy_tree(source: Path, target: Path) -> None:
    """
    Copy all that is in the directory *source* into the directory *target*, which is there.

    Owners, modes, times, links, devices and attributes are kept, and blocks shared where the
    filesystem can.
    """
    command = ["cp", "--archive", "--reflink=auto", "-T", str(source), str(target)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace")
        if os.strerror(errno.ENOSPC) in words:
            raise OutOfSpace(target)
        raise SystemFailure(f"cannot copy {source}: {words.strip()[-500:]}")
