"""
Opening paths inside a directory as if it was the root of all (openat2(2), RESOLVE_IN_ROOT).

Links and `..` are followed as a process would see them whose root the directory is, so they never
lead outside, also when somebody changes them at that moment.
"""

from __future__ import annotations

import ctypes
import errno
import os

_OPENAT2 = 437  # the same on every architecture
_NO_XDEV, _NO_MAGIC_LINKS, _NO_SYMLINKS, _IN_ROOT = 0x01, 0x02, 0x04, 0x10
_RETRIES = 64


class _How(ctypes.Structure):
    _fields_ = [
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    ]


_libc = ctypes.CDLL(None, use_errno=True)


def open_in_root(root: int, path: bytes, flags: int, *, mode: int = 0) -> int:
    """
    Return a descriptor of *path* seen from the open directory *root*; raise `OSError`.

    With `O_NOFOLLOW` a link in the last place is not followed; those before it are.
    """
    return _open(root, path or b".", _How(flags | os.O_CLOEXEC, mode, _IN_ROOT | _NO_MAGIC_LINKS))


def open_on_mount(directory: int, name: bytes, flags: int) -> int:
    """
    Return a descriptor of *name* in the open *directory*; raise `OSError`.

    It is EXDEV where something else is mounted there, and ELOOP for a link.
    """
    return _open(directory, name, _How(flags | os.O_CLOEXEC, 0, _NO_XDEV | _NO_SYMLINKS))


def _open(root: int, path: bytes, how: _How) -> int:
    number = errno.ELOOP
    for _ in range(_RETRIES):
        descriptor = _libc.syscall(
            _OPENAT2, root, ctypes.c_char_p(path), ctypes.byref(how), ctypes.sizeof(how)
        )
        if descriptor >= 0:
            return int(descriptor)
        number = ctypes.get_errno()
        # The kernel could not rule out that something was moved out meanwhile, and asks to repeat.
        if number not in {errno.EAGAIN, errno.EINTR}:
            break
    raise OSError(number, os.strerror(number), os.fsdecode(path))


def path_in_root(root: int, path: bytes) -> bytes:
    """
    Return what *path* is once all its links are followed, relative to *root* and without a slash.

    It must exist. Raises `OSError`.
    """
    descriptor = open_in_root(root, path, os.O_PATH)
    try:
        found = os.readlink(f"/proc/self/fd/{descriptor}")
        base = os.readlink(f"/proc/self/fd/{root}")
    finally:
        os.close(descriptor)
    return os.fsencode(os.path.relpath(found, base)) if found != base else b""
