"""
The content store in a directory.

`blobs/sha256/<hex>` holds verified bytes, `ingest/<hex>` what is on its way to become such a blob
and `ingest/put-…` small content being written at once. Becoming visible is one rename, after the
bytes are verified and on the disk.
"""

from __future__ import annotations

import os
import uuid
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine.content.store import Blob, KeptIngest
from engine.content.verify import Verifier
from engine.errors import (
    BlobNotFound,
    IngestLocked,
    IntegrityError,
    InvalidDigest,
    LimitExceeded,
    OutOfSpace,
    from_oserror,
)
from engine.oci.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO
    from pathlib import Path
    from typing import BinaryIO

    from engine.system.locks import Locks

CHUNK = 1024 * 1024
BLOCK = 512  # the unit of st_blocks, whatever the filesystem's own


class LocalStore:
    """A `Store` below *root*; *locks* says who is writing which ingest."""

    def __init__(self, root: Path, locks: Locks) -> None:
        self._blobs = root / "blobs" / "sha256"
        self._ingests = root / "ingest"
        self._locks = locks
        for path in (self._blobs, self._ingests):
            path.mkdir(parents=True, exist_ok=True)

    def has(self, digest: Digest) -> bool:
        """See `Store.has`."""
        return self._path(digest).exists()

    def size(self, digest: Digest) -> int:
        """See `Store.size`."""
        return self._stat(digest).st_size

    def disk_bytes(self, digest: Digest) -> int:
        """See `Store.disk_bytes`."""
        return self._stat(digest).st_blocks * BLOCK

    def open_blob(self, digest: Digest) -> BinaryIO:
        """See `Store.open_blob`."""
        try:
            return self._path(digest).open("rb")
        except FileNotFoundError:
            raise BlobNotFound(digest) from None
        except OSError as error:
            raise from_oserror(error, f"read blob {digest}") from error

    def read_blob(self, digest: Digest, *, limit: int) -> bytes:
        """See `Store.read_blob`."""
        with self.open_blob(digest) as blob:
            content = blob.read(limit + 1)
        if len(content) > limit:
            raise LimitExceeded(f"the size of blob {digest}", limit=limit)
        return content

    def put(self, content: bytes) -> Digest:
        """See `Store.put`."""
        digest = Digest.of(content)
        if not self.has(digest):
            aside = self._ingests / f"put-{uuid.uuid4().hex}"
            try:
                # Held, so that no sweep takes it for something that was abandoned.
                with self._locks.held(_lock_name(aside)):
                    self._write(aside, content, digest)
            except OSError as error:
                raise from_oserror(error, f"store blob {digest}") from error
            finally:
                aside.unlink(missing_ok=True)
                self._locks.discard(_lock_name(aside))
        return digest

    @contextmanager
    def ingest(self, digest: Digest, size: int) -> Iterator[LocalIngest]:
        """See `Store.ingest`."""
        partial = self._ingests / digest.hex
        with self._locks.tried(_lock_name(partial)) as is_mine:
            if not is_mine:
                raise IngestLocked(digest)
            with _opened(partial) as file:
                ingest = LocalIngest(file, partial, self._path(digest), Verifier(digest, size))
                ingest.resume(size)
                yield ingest
            if ingest.offset == 0:
                partial.unlink(missing_ok=True)

    def discard_ingest(self, digest: Digest) -> int:
        """See `Store.discard_ingest`."""
        return self._drop_ingest(self._ingests / digest.hex)

    def remove(self, digest: Digest) -> int:
        """See `Store.remove`."""
        try:
            freed = self.disk_bytes(digest)
            self._path(digest).unlink()
        except (BlobNotFound, FileNotFoundError):
            return 0
        return freed

    def iter_blobs(self) -> Iterator[Blob]:
        """See `Store.iter_blobs`."""
        for path, stat in _iter_files(self._blobs):
            stored_at = datetime.fromtimestamp(stat.st_mtime, UTC)
            try:
                digest = Digest.parse(f"sha256:{path.name}")
            except InvalidDigest:
                continue
            yield Blob(digest, stat.st_size, stat.st_blocks * BLOCK, stored_at)

    def iter_ingests(self) -> Iterator[KeptIngest]:
        """See `Store.iter_ingests`."""
        for path, stat in _iter_files(self._ingests):
            with suppress(InvalidDigest):
                digest = Digest.parse(f"sha256:{path.name}")
                written_at = datetime.fromtimestamp(stat.st_mtime, UTC)
                yield KeptIngest(digest, stat.st_blocks * BLOCK, written_at)

    def blob_bytes(self) -> int:
        """See `Store.blob_bytes`."""
        files = (*_iter_files(self._blobs), *_iter_files(self._ingests))
        return sum(stat.st_blocks * BLOCK for _, stat in files)

    def sweep(self, *, before: datetime) -> int:
        """See `Store.sweep`."""
        return sum(
            self._drop_ingest(path)
            for path, stat in _iter_files(self._ingests)
            if stat.st_mtime < before.timestamp()
        )

    def _drop_ingest(self, path: Path) -> int:
        if not path.exists():
            return 0
        with self._locks.tried(_lock_name(path)) as is_mine:
            if not is_mine or not path.exists():
                return 0
            freed = path.stat().st_blocks * BLOCK
            path.unlink()
        return freed

    def _write(self, aside: Path, content: bytes, digest: Digest) -> None:
        with aside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _publish(aside, self._path(digest))

    def _path(self, digest: Digest) -> Path:
        return self._blobs / digest.hex

    def _stat(self, digest: Digest) -> os.stat_result:
        try:
            return self._path(digest).stat()
        except FileNotFoundError:
            raise BlobNotFound(digest) from None


class LocalIngest:
    """An `Ingest` in the file *partial*, which becomes *target*."""

    def __init__(self, file: FileIO, partial: Path, target: Path, verifier: Verifier) -> None:
        self._file = file
        self._partial = partial
        self._target = target
        self._verifier = verifier

    @property
    def offset(self) -> int:
        """See `Ingest.offset`."""
        return self._verifier.count

    def resume(self, size: int) -> None:
        """Take up what an earlier writer left; start afresh if it cannot be a part of the blob."""
        if os.fstat(self._file.fileno()).st_size > size:
            self._file.truncate(0)
        while chunk := self._file.read(CHUNK):
            self._verifier.update(chunk)

    def iter_kept(self) -> Iterator[bytes]:
        """See `Ingest.iter_kept`."""
        end = self._verifier.count
        for at in range(0, end, CHUNK):
            yield os.pread(self._file.fileno(), min(CHUNK, end - at), at)

    def write(self, chunk: bytes) -> None:
        """See `Ingest.write`."""
        with self._dropped_if_useless():
            self._verifier.update(chunk)
            remaining = memoryview(chunk)
            while remaining:
                remaining = remaining[self._file.write(remaining) :]

    def commit(self) -> None:
        """See `Ingest.commit`."""
        with self._dropped_if_useless():
            self._verifier.check()
            os.fsync(self._file.fileno())
            _publish(self._partial, self._target)

    @contextmanager
    def _dropped_if_useless(self) -> Iterator[None]:
        # Wrong bytes cannot be gone on from, and a full disk needs the space more than we do.
        try:
            with _translated(f"write {self._partial.name}"):
                yield
        except (IntegrityError, OutOfSpace):
            self._partial.unlink(missing_ok=True)
            raise


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise from_oserror(error, doing) from error


@contextmanager
def _opened(path: Path) -> Iterator[FileIO]:
    with _translated(f"open ingest {path.name}"):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        yield file


def _publish(aside: Path, target: Path) -> None:
    """Make *aside* visible as *target*; the name itself is on the disk afterwards."""
    aside.replace(target)
    descriptor = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _iter_files(directory: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for path in directory.iterdir():
        try:
            yield path, path.stat()
        except FileNotFoundError:
            continue


def _lock_name(partial: Path) -> str:
    return f"ingest/{partial.name}"
