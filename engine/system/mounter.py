"""
Performing mounts.

The port is small: mounts are written down elsewhere (`engine.mount`) and performed here.
"""

from __future__ import annotations

import ctypes
import errno
import os
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from engine.errors import MountFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from engine.mount import Mount

MOUNTINFO = Path("/proc/self/mountinfo")
# mount(2) takes its data in one page, with a zero byte at the end.
DATA_BYTES = 4095
_FLAGS = {
    "ro": 1,
    "nosuid": 2,
    "nodev": 4,
    "noexec": 8,
    "sync": 16,
    "dirsync": 128,
    "noatime": 1024,
    "nodiratime": 2048,
    "bind": 4096,
    "rbind": 4096 | 16384,
    "unbindable": 1 << 17,
    "private": 1 << 18,
    "rprivate": (1 << 18) | 16384,
    "slave": 1 << 19,
    "rslave": (1 << 19) | 16384,
    "shared": 1 << 20,
    "rshared": (1 << 20) | 16384,
    "relatime": 1 << 21,
    "strictatime": 1 << 24,
}
_UNSET = {"rw", "suid", "dev", "exec", "async", "atime", "defaults"}
_PROPAGATIONS = {
    name for name in _FLAGS if name.endswith(("private", "slave", "shared", "bindable"))
}
_MS_RDONLY, _MS_REMOUNT, _MS_BIND, _MS_REC = 1, 32, 4096, 16384
# What a read-only bind mount must be told apart from being a bind.
_MNT_DETACH, _UMOUNT_NOFOLLOW = 2, 8
_CLONE_FS = 0x200
_PATH_OPTIONS = ("lowerdir", "upperdir", "workdir")


class Mounter(Protocol):
    """Performs mounts."""

    def mount(self, mounts: Sequence[Mount], target: Path) -> None:
        """
        Perform *mounts*, in order, at the directory *target*.

        Raises `MountFailed`; then none of them is left.
        """

    def unmount(self, target: Path, *, lazily: bool = False) -> None:
        """
        Undo every mount at *target* itself; a *target* that is not mounted is not an error.

        Raises `MountFailed` while something uses it. *lazily* it vanishes at once, and the kernel
        lets go of it when its last user has.
        """

    def mounted(self, mounts: Sequence[Mount], target: Path) -> AbstractContextManager[Path]:
        """Mount for the length of a block; yields *target*."""

    def list_mounts(self, below: Path) -> list[Path]:
        """Return the mount points at and below the directory *below*, the innermost first."""


class LinuxMounter:
    """A `Mounter` over mount(2)."""

    def mount(self, mounts: Sequence[Mount], target: Path) -> None:
        """Perform *mounts*, in order, at *target*."""
        done = 0
        try:
            for mount in mounts:
                _perform(mount, target)
                done += 1
        except MountFailed:
            for _ in range(done):
                _umount(target, _UMOUNT_NOFOLLOW)
            raise

    def unmount(self, target: Path, *, lazily: bool = False) -> None:
        """Undo every mount at *target*; one that is not mounted is not an error."""
        flags = _UMOUNT_NOFOLLOW | (_MNT_DETACH if lazily else 0)
        while (number := _umount(target, flags)) == 0:
            pass
        # EINVAL: no mount point (any more). ENOENT: no such directory.
        if number not in {errno.EINVAL, errno.ENOENT}:
            raise MountFailed(target, errno=number)

    @contextmanager
    def mounted(self, mounts: Sequence[Mount], target: Path) -> Iterator[Path]:
        """Mount for the length of a block; yields *target*."""
        self.mount(mounts, target)
        try:
            yield target
        finally:
            self.unmount(target)

    def list_mounts(self, below: Path) -> list[Path]:
        """Return the mount points at and below *below*, the innermost first."""
        points = [each.target for each in read_mountinfo()]
        inside = [each for each in points if each == below or below in each.parents]
        return inside[::-1]


@dataclass(frozen=True, slots=True)
class MountPoint:
    """One line of mountinfo."""

    target: Path
    kind: str
    source: str
    options: frozenset[str]
    peers: frozenset[str]
    """In which group it passes mounts on, and of which it gets them: `shared:1`, `master:2`."""


def read_mountinfo(path: Path = MOUNTINFO) -> list[MountPoint]:
    """Return what is mounted in this namespace, in the order in which it was."""
    return [_parse_line(line) for line in path.read_bytes().splitlines()]


def _parse_line(line: bytes) -> MountPoint:
    # proc(5), /proc/pid/mountinfo: a variable number of fields, then a hyphen
    before, _, after = line.partition(b" - ")
    fields, rest = before.split(b" "), after.split(b" ")
    options = fields[5].split(b",") + (rest[2].split(b",") if len(rest) > 2 else [])
    return MountPoint(
        target=Path(os.fsdecode(_unescaped(fields[4]))),
        kind=rest[0].decode(),
        source=os.fsdecode(_unescaped(rest[1])),
        options=frozenset(os.fsdecode(_unescaped(option)) for option in options),
        peers=frozenset(each.decode() for each in fields[6:]),
    )


def _unescaped(field: bytes) -> bytes:
    if b"\\" not in field:
        return field
    for code, plain in ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n"), (b"\\134", b"\\")):
        field = field.replace(code, plain)
    return field


def split_options(options: Sequence[str]) -> tuple[int, list[str], list[str]]:
    """Return the flags, the propagation options and the filesystem's own data of *options*."""
    flags = 0
    propagation, data = [], []
    for option in options:
        if option in _PROPAGATIONS:
            propagation.append(option)
        elif option in _FLAGS:
            flags |= _FLAGS[option]
        elif option not in _UNSET:
            data.append(option)
    return flags, propagation, data


def shortened(data: Sequence[str]) -> tuple[str | None, list[str]]:
    """
    Return *data* with the paths of its directories made relative, and what they are relative to.

    That is None, and *data* unchanged, if the paths have nothing in common.
    """
    paths = [path for option in data for path in _paths(option)]
    if not paths or any(not path.startswith("/") for path in paths):
        return None, list(data)
    base = os.path.commonpath([str(Path(path).parent) for path in paths])
    return base, [_relative(option, base) for option in data]


def _paths(option: str) -> list[str]:
    key, _, value = option.partition("=")
    return value.split(":") if key in _PATH_OPTIONS else []


def _relative(option: str, base: str) -> str:
    if not _paths(option):
        return option
    key = option.partition("=")[0]
    return f"{key}=" + ":".join(os.path.relpath(path, base) for path in _paths(option))


def _perform(mount: Mount, target: Path) -> None:
    flags, propagation, options = split_options(mount.options)
    data, base = ",".join(options), None
    if len(os.fsencode(data)) > DATA_BYTES:
        base, options = shortened(options)
        data = ",".join(options)
    if len(os.fsencode(data)) > DATA_BYTES:
        raise MountFailed(target, errno=errno.E2BIG)
    kind = "none" if mount.kind == "bind" else mount.kind
    if mount.kind == "bind" and not flags & _MS_BIND:
        flags |= _MS_BIND
    _mount(mount.source, target, kind, flags, data, base=base)
    try:
        _finish(target, flags, propagation)
    except MountFailed:
        _umount(target, _UMOUNT_NOFOLLOW)
        raise


def _finish(target: Path, flags: int, propagation: Sequence[str]) -> None:
    if flags & _MS_BIND and flags & ~(_MS_BIND | _MS_REC):
        # The kernel ignores every other flag at the moment of binding.
        _mount("none", target, "none", (flags & ~_MS_REC) | _MS_REMOUNT, "")
    for option in propagation:
        _mount("none", target, "none", _FLAGS[option], "")


def _mount(
    source: str, target: Path, kind: str, flags: int, data: str, *, base: str | None = None
) -> None:
    def call() -> int:
        result = _libc().mount(
            os.fsencode(source), os.fsencode(target), kind.encode(), flags, os.fsencode(data)
        )
        return 0 if result == 0 else ctypes.get_errno()

    number = call() if base is None else _called_in(base, call)
    if number:
        raise MountFailed(target, errno=number)


def _called_in(directory: str, call: Callable[[], int]) -> int:
    """Return what *call* returns in a thread whose working directory is *directory*."""
    results: list[int] = []

    def work() -> None:
        # Until it is unshared, the working directory is one for all threads of the process.
        if _libc().unshare(_CLONE_FS) != 0:
            results.append(ctypes.get_errno())
            return
        os.chdir(directory)
        results.append(call())

    thread = threading.Thread(target=work, name="mount")
    thread.start()
    thread.join()
    return results[0] if results else errno.ENOENT


def _umount(target: Path, flags: int) -> int:
    """Undo one mount; return 0 or the errno."""
    result = _libc().umount2(os.fsencode(target), flags)
    return 0 if result == 0 else ctypes.get_errno()


def _libc() -> ctypes.CDLL:
    return _LIBC


_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.mount.argtypes = (
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_ulong,
    ctypes.c_char_p,
)
