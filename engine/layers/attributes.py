"""What a layer says about a file besides its content: owner, mode, extended attributes, times."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from engine.system.overlayfs import is_reserved_xattr

if TYPE_CHECKING:
    from engine.layers.entries import Entry

# The filesystem cannot hold the attribute, or not on this kind of file: as docker, go on without.
_XATTR_REFUSED = {errno.ENOTSUP, errno.EPERM}


def describe(target: bytes | int, entry: Entry) -> None:
    """Give the file or directory *target*, no link, all that *entry* says about it."""
    # The mode after the owner, whose change takes special bits away.
    os.chown(target, entry.uid, entry.gid)
    os.chmod(target, entry.mode)
    if entry.xattrs:
        set_xattrs(target, entry)
    os.utime(target, ns=(entry.mtime_ns, entry.mtime_ns))


def set_xattrs(target: bytes | int, entry: Entry) -> None:
    """Give *target* the extended attributes of *entry*, but none that overlayfs keeps to itself."""
    follows = {} if isinstance(target, int) else {"follow_symlinks": False}
    for name, value in entry.xattrs:
        if is_reserved_xattr(name):
            continue
        try:
            os.setxattr(target, name, value, **follows)
        except OSError as error:
            if error.errno not in _XATTR_REFUSED:
                raise
