"""Verification while bytes pass by, so that nothing has to be read twice."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from engine.errors import DigestMismatch, SizeMismatch
from engine.oci.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Verifier:
    """
    Counts and hashes bytes that should turn out to have *digest* and *size*.

    A byte too many is refused as soon as it comes, so nobody can make us store or hash more than
    was announced.
    """

    def __init__(self, digest: Digest, size: int) -> None:
        self._expected = digest
        self._size = size
        self._count = 0
        self._hash = hashlib.sha256(usedforsecurity=False)

    @property
    def count(self) -> int:
        """How many bytes have passed."""
        return self._count

    def update(self, chunk: bytes) -> None:
        """Let *chunk* pass; raise `SizeMismatch` if there are more bytes than announced."""
        if self._count + len(chunk) > self._size:
            raise SizeMismatch(expected=self._size, actual=self._count + len(chunk))
        self._hash.update(chunk)
        self._count += len(chunk)

    def check(self) -> None:
        """Raise `SizeMismatch` or `DigestMismatch` unless what passed is what was announced."""
        if self._count != self._size:
            raise SizeMismatch(expected=self._size, actual=self._count)
        actual = Digest(self._hash.hexdigest())
        if actual != self._expected:
            raise DigestMismatch(expected=self._expected, actual=actual)


def verified(chunks: Iterable[bytes], *, digest: Digest, size: int) -> Iterator[bytes]:
    """
    Yield *chunks*, and raise at their end unless together they are *digest* and *size*.

    Whoever reads must not trust anything before the iteration has ended without an error.
    """
    verifier = Verifier(digest, size)
    for chunk in chunks:
        verifier.update(chunk)
        yield chunk
    verifier.check()
