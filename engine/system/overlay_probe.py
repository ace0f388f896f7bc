"""Whether overlayfs works on a filesystem of this host."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from engine.errors import MountFailed
from engine.mount import Mount
from engine.system.mounter import LinuxMounter
from engine.system.overlayfs import is_whiteout, make_opaque


def find_obstacle(directory: Path) -> str | None:
    """
    Return why overlayfs cannot keep its layers in *directory*, or None if it can.

    It is tried with a real mount, a file, a deletion and an opaque directory; nothing is left.
    """
    mounter = LinuxMounter()
    try:
        with tempfile.TemporaryDirectory(prefix="probe-", dir=directory) as name:
            return _tried(Path(name), mounter)
    except OSError as error:
        return f"{directory} cannot be written to: {error.strerror}"


def _tried(place: Path, mounter: LinuxMounter) -> str | None:
    for name in ("lower", "lower/kept", "upper", "work", "merged"):
        (place / name).mkdir()
    (place / "lower/gone").touch()
    options = (f"lowerdir={place}/lower", f"upperdir={place}/upper", f"workdir={place}/work")
    try:
        with mounter.mounted([Mount("overlay", "overlay", options)], place / "merged"):
            (place / "merged/gone").unlink()
            (place / "merged/new").touch()
    except MountFailed as error:
        return f"the kernel refuses an overlay there: {os.strerror(error.errno or 0)}"
    if not is_whiteout((place / "upper/gone").lstat()):
        return "deletions are not recorded as devices there"
    try:
        make_opaque(os.fsencode(place / "upper/new"))
    except OSError as error:
        return f"trusted extended attributes cannot be set there: {error.strerror}"
    return None
