"""Bytes between threads and the event loop, with a bound on what is held between them."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

HELD = 256 * 1024


class ClientGone(Exception):
    """Nobody reads any more; raised in the thread that writes."""


class Pipe:
    """
    A thread puts bytes in, the event loop takes them out, all that is there at a time.

    `put` blocks while the reader is behind by more than `HELD` bytes.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ready = asyncio.Event()
        self._space = threading.Condition()
        self._chunks: list[bytes] = []
        self._held = 0
        self._is_closed = False
        self._is_abandoned = False
        self._on_abandon: list[Callable[[], None]] = []

    @property
    def is_abandoned(self) -> bool:
        """Whether nobody reads any more."""
        return self._is_abandoned

    @property
    def is_behind(self) -> bool:
        """Whether the reader is so far behind that `put` would wait."""
        return self._held >= HELD

    def put(self, chunk: bytes) -> None:
        """Hand over *chunk*, from a thread; raise `ClientGone` if nobody will take it."""
        with self._space:
            self._space.wait_for(lambda: self._held < HELD or self._is_abandoned)
            if self._is_abandoned:
                raise ClientGone
            is_first = self._added(chunk)
        if is_first:
            self._wake()

    def offer(self, chunk: bytes) -> None:
        """Hand over *chunk* without waiting, for words that are few; it is lost on nobody."""
        with self._space:
            is_first = not self._is_abandoned and self._added(chunk)
        if is_first:
            self._wake()

    def _added(self, chunk: bytes) -> bool:
        self._chunks.append(chunk)
        self._held += len(chunk)
        return len(self._chunks) == 1

    def close(self) -> None:
        """Say, from a thread, that nothing more comes."""
        self._is_closed = True
        self._wake()

    def abandon(self) -> None:
        """Say that nobody reads any more; who waits in `put` is freed."""
        with self._space:
            self._is_abandoned = True
            self._chunks.clear()
            self._space.notify_all()
        for callback in self._on_abandon:
            callback()

    def on_abandon(self, callback: Callable[[], None]) -> None:
        """Run *callback* when nobody reads any more, which may have happened already."""
        self._on_abandon.append(callback)
        if self._is_abandoned:
            callback()

    def wait_abandoned(self, seconds: float) -> None:
        """Pass the time, in a thread, at most *seconds*; less if nobody reads any more."""
        with self._space:
            self._space.wait_for(lambda: self._is_abandoned, seconds)

    async def read(self) -> AsyncGenerator[bytes, None]:
        """Yield what was put, joined to what is there at a time, until it is closed."""
        try:
            while True:
                await self._ready.wait()
                self._ready.clear()
                is_closed = self._is_closed
                taken = self._take()
                if taken:
                    yield taken
                if is_closed:
                    return
        finally:
            self.abandon()

    def _take(self) -> bytes:
        with self._space:
            taken = b"".join(self._chunks)
            self._chunks.clear()
            self._held = 0
            self._space.notify_all()
        return taken

    def _wake(self) -> None:
        # The loop is closed when the server ends, and with it whoever read.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._ready.set)
