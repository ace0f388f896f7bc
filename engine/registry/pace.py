"""
How slowly a registry may answer before it counts as gone.

A connection that is merely silent ends by the transport's own time limit. One that drips, in its
headers or in its body, would keep a worker for days; so the bytes are counted where they come in.
Time that whoever reads takes for itself does not count, nor what passed before the last question.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from engine.errors import RegistryUnreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Pace:
    """At least *least_bytes* in every *window* seconds of waiting."""

    window: float = 30.0
    least_bytes: int = 16 * 1024


class Stream(Protocol):
    """A connection as the HTTP library uses it."""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return some of the next bytes; none at the end."""

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send *buffer*."""

    def close(self) -> None:
        """End the connection."""

    def start_tls(self, *arguments: Any, **options: Any) -> Any:
        """Return the same connection, over TLS from now on."""

    def get_extra_info(self, info: str) -> Any:
        """Return what the library asks of the socket."""


class Backend(Protocol):
    """Opens connections as the HTTP library wants them."""

    def connect_tcp(self, host: str, port: int, *arguments: Any, **options: Any) -> Any:
        """Open a connection."""

    def sleep(self, seconds: float) -> None:
        """Pass the time."""


class PacedBackend:
    """A `Backend` whose connections end when the other side is too slow."""

    def __init__(self, backend: Backend, pace: Pace) -> None:
        self._backend = backend
        self._pace = pace

    def connect_tcp(self, host: str, port: int, *arguments: Any, **options: Any) -> PacedStream:
        """See `Backend.connect_tcp`."""
        stream = self._backend.connect_tcp(host, port, *arguments, **options)
        return PacedStream(stream, self._pace, f"{host}:{port}")

    def sleep(self, seconds: float) -> None:
        """See `Backend.sleep`."""
        self._backend.sleep(seconds)


class PacedStream:
    """A `Stream` that raises `RegistryUnreachable` once a window saw too few bytes."""

    def __init__(self, stream: Stream, pace: Pace, place: str) -> None:
        self._stream = stream
        self._pace = pace
        self._place = place
        self._waited = 0.0
        self._count = 0
        self._is_reading = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """See `Stream.read`."""
        self._turn(is_reading=True)
        with self._waiting():
            chunk = self._stream.read(max_bytes, timeout)
        self._note(len(chunk))
        return chunk

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """See `Stream.write`."""
        self._turn(is_reading=False)
        for start in range(0, len(buffer), PIECE):
            piece = buffer[start : start + PIECE]
            with self._waiting():
                self._stream.write(piece, timeout)
            self._note(len(piece))

    def close(self) -> None:
        """See `Stream.close`."""
        self._stream.close()

    def start_tls(self, *arguments: Any, **options: Any) -> PacedStream:
        """See `Stream.start_tls`."""
        stream = self._stream.start_tls(*arguments, **options)
        return PacedStream(stream, self._pace, self._place)

    def get_extra_info(self, info: str) -> Any:
        """See `Stream.get_extra_info`."""
        return self._stream.get_extra_info(info)

    def _turn(self, *, is_reading: bool) -> None:
        """Begin to count anew where a question ends, and where an answer does."""
        if is_reading != self._is_reading:
            self._is_reading, self._waited, self._count = is_reading, 0.0, 0

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self._waited += time.monotonic() - began

    def _note(self, length: int) -> None:
        self._count += length
        if self._waited < self._pace.window:
            return
        if self._count < self._pace.least_bytes:
            raise RegistryUnreachable(self._place, reason="it answers too slowly")
        self._waited, self._count = 0.0, 0
