# Names are bytes, which pathlib cannot carry.
# ruff: noqa: PTH101, PTH103, PTH104, PTH108, PTH112, PTH114, PTH115, PTH118, PTH119, PTH120, PTH211
"""Trees of files, described so that two can be compared, and changed at random."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NANOSECONDS = 1_000_000_000
Facts = tuple[object, ...]
Change = tuple[str, bytes, bytes, int]


def described(root: Path) -> dict[bytes, Facts]:
    """Return what is at every path below *root*, and at the root itself as `b"."`."""
    top = os.fsencode(root)
    found = {b".": _facts(top)}
    groups: dict[tuple[int, int], bytes] = {}
    for directory, names, files in sorted(os.walk(top)):
        for name in sorted([*names, *files]):
            path = os.path.join(directory, name)
            shown = os.path.relpath(path, top)
            status = os.lstat(path)
            link = b""
            if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
                link = groups.setdefault((status.st_dev, status.st_ino), shown)
            found[shown] = (*_facts(path), link)
    return found


def _facts(path: bytes) -> Facts:
    status = os.lstat(path)
    content: object = None
    if stat.S_ISREG(status.st_mode):
        with open(path, "rb") as stream:
            content = (status.st_size, hashlib.file_digest(stream, "sha256").hexdigest())
    elif stat.S_ISLNK(status.st_mode):
        content = os.readlink(path)
    elif not stat.S_ISDIR(status.st_mode):
        content = status.st_rdev
    xattrs = {
        name: os.getxattr(path, name, follow_symlinks=False)
        for name in sorted(os.listxattr(path, follow_symlinks=False))
        if not name.startswith("trusted.overlay.")
    }
    seconds = status.st_mtime_ns // NANOSECONDS
    return (status.st_mode, status.st_uid, status.st_gid, seconds, content, tuple(xattrs.items()))


NAMES = st.sampled_from([b"a", b"b", b"c", b"\xff\xfe odd\n", b"n" * 120])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(b"/".join)
VERBS = (
    "write",
    "append",
    "sparse",
    "mkdir",
    "symlink",
    "link",
    "fifo",
    "device",
    "remove",
    "move",
    "mode",
    "owner",
    "time",
    "xattr",
)
CHANGES = st.lists(
    st.tuples(st.sampled_from(VERBS), PATHS, PATHS, st.integers(0, 2**16)), max_size=14
)


def change(root: Path, changes: list[Change]) -> None:
    """Do what of *changes* can be done in the tree *root*."""
    top = os.fsencode(root) + b"/"
    for verb, path, other, number in changes:
        with suppress(OSError, shutil.Error):
            _DOERS[verb](top + path, top + other, number)


def _write(path: bytes, _: bytes, number: int) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK  # it may be a fifo
    with open(os.open(path, flags, 0o666), "wb") as stream:
        stream.write(b"%d" % number * (number % 50))


def _append(path: bytes, _: bytes, number: int) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK), "ab") as stream:
        stream.write(b"%d" % number)


def _sparse(path: bytes, _: bytes, number: int) -> None:
    with open(path, "xb") as stream:
        stream.truncate(3 << 20)
        stream.seek(number * 16)
        stream.write(b"in the middle")


def _remove(path: bytes, _: bytes, number: int) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def _set_time(path: bytes, _: bytes, number: int) -> None:
    os.utime(path, ns=(0, (number - 1000) * NANOSECONDS + number), follow_symlinks=False)


def _set_xattr(path: bytes, _: bytes, number: int) -> None:
    capability = b"\1\0\0\2" + number.to_bytes(4, "little") + bytes(12)
    os.setxattr(path, "trusted.mine", b"%d" % number, follow_symlinks=False)
    os.setxattr(path, "security.capability", capability, follow_symlinks=False)


_DOERS: dict[str, Callable[[bytes, bytes, int], None]] = {
    "write": _write,
    "append": _append,
    "sparse": _sparse,
    "mkdir": lambda path, _, number: os.makedirs(path, 0o700 | number & 0o77),
    "symlink": lambda path, other, _: os.symlink(os.path.basename(other), path),
    "link": lambda path, other, _: os.link(other, path, follow_symlinks=False),
    "fifo": lambda path, _, number: os.mkfifo(path, number & 0o777),
    "device": lambda path, _, number: os.mknod(path, stat.S_IFCHR | 0o600, 1 + number % 9),
    "remove": _remove,
    "move": lambda path, other, _: os.rename(path, other),
    "mode": lambda path, _, number: os.chmod(path, number & 0o7777),
    "owner": lambda path, _, number: os.lchown(path, number, number // 2),
    "time": _set_time,
    "xattr": _set_xattr,
}
