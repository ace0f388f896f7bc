"""
Write the entries of one layer below the root of this process; runs confined.

The root is empty at first, so all that is ever met here came from the same tar. A name whose parent
is a symbolic link is followed as long as it stays below the root. Nothing that exists is opened:
files are made anew, so no device, fifo or link is ever written through.
"""

from __future__ import annotations

import errno
import gc
import os
import stat
from collections import deque
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from engine.errors import InvalidLayer, LimitExceeded, UnsafePath
from engine.layers.attributes import describe, set_xattrs
from engine.layers.entries import Entry, Kind, normalise, printable
from engine.layers.index import INDEX
from engine.layers.index_writer import IndexWriter
from engine.layers.limits import Limits
from engine.layers.recipe import RECIPE, RecipeWriter, write_all
from engine.layers.tarstream import TarReader
from engine.oci.whiteout import RESERVED_PREFIX, OpaqueWhiteout, Whiteout, parse_whiteout
from engine.system.files import BLOCK, walk
from engine.system.overlayfs import is_whiteout, make_opaque, make_whiteout
from engine.system.removal import remove_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

INPUT = 0
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_MAX_LINKS = 40
_IMPLIED_MODE = 0o755
_DEVICE_MODES = {
    Kind.CHARACTER_DEVICE: stat.S_IFCHR,
    Kind.BLOCK_DEVICE: stat.S_IFBLK,
    Kind.FIFO: stat.S_IFIFO,
}


def main(request: Mapping[str, Any]) -> dict[str, Any]:
    """Apply the tar on standard input; return what `AppliedLayer` needs to know."""
    gc.disable()  # what is made for an entry is in no cycle, and looking for one takes its time
    outputs = request["outputs"]
    index = IndexWriter(partial(write_all, outputs[INDEX]))
    recipe = RecipeWriter(outputs[RECIPE]) if RECIPE in outputs else None
    tap = recipe.literal if recipe else None
    reader = TarReader(_read_input, Limits(*request["limits"]), tap=tap)
    answer = Applier(reader, index, recipe).run()
    reader.drain()  # what follows the end mark belongs to the diff ID, which the other side checks
    index.finish()
    if recipe:
        recipe.finish()
    return answer


def _read_input(size: int) -> bytes:
    return os.read(INPUT, size)


class Applier:
    """One layer being written."""

    def __init__(
        self, reader: TarReader, index: IndexWriter, recipe: RecipeWriter | None = None
    ) -> None:
        self._reader = reader
        self._index = index
        self._recipe = recipe
        # Every directory below the root, and the entry that describes it, if one came yet.
        self._directories: dict[bytes, Entry | None] = {b"": None}
        self._opaque: set[bytes] = set()
        self._links: dict[bytes, bytes] = {}
        self._allocated = 0
        self._makers: dict[Kind, Callable[[bytes, Entry], None]] = {
            Kind.FILE: self._make_file,
            Kind.HARD_LINK: self._make_hard_link,
            Kind.SYMLINK: self._make_symlink,
            Kind.CHARACTER_DEVICE: self._make_device,
            Kind.BLOCK_DEVICE: self._make_device,
            Kind.FIFO: self._make_device,
        }

    def run(self) -> dict[str, Any]:
        """Write every entry; return the size and what is left to settle."""
        for entry in self._reader:
            try:
                self._apply(entry)
            except OSError as error:
                raise _translated(error, entry.name) from error
        self._finish_directories()
        return {
            "size": self._allocated,
            "entries": self._reader.entries,
            "implied": [_text(path) for path, entry in self._directories.items() if entry is None],
            "links": {_text(path): _text(target) for path, target in self._links.items()},
            "is_opaque": b"" in self._opaque,
        }

    def _apply(self, entry: Entry) -> None:
        name = normalise(entry.name)
        if b".wh." in name and self._is_mark(name):
            return
        path = self._place(name)
        if entry.kind is Kind.DIRECTORY:
            self._make_directory(path, entry)
        elif not path:
            raise InvalidLayer("the root is not a directory", entry=printable(entry.name))
        else:
            self._make(path, entry)

    def _make(self, path: bytes, entry: Entry) -> None:
        make = self._makers[entry.kind]
        if self._links:
            self._links.pop(path, None)
        try:
            make(path, entry)
        except FileExistsError:
            self._remove(path)
            make(path, entry)

    # --- whiteouts

    def _is_mark(self, name: bytes) -> bool:
        """Whether *name* is no file but says something about the layers below; if so, write it."""
        parent, slash, last = name.rpartition(b"/")
        if any(part.startswith(RESERVED_PREFIX) for part in parent.split(b"/")):
            return True
        mark = parse_whiteout(last)
        if isinstance(mark, OpaqueWhiteout):
            self._opaque.add(self._reached(parent, name))
        elif isinstance(mark, Whiteout):
            self._white_out(self._place(parent + slash + mark.name))
        return mark is not None

    def _white_out(self, path: bytes) -> None:
        # What this layer itself has of that name stays; it only hides what lies below.
        if path in self._directories:
            self._opaque.add(path)
            return
        try:
            make_whiteout(path)
        except FileExistsError:
            return
        self._index.white_out(path)

    # --- places

    def _place(self, name: bytes) -> bytes:
        """Return where *name* lies once the links among its parents are followed."""
        parent, slash, last = name.rpartition(b"/")
        if parent in self._directories:
            return name
        parent = self._reached(parent, name)
        return parent + slash + last if parent else last

    def _reached(self, parent: bytes, name: bytes) -> bytes:
        """
        Return the directory that *parent* leads to, made with all its parents if need be.

        *name* is whom the errors name.
        """
        if parent in self._directories:
            return parent
        done: list[bytes] = []
        waiting = deque(parent.split(b"/"))
        links = 0
        while waiting:
            part = waiting.popleft()
            if part == b"..":
                if not done:
                    raise UnsafePath(printable(name), "a symbolic link leads above the root")
                done.pop()
                continue
            path = b"/".join([*done, part])
            target = self._entered(path, name)
            if target is None:
                done.append(part)
                continue
            links += 1
            if links > _MAX_LINKS or target.startswith(b"/"):
                reason = "a symbolic link leads in circles" if links > _MAX_LINKS else None
                raise UnsafePath(printable(name), reason or "a symbolic link leads to /")
            waiting.extendleft(reversed([each for each in target.split(b"/") if each not in _DOTS]))
        return b"/".join(done)

    def _entered(self, path: bytes, name: bytes) -> bytes | None:
        """Make sure that *path* is a directory and return None, or return where a link points."""
        if path in self._directories:
            return None
        try:
            status = os.lstat(path)
        except FileNotFoundError:
            self._imply(path)
            return None
        if stat.S_ISLNK(status.st_mode):
            return os.readlink(path)
        if not is_whiteout(status):
            raise InvalidLayer("its parent is not a directory", entry=printable(name))
        os.unlink(path)
        self._index.drop(path)
        self._imply(path)
        self._opaque.add(path)
        return None

    def _imply(self, path: bytes) -> None:
        os.mkdir(path, _IMPLIED_MODE)
        self._directories[path] = None

    # --- making

    def _make_directory(self, path: bytes, entry: Entry) -> None:
        # Owner, mode, attributes and times come last, so that nothing inherits from a directory.
        if path not in self._directories:
            try:
                os.mkdir(path, _IMPLIED_MODE)
            except FileExistsError:
                if is_whiteout(os.lstat(path)):
                    self._opaque.add(path)
                self._remove(path)
                os.mkdir(path, _IMPLIED_MODE)
        self._links.pop(path, None)
        self._directories[path] = entry
        self._index.add(path, entry)

    def _make_file(self, path: bytes, entry: Entry) -> None:
        descriptor = os.open(path, _NEW_FILE, entry.mode)
        try:
            digest = self._write_content(descriptor, entry) if entry.size else _EMPTY_DIGEST
            if entry.uid or entry.gid:
                os.fchown(descriptor, entry.uid, entry.gid)
                os.fchmod(descriptor, entry.mode)
            if entry.xattrs:
                set_xattrs(descriptor, entry)
            os.utime(descriptor, ns=(entry.mtime_ns, entry.mtime_ns))
            if entry.size or entry.xattrs:
                self._allocated += os.fstat(descriptor).st_blocks * BLOCK
        finally:
            os.close(descriptor)
        self._index.add(path, entry, digest)
        if self._recipe is not None and entry.size:
            self._recipe.reference(path, self._reader.entries, entry.size, entry.segments)

    def _write_content(self, descriptor: int, entry: Entry) -> bytes:
        """Write what the body holds; return the digest of the content, none of a sparse file."""
        if entry.segments is not None:
            self._write_segments(descriptor, entry)
            return b""
        piece = self._reader.whole_body()
        if piece is not None:
            _write(descriptor, piece)
            return sha256(piece, usedforsecurity=False).digest()
        hasher = sha256(usedforsecurity=False)
        for piece in self._reader.iter_body():
            _write(descriptor, piece)
            hasher.update(piece)
        return hasher.digest()

    def _write_segments(self, descriptor: int, entry: Entry) -> None:
        os.ftruncate(descriptor, entry.size)
        for offset, length in entry.segments or ():
            os.lseek(descriptor, offset, os.SEEK_SET)
            for piece in self._reader.iter_body(length):
                _write(descriptor, piece)

    def _make_hard_link(self, path: bytes, entry: Entry) -> None:
        target = self._link_target(entry)
        if target == path:
            return
        try:
            os.link(target, path, follow_symlinks=False)
        except FileNotFoundError:
            # The target may lie in a layer below; that is settled once the parent is known.
            if os.path.lexists(path):
                self._remove(path)
            self._links[path] = target
            self._index.add(path, entry, link=target)
            return
        if is_whiteout(os.lstat(path)):
            os.unlink(path)
            raise InvalidLayer(
                "a hard link to a file that the layer removes", entry=printable(path)
            )
        self._index.add(path, entry, link=target)

    def _link_target(self, entry: Entry) -> bytes:
        try:
            target = normalise(entry.link)
        except UnsafePath as error:
            reason = f"it is a hard link to {error.path!r}"
            raise UnsafePath(printable(entry.name), reason) from error
        # Links on the way may lead to a directory, too.
        place = self._place(target)
        if not target or place in self._directories:
            raise InvalidLayer("a hard link to a directory", entry=printable(entry.name))
        return place

    def _make_symlink(self, path: bytes, entry: Entry) -> None:
        if not entry.link or b"\0" in entry.link:
            raise InvalidLayer("a symbolic link to nowhere", entry=printable(entry.name))
        os.symlink(entry.link, path)
        if entry.uid or entry.gid:
            os.lchown(path, entry.uid, entry.gid)
        self._finish_special(path, entry)
        self._index.add(path, entry, link=entry.link)

    def _make_device(self, path: bytes, entry: Entry) -> None:
        os.mknod(path, _DEVICE_MODES[entry.kind] | entry.mode, os.makedev(*entry.device))
        if entry.uid or entry.gid:
            os.lchown(path, entry.uid, entry.gid)
            os.chmod(path, entry.mode)
        self._finish_special(path, entry)
        self._index.add(path, entry)

    def _finish_special(self, path: bytes, entry: Entry) -> None:
        if entry.xattrs:
            set_xattrs(path, entry)
        os.utime(path, ns=(entry.mtime_ns, entry.mtime_ns), follow_symlinks=False)
        self._allocated += os.lstat(path).st_blocks * BLOCK

    def _finish_directories(self) -> None:
        for path, entry in self._directories.items():
            place = path or b"."
            if entry is not None:
                describe(place, entry)
            else:
                os.utime(place, ns=(0, 0))
            if path in self._opaque:
                make_opaque(place)
                self._index.make_opaque(path)
            self._allocated += os.lstat(place).st_blocks * BLOCK

    # --- replacing

    def _remove(self, path: bytes) -> None:
        self._index.drop(path)
        if path in self._directories:
            self._forget_below(path)
            self._keep_below(path)
            remove_tree(path)
            return
        status = os.lstat(path)
        self._keep(path, status)
        if status.st_nlink == 1:
            self._allocated -= status.st_blocks * BLOCK
        os.unlink(path)

    def _keep_below(self, path: bytes) -> None:
        if self._recipe is not None:
            for found in walk(path):
                self._keep(path + b"/" + found.path, found.status)

    def _keep(self, path: bytes, status: os.stat_result) -> None:
        """Let the recipe keep what it would find here, before it is replaced."""
        if self._recipe is not None and stat.S_ISREG(status.st_mode) and status.st_size:
            self._recipe.replace(path, self._reader.entries)

    def _forget_below(self, path: bytes) -> None:
        gone = [each for each in self._directories if each == path or each.startswith(path + b"/")]
        for each in gone:
            del self._directories[each]
            self._opaque.discard(each)
        for link in [each for each in self._links if each.startswith(path + b"/")]:
            del self._links[link]


_DOTS = {b"", b"."}
_EMPTY_DIGEST = sha256(b"", usedforsecurity=False).digest()


def _write(descriptor: int, piece: memoryview) -> None:
    while piece:
        piece = piece[os.write(descriptor, piece) :]


def _translated(error: OSError, name: bytes) -> Exception:
    if error.errno == errno.ENAMETOOLONG:
        return LimitExceeded("the length of a name in the layer", limit=255, field="layer")
    if error.errno in {errno.ENOTDIR, errno.EISDIR, errno.ENOENT, errno.EEXIST, errno.ELOOP}:
        return InvalidLayer(os.strerror(error.errno), entry=printable(name))
    if error.errno in {errno.ERANGE, errno.E2BIG, errno.EINVAL, errno.EMLINK, errno.EFBIG}:
        return InvalidLayer(os.strerror(error.errno), entry=printable(name))
    return error


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")
