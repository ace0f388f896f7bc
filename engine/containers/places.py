"""What a start finds and makes in a root: places of the kernel's file systems, docker's marks."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from engine.errors import InvalidSetting, from_oserror

if TYPE_CHECKING:
    from pathlib import Path

PLACES = ("dev", "proc", "sys")
MARK = ".dockerenv"
ETC, MTAB, MOUNTS = "etc", "mtab", "/proc/mounts"
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


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


def leave_mark(root: Path) -> None:
    """
    Let programs know that they run in a container: a file of that name in *root*, as docker's.

    One that is there stays as it is.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        os.close(os.open(root / MARK, flags, 0o755))
    except FileExistsError:
        return
    except OSError as error:
        raise from_oserror(error, f"make /{MARK} in the container") from error


def link_mtab(root: Path) -> None:
    """
    Let programs that read /etc/mtab in *root* find what is mounted, as docker does.

    What is there stays as it is; so does a root whose /etc is no directory.
    """
    with suppress(FileExistsError):
        (root / ETC).mkdir(mode=0o755)
    try:
        directory = os.open(root / ETC, _DIRECTORY)
    except OSError:
        return
    try:
        os.symlink(MOUNTS, MTAB, dir_fd=directory)
    except FileExistsError:
        return
    except OSError as error:
        raise from_oserror(error, f"make /{ETC}/{MTAB} in the container") from error
    finally:
        os.close(directory)
