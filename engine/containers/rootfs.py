"""
The files of a container, opened so that no name and no link in it leads outside.

Of one that runs, they are what its own processes see, volumes and all: the root of its first
process, entered by descriptor. One that does not run is mounted for as long as somebody looks, with
its lock held. Either way every path is resolved by the kernel with that root as its root, also
while somebody inside swaps links.
"""

from __future__ import annotations

import errno
import os
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.containers.create import lock_name
from engine.containers.mounting import Mounting
from engine.containers.writable import root_mounts
from engine.errors import (
    ContainerNotFound,
    InvalidSetting,
    NotADirectory,
    PathNotFound,
    ReadOnlyPath,
    SystemFailure,
    from_oserror,
)
from engine.mount import Mount
from engine.system.processes import ProcessIdentity
from engine.system.resolving import open_in_root, path_in_root

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.containers.bundle import Bundle
    from engine.containers.ports import Means
    from engine.containers.record import ContainerRecord
    from engine.containers.settle import Settler

MAX_PATH = 4096


@dataclass(frozen=True, slots=True)
class Root:
    """The open root directory of a container."""

    descriptor: int
    record: ContainerRecord

    def open(self, path: bytes, flags: int) -> int:
        """Return a descriptor of *path* inside; raise `PathNotFound` or `NotADirectory`."""
        try:
            return open_in_root(self.descriptor, path, flags)
        except OSError as error:
            raise self.refusal(error, path) from error

    def refusal(self, error: OSError, path: bytes) -> Exception:
        """Return the error for what the kernel says about *path*."""
        shown = "/" + os.fsdecode(path).lstrip("/")
        if error.errno in {errno.ENOENT, errno.ELOOP, errno.EXDEV}:
            return PathNotFound(shown, container=self.record.name)
        if error.errno == errno.ENOTDIR:
            return NotADirectory(shown)
        if error.errno == errno.EROFS:
            return ReadOnlyPath(is_root=True)
        return from_oserror(error, f"open {shown} in the container")

    def check_writable(self, directory: int) -> None:
        """Raise `ReadOnlyPath` unless files can be made in the open *directory*."""
        is_root = os.fstat(directory).st_dev == os.fstat(self.descriptor).st_dev
        if os.statvfs(f"/proc/self/fd/{directory}").f_flag & os.ST_RDONLY:
            raise ReadOnlyPath(is_root=is_root)
        if is_root and self.record.settings.read_only:
            raise ReadOnlyPath(is_root=True)


@contextmanager
def opened_root(
    means: Means, settler: Settler, record: ContainerRecord, *, with_mounts: bool = True
) -> Iterator[Root]:
    """
    Yield the root of a container, running or not; *with_mounts* with its volumes and binds.

    While one that does not run is open, it cannot be started or removed.
    """
    bundle = means.bundles.locate(record.id)
    with ExitStack() as opened:
        lock = opened.enter_context(ExitStack())
        lock.enter_context(means.locks.held(lock_name(record.id)))
        current = means.store.find_by_id(record.id)
        if current is None:
            raise ContainerNotFound(record.name)
        current = settler.settle(current)
        if not current.is_running:
            opened.enter_context(_mounted(means, settler, current, with_mounts=with_mounts))
        descriptor = _open_root(bundle, inside=current.is_running and with_mounts)
        opened.callback(os.close, descriptor)
        if current.is_running:
            # Its files stay reachable by the descriptor, whatever happens to it.
            lock.close()
        yield Root(descriptor, current)


@contextmanager
def _mounted(
    means: Means, settler: Settler, record: ContainerRecord, *, with_mounts: bool
) -> Iterator[None]:
    bundle = means.bundles.locate(record.id)
    settler.clear(bundle)
    # From here on there is something to clear, for whoever comes, whatever happens.
    means.bundles.make_run(bundle)
    try:
        means.mounter.mount(root_mounts(means, record), bundle.rootfs)
        # The first mount makes directories beside what the container wrote.
        means.store.touch(record.id)
        if with_mounts:
            _mount_all(means, record, bundle)
        yield
    finally:
        settler.clear(bundle)


def _mount_all(means: Means, record: ContainerRecord, bundle: Bundle) -> None:
    """Mount volumes and binds where the program would see them; they go with the root's mount."""
    root = os.open(bundle.rootfs, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for entry in Mounting(means).entries(record.id):
            if "source" not in entry or not set(entry.get("options", ())) & {"bind", "rbind"}:
                continue
            path = os.fsencode(entry["destination"])
            os.close(_made(root, path, like=Path(entry["source"])))
            options = ("rbind", "ro") if "ro" in entry["options"] else ("rbind",)
            # Nobody runs in it who could put another link on the way.
            target = bundle.rootfs / os.fsdecode(path_in_root(root, path))
            means.mounter.mount([Mount("bind", entry["source"], options)], target)
    except OSError as error:
        raise from_oserror(error, "mount the container's volumes") from error
    finally:
        os.close(root)


def _made(root: int, path: bytes, *, like: Path) -> int:
    """Return a descriptor of *path* inside *root*, made as a start would make it."""
    try:
        return open_in_root(root, path, os.O_PATH)
    except FileNotFoundError:
        parent, _, name = path.rstrip(b"/").rpartition(b"/")
        above = _made(root, parent or b"/", like=Path("/"))
        try:
            if like.is_dir():
                os.mkdir(name, 0o755, dir_fd=above)
            else:
                os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o755, dir_fd=above))
        finally:
            os.close(above)
        return open_in_root(root, path, os.O_PATH)


def _open_root(bundle: Bundle, *, inside: bool) -> int:
    try:
        if inside:
            return _open_inside(bundle)
        return os.open(bundle.rootfs, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise SystemFailure("cannot open the container's files") from error


def _open_inside(bundle: Bundle) -> int:
    identity = ProcessIdentity.parse(bundle.process_file.read_text())
    if identity is None:
        raise ValueError(bundle.id)
    descriptor = os.open(f"/proc/{identity.pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    if identity.is_alive:
        return descriptor
    # The number may have been another process's by then.
    os.close(descriptor)
    raise ValueError(bundle.id)


def parse_path(text: str) -> bytes:
    """Return *text* as a path inside a container; raise `InvalidSetting` for what cannot be one."""
    path = os.fsencode(text)
    if not path or b"\0" in path or len(path) >= MAX_PATH:
        raise InvalidSetting("path", f"{text[:80]!r} is no path")
    return path
