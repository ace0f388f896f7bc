"""
Reading an image archive once, from front to back, with its bytes put aside.

Nothing of it is trusted: a member's name is only ever looked up, never made on the disk. What is a
packed layer of an OCI layout goes to the content store under the digest that it claims and proves;
all else goes to a spool. Links between members, as docker wrote them for layers that images share,
are followed within the archive.
"""

from __future__ import annotations

import bz2
import hashlib
import io
import lzma
import posixpath
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, cast

from engine.content.store import open_ingest
from engine.errors import DigestMismatch, InvalidArchive, InvalidLayer, LimitExceeded
from engine.images.archive_layout import blob_digest
from engine.layers.compression import open_layer, sniff
from engine.layers.entries import Kind, normalise
from engine.layers.limits import Limits
from engine.layers.tarstream import TarReader
from engine.oci.digest import Digest
from engine.oci.media_types import Compression

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from _typeshed import WriteableBuffer

    from engine.content.store import Store
    from engine.images.hold import Hold
    from engine.images.spool import Spool
    from engine.layers.entries import Entry
    from engine.progress import Cancellation

ARCHIVE_LIMITS = Limits(unpacked_bytes=1 << 41, entries=100_000)
MAX_DOCUMENT = 4 * 1024 * 1024
MAX_LINKS = 40
_HEAD = 8
_TAR_HEAD = 512
_TAR_MAGIC, _TAR_MAGIC_AT = b"ustar", 257
_OPENERS: dict[bytes, Callable[[BinaryIO], BinaryIO]] = {
    b"BZh": lambda stream: cast("BinaryIO", bz2.BZ2File(stream)),
    b"\xfd7zXZ\0": lambda stream: cast("BinaryIO", lzma.LZMAFile(stream)),  # noqa: SIM115
}


@dataclass(frozen=True, slots=True)
class Member:
    """
    One file of an archive.

    *start* says where it begins in the spool; None where it went to the content store.
    *may_be_layer* if it begins as a layer does.
    """

    digest: Digest
    size: int
    compression: Compression
    start: int | None
    may_be_layer: bool = False


@dataclass(slots=True)
class Contents:
    """The members of an archive that was read; *links* lead from a name to another."""

    spool: Spool
    members: dict[str, Member] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def find(self, name: str) -> Member | None:
        """Return the member that *name* leads to, or None."""
        for _ in range(MAX_LINKS):
            name = posixpath.normpath(name)
            if name not in self.links:
                return self.members.get(name)
            name = self.links[name]
        return None

    def get(self, name: str) -> Member:
        """Return the member that *name* leads to; raise `InvalidArchive`."""
        member = self.find(name)
        if member is None:
            raise InvalidArchive(f"it holds no {name[:200]!r}")
        return member

    def has(self, name: str) -> bool:
        """See `archive_layout.Documents`."""
        return self.find(name) is not None

    def read(self, name: str) -> bytes:
        """See `archive_layout.Documents`."""
        member = self.get(name)
        if member.size > MAX_DOCUMENT or member.start is None:
            raise LimitExceeded(f"the size of {name[:200]!r}", limit=MAX_DOCUMENT, field="archive")
        with self.open(member) as stream:
            return stream.read()

    def open(self, member: Member) -> BinaryIO:
        """Open a *member* of the spool."""
        return self.spool.open(member.start or 0, member.size)


class UnpackedArchive:
    """The unpacked bytes of a stream: as they are, or out of gzip, zstd, bzip2 or xz."""

    def __init__(self, stream: BinaryIO, limits: Limits = ARCHIVE_LIMITS) -> None:
        self._packed = _Peeked(stream, _HEAD)
        self._unpacked = _opened(self._packed)
        self._limits = limits
        self._count = 0

    def read(self, size: int = -1, /) -> bytes:
        """Return up to *size* of the next bytes; raise `LimitExceeded` for a bomb."""
        with _damage_named():
            content = self._unpacked.read(size)
        self._count += len(content)
        self._limits.check_unpacked(self._count, self._packed.count)
        return content


def _opened(packed: _Peeked) -> BinaryIO:
    for magic, opened in _OPENERS.items():
        if packed.head.startswith(magic):
            return opened(cast("BinaryIO", io.BufferedReader(packed)))
    return cast("BinaryIO", open_layer(cast("BinaryIO", packed), sniff(packed.head)))


class ArchiveReader:
    """Reads one archive; *notice* is told of each member as soon as all of it is here."""

    def __init__(
        self,
        stream: BinaryIO,
        *,
        spool: Spool,
        store: Store,
        hold: Hold,
        cancellation: Cancellation,
        notice: Callable[[Member], None] = lambda _: None,
        limits: Limits = ARCHIVE_LIMITS,
    ) -> None:
        self._unpacked = UnpackedArchive(stream, limits)
        self._notice = notice
        self._store = store
        self._hold = hold
        self._cancellation = cancellation
        self._tar = TarReader(self._unpacked.read, limits)
        self._contents = Contents(spool)

    def read(self) -> Contents:
        """
        Return what the archive holds; its bytes are in the spool and in the store then.

        Raises `InvalidArchive`, `UnsafePath`, `LimitExceeded`, `DigestMismatch` or a kind of
        `SystemFailure`.
        """
        with archive_blamed():
            for entry in self._tar:
                self._cancellation.check()
                self._take(entry)
            # What feeds us may still be writing, and would end with an error if we left.
            while self._unpacked.read(1 << 20):
                self._cancellation.check()
        return self._contents

    def _take(self, entry: Entry) -> None:
        name = normalise(entry.name).decode("utf-8", "surrogateescape")
        if entry.kind in {Kind.SYMLINK, Kind.HARD_LINK}:
            self._check_new(name)
            link = entry.link.decode("utf-8", "surrogateescape")
            within = posixpath.dirname(name) if entry.kind is Kind.SYMLINK else ""
            self._contents.links[name] = posixpath.normpath(posixpath.join(within, link))
        elif entry.kind is Kind.FILE:
            self._check_new(name)
            member = self._contents.members[name] = self._put_aside(name, entry)
            self._notice(member)

    def _check_new(self, name: str) -> None:
        if name in self._contents.members or name in self._contents.links:
            # Two readers could take one each, and see two images in one archive.
            raise InvalidArchive(f"it holds {name[:200]!r} twice")

    def _put_aside(self, name: str, entry: Entry) -> Member:
        if entry.segments is not None:
            raise InvalidArchive(f"{name[:200]!r} is a sparse file")
        head = b""
        pieces = self._tar.iter_body()
        for piece in pieces:
            head += piece
            if len(head) >= _TAR_HEAD:
                break
        compression, digest = sniff(head), blob_digest(name)
        if digest is not None and compression is not Compression.NONE:
            return self._store_blob(digest, entry.size, compression, head, pieces)
        return self._spool(digest, entry.size, compression, head, pieces)

    def _store_blob(
        self,
        digest: Digest,
        size: int,
        compression: Compression,
        head: bytes,
        pieces: Iterator[memoryview],
    ) -> Member:
        self._hold.add_blobs(digest)
        with open_ingest(self._store, digest, size, cancellation=self._cancellation) as ingest:
            if ingest is not None:
                known = ingest.offset
                for piece in _joined(head, pieces):
                    self._cancellation.check()
                    # What an earlier writer left stands before what is new.
                    fresh = piece[min(known, len(piece)) :]
                    known -= len(piece) - len(fresh)
                    if fresh:
                        ingest.write(bytes(fresh))
                ingest.commit()
        return Member(digest, size, compression, None, may_be_layer=True)

    def _spool(
        self,
        expected: Digest | None,
        size: int,
        compression: Compression,
        head: bytes,
        pieces: Iterator[memoryview],
    ) -> Member:
        spool = self._contents.spool
        start = spool.size
        hasher = hashlib.sha256(usedforsecurity=False)
        for piece in _joined(head, pieces):
            self._cancellation.check()
            hasher.update(piece)
            spool.write(piece)
        digest = Digest(hasher.hexdigest())
        if expected is not None and digest != expected:
            raise DigestMismatch(expected=expected, actual=digest)
        may_be_layer = compression is not Compression.NONE or _is_tar(head)
        return Member(digest, size, compression, start, may_be_layer)


def _is_tar(head: bytes) -> bool:
    return head.startswith(_TAR_MAGIC, _TAR_MAGIC_AT)


def _joined(head: bytes, pieces: Iterator[memoryview]) -> Iterator[memoryview]:
    yield memoryview(head)
    yield from pieces


@contextmanager
def archive_blamed() -> Iterator[None]:
    """Name the archive where the reader of tars and packed bytes names a layer."""
    try:
        yield
    except InvalidLayer as error:
        raise InvalidArchive(error.reason) from error


@contextmanager
def _damage_named() -> Iterator[None]:
    try:
        yield
    except (EOFError, lzma.LZMAError) as error:
        raise InvalidLayer(f"its packed bytes are damaged: {error}") from error
    except OSError as error:
        if error.errno is not None:  # of the stream, not of what is in it
            raise
        raise InvalidLayer(f"its packed bytes are damaged: {error}") from error


class _Peeked(io.RawIOBase):
    """A stream of which the first bytes were looked at; counts what was read of it."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream = stream
        self.head = b""
        while len(self.head) < size and (piece := stream.read(size - len(self.head))):
            self.head += piece
        self._pending = self.head
        self.count = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        if self._pending:
            end = len(self._pending) if size < 0 else size
            content, self._pending = self._pending[:end], self._pending[end:]
        else:
            content = self._stream.read(size)
        self.count += len(content)
        return content

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        content = self.read(len(view))
        view[: len(content)] = content
        return len(content)
