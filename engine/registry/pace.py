"""How slowly a registry may answer before it counts as gone."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import RegistryUnreachable
from engine.registry.messages import host_and_port

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, slots=True)
class Pace:
    """
    At least *least_bytes* in every *window* seconds.

    A connection that is merely silent ends by the transport's own time limit; this is for one that
    drips, which would keep a worker for days.
    """

    window: float = 30.0
    least_bytes: int = 16 * 1024

    def watch(self, url: str) -> Watch:
        """Return what watches over one body that comes from *url*."""
        return Watch(self, url)


class Watch:
    """Watches over one body; the time that whoever reads takes for itself does not count."""

    def __init__(self, pace: Pace, url: str) -> None:
        self._pace = pace
        self._url = url
        self._waited = 0.0
        self._count = 0

    def each(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield *chunks*; raise `RegistryUnreachable` once a window saw too few bytes."""
        iterator = iter(chunks)
        while True:
            began = time.monotonic()
            chunk = next(iterator, None)
            if chunk is None:
                return
            self._note(len(chunk), time.monotonic() - began)
            yield chunk

    def _note(self, length: int, waited: float) -> None:
        self._count += length
        self._waited += waited
        if self._waited < self._pace.window:
            return
        if self._count < self._pace.least_bytes:
            raise RegistryUnreachable(host_and_port(self._url), reason="it answers too slowly")
        self._waited, self._count = 0.0, 0
