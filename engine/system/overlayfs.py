"""
What overlayfs writes and reads on disk (kernel overlayfs.rst, "whiteouts and opaque directories").

A whiteout is a character device 0/0; an opaque directory carries an extended attribute.
"""

from __future__ import annotations

import errno
import os
import stat

OPAQUE_XATTR = b"trusted.overlay.opaque"
OPAQUE_VALUE = b"y"
WHITEOUT_DEVICE = os.makedev(0, 0)
_RESERVED_XATTRS = (b"trusted.overlay.", b"user.overlay.")
_NO_SUCH_ATTRIBUTE = {errno.ENODATA, errno.ENOTSUP, errno.EPERM}


def is_whiteout(status: os.stat_result) -> bool:
    """Whether this is how overlayfs says that an entry is gone."""
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == WHITEOUT_DEVICE


def make_whiteout(path: bytes, *, directory: int | None = None) -> None:
    """Make the whiteout *path*; raises `FileExistsError` if anything is there."""
    os.mknod(path, stat.S_IFCHR, WHITEOUT_DEVICE, dir_fd=directory)


def make_opaque(directory: bytes | int) -> None:
    """Let *directory* hide all that the layers below have in it."""
    os.setxattr(directory, OPAQUE_XATTR, OPAQUE_VALUE)


def is_opaque(directory: bytes | int) -> bool:
    """Whether *directory* hides all that the layers below have in it."""
    try:
        return os.getxattr(directory, OPAQUE_XATTR) == OPAQUE_VALUE
    except OSError as error:
        if error.errno in _NO_SUCH_ATTRIBUTE:
            return False
        raise


def is_reserved_xattr(name: bytes) -> bool:
    """Whether *name* means something to overlayfs, so that no layer may bring it along."""
    return name.startswith(_RESERVED_XATTRS)
