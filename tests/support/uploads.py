"""Bytes that are brought to a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.oci import media_types
from engine.oci.descriptor import Descriptor
from engine.oci.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Generator

    from engine.errors import EngineError
    from tests.support.registry import FakeRegistry

BYTES = bytes(range(256)) * 2000
BLOB = Descriptor(media_types.OCI_LAYER, Digest.of(BYTES), len(BYTES))


class Bytes:
    """Content in memory that remembers from where it was read."""

    def __init__(self, content: bytes = BYTES, *, fails_with: EngineError | None = None) -> None:
        self.content = content
        self.fails_with = fails_with
        self.opened_at: list[int] = []

    def open(self, offset: int) -> Generator[bytes, None, None]:
        self.opened_at.append(offset)
        for start in range(offset, len(self.content), 10_000):
            if self.fails_with and start > 100_000:
                raise self.fails_with
            yield self.content[start : start + 10_000]


def methods(registry: FakeRegistry) -> list[str]:
    return [each.method for each in registry.received]
