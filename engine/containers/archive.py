"""Copying files out of containers and into them, as tars: what docker's `cp` does on the host."""

from __future__ import annotations

import bz2
import io
import lzma
import os
import posixpath
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from engine.containers.process import resolve_process
from engine.containers.rootfs import Root, opened_root, parse_path
from engine.containers.telling import tell
from engine.containers.users import read_accounts, resolve_user
from engine.errors import EngineError, InvalidLayer, InvalidSetting, NotADirectory
from engine.layers.compression import open_layer, sniff
from engine.layers.tarstream import TarReader
from engine.layers.tree_tar import iter_directory_tar, iter_file_tar
from engine.layers.tree_untar import Untar
from engine.system.resolving import path_in_root

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.containers.ports import Means
    from engine.containers.record import ContainerRecord
    from engine.containers.settle import Settler

# What the kernel makes up; docker, which looks from outside, does not see it either.
MADE_UP = (b"/proc", b"/sys", b"/sys/fs/cgroup", b"/dev/pts", b"/dev/mqueue")
HEAD = 16
_BZIP2, _XZ = b"BZh", b"\xfd7zXZ\x00"


@dataclass(frozen=True, slots=True)
class PathStat:
    """One path in a container; *link_target* is where a link leads, from the root of all."""

    name: str
    size: int
    mode: int
    mtime_ns: int
    link_target: str = ""

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory; a link to one is none."""
        return stat.S_ISDIR(self.mode)


class Archiver:
    """Copies files out of containers and into them."""

    def __init__(self, means: Means, settler: Settler) -> None:
        self._means = means
        self._settler = settler

    def stat(self, record: ContainerRecord, path: str) -> PathStat:
        """Return what is at *path*; raise `PathNotFound` or `NotADirectory`."""
        with opened_root(self._means, self._settler, record) as root:
            return _stat(root, _absolute(path))

    def read(self, record: ContainerRecord, path: str) -> Iterator[bytes | PathStat]:
        """Yield what is at *path*, then the pieces of its tar; entries begin with its name."""
        asked = _absolute(path)
        with opened_root(self._means, self._settler, record) as root:
            yield _stat(root, asked)
            tell(self._means.events, "archive-path", record)
            yield from _iter_tar(root, asked, _made_up_devices(root))

    def write(
        self, record: ContainerRecord, path: str, stream: BinaryIO, *, keeps_kinds: bool, owns: bool
    ) -> None:
        """
        Write a tar, compressed or not, below the directory *path*.

        With *owns* everything belongs to the container's user. Raises `NotADirectory`,
        `PathNotFound`, `ReadOnlyPath` or `CannotOverwrite`.
        """
        asked = _absolute(path)
        with self._touched(record), opened_root(self._means, self._settler, record) as root:
            directory = _open_target(root, asked)
            try:
                root.check_writable(directory)
            finally:
                os.close(directory)
            owner = self._owner(record) if owns else None
            writer = Untar(
                root.descriptor,
                asked,
                owner=owner,
                keeps_kinds=keeps_kinds,
                check=root.check_writable,
            )
            try:
                writer.write_all(TarReader(_unpacked(stream).read))
            except InvalidLayer as error:
                raise InvalidSetting("archive", error.reason) from error
            except (OSError, EOFError, lzma.LZMAError) as error:
                # Of the files it is said otherwise; this is what could not be unpacked.
                raise InvalidSetting("archive", f"is damaged: {error}") from error
        tell(self._means.events, "extract-to-dir", record)

    @contextmanager
    def _touched(self, record: ContainerRecord) -> Iterator[None]:
        """Let nobody take what was measured before the end of the block for what is there."""
        self._means.store.touch(record.id)
        try:
            yield
        finally:
            self._means.store.touch(record.id)

    def export(self, record: ContainerRecord) -> Iterator[bytes]:
        """Yield an empty piece once it is sure to go well, then the tar of the whole root."""
        with opened_root(self._means, self._settler, record, with_mounts=False) as root:
            yield b""
            tell(self._means.events, "export", record)
            yield from iter_directory_tar(root.descriptor, name=b"")

    def _owner(self, record: ContainerRecord) -> tuple[int, int]:
        defaults = self._means.images.get(str(record.image_id)).config.defaults
        user = resolve_process(defaults, record.settings, hostname="").user
        rootfs = self._means.bundles.locate(record.id).rootfs
        identity = resolve_user(user, read_accounts(rootfs))
        return identity.uid, identity.gid


def _absolute(text: str) -> bytes:
    """Return *text* as docker reads a path: absolute, simplified, a trailing slash or dot kept."""
    path = parse_path(text)
    clean = posixpath.normpath(b"/" + path.lstrip(b"/"))
    if clean != b"/" and (path.endswith((b"/", b"/.")) or path == b"."):
        clean += b"/"
    return clean


def _stat(root: Root, path: bytes) -> PathStat:
    flags = os.O_PATH if path.endswith(b"/") else os.O_PATH | os.O_NOFOLLOW
    descriptor = root.open(path, flags)
    try:
        status = os.fstat(descriptor)
        if path.endswith(b"/") and not stat.S_ISDIR(status.st_mode):
            raise NotADirectory(os.fsdecode(path))
        target = _link_target(root, path, descriptor) if stat.S_ISLNK(status.st_mode) else ""
    finally:
        os.close(descriptor)
    name = posixpath.basename(path.rstrip(b"/")) or b"/"
    return PathStat(os.fsdecode(name), status.st_size, status.st_mode, status.st_mtime_ns, target)


def _link_target(root: Root, path: bytes, link: int) -> str:
    try:
        return "/" + os.fsdecode(path_in_root(root.descriptor, path))
    except OSError:
        # It leads to nothing.
        target = os.readlink(b"", dir_fd=link)
        return os.fsdecode(posixpath.normpath(posixpath.join(posixpath.dirname(path), target)))


def _iter_tar(root: Root, path: bytes, without: frozenset[int]) -> Iterator[bytes]:
    plain = path.rstrip(b"/")
    parent, _, base = plain.rpartition(b"/")
    name = base or b"/"
    descriptor = root.open(path, os.O_PATH if path.endswith(b"/") else os.O_PATH | os.O_NOFOLLOW)
    try:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            yield from iter_directory_tar(descriptor, name=name, without=without)
            return
    finally:
        os.close(descriptor)
    directory = root.open(parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield from iter_file_tar(directory, base, name=name)
    finally:
        os.close(directory)


def _open_target(root: Root, path: bytes) -> int:
    try:
        return root.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except NotADirectory as error:
        shown = os.fsdecode(path)
        raise NotADirectory(shown, reason="extraction point is not a directory") from error


def _made_up_devices(root: Root) -> frozenset[int]:
    """Return the devices of what the kernel makes up in a container that runs."""
    own = os.fstat(root.descriptor).st_dev
    found = (_device_of(root, path) for path in MADE_UP)
    return frozenset(each for each in found if each not in {own, None})


def _device_of(root: Root, path: bytes) -> int | None:
    try:
        descriptor = root.open(path, os.O_PATH | os.O_DIRECTORY)
    except EngineError:
        return None
    try:
        return os.fstat(descriptor).st_dev
    finally:
        os.close(descriptor)


def _unpacked(stream: BinaryIO) -> BinaryIO:
    head = stream.read(HEAD)
    while 0 < len(head) < HEAD and (more := stream.read(HEAD - len(head))):
        head += more
    whole = io.BufferedReader(_Rejoined(head, stream))
    if head.startswith(_BZIP2):
        return bz2.open(whole)  # type: ignore[return-value]
    if head.startswith(_XZ):
        return lzma.open(whole)  # type: ignore[return-value]
    return open_layer(whole, sniff(head))  # type: ignore[return-value]


class _Rejoined(io.RawIOBase):
    """A stream whose beginning was read already."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = self._head[: len(buffer)] or self._rest.read(len(buffer))
        self._head = self._head[len(piece) :]
        buffer[: len(piece)] = piece
        return len(piece)
