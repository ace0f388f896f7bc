"""Where the kernel's own file systems are mounted: places that an image may have prepared."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from engine.errors import InvalidSetting

if TYPE_CHECKING:
    from pathlib import Path

PLACES = ("dev", "proc", "sys")


def refuse_links(root: Path) -> None:
    """
    Raise `InvalidSetting` where a place for the kernel's file systems is a link in *root*.

    A runtime mounts within the root whatever stands there, but makes the links of /dev by their
    plain names: through a link it would make them on the host.
    """
    for name in PLACES:
        try:
            mode = (root / name).lstat().st_mode
        except FileNotFoundError:
            continue
        if not stat.S_ISDIR(mode):
            raise InvalidSetting(
                "image",
                f"/{name} in the image is not a directory",
                remedy="Do not use this image: it was made to write outside its own files.",
            )
