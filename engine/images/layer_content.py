"""The bytes that go to a registry, from any byte on, as often as they have to be sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Generator

    from engine.images.ports import LayerSource
    from engine.images.record import LayerRecord

CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class BytesContent:
    """Content that is at hand."""

    content: bytes

    def open(self, offset: int) -> Generator[bytes, None, None]:
        """See `BlobContent.open`."""
        if rest := self.content[offset:]:
            yield rest


@dataclass(frozen=True, slots=True)
class LayerContent:
    """A layer of this host, as it travels."""

    source: LayerSource
    layer: LayerRecord

    def open(self, offset: int) -> Generator[bytes, None, None]:
        """See `BlobContent.open`."""
        _, stream = self.source.open_archive(self.layer)
        with stream:
            _skip(stream, offset)
            while chunk := stream.read(CHUNK):
                yield chunk


def _skip(stream: BinaryIO, count: int) -> None:
    """Go on by *count* bytes, by reading them where there is no other way."""
    if stream.seekable():
        stream.seek(count)
        return
    while count and (passed := stream.read(min(count, CHUNK))):
        count -= len(passed)
