"""A request's body as a file, for a thread that reads it; and a pipe as one to write to."""

from __future__ import annotations

import asyncio
import io
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast

from aiohttp import ClientError
from aiohttp.web_protocol import RequestPayloadError

from engine.dockerapi.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.dockerapi.call import Call
    from engine.dockerapi.pipes import Pipe

# People may think between two pieces of what they type into `docker import -`.
IDLE_SECONDS = 600.0
BUFFER = 256 * 1024
LITTLE = 64 * 1024


class _Body(io.RawIOBase):
    """Reads what the client sends, as fast as it is wanted."""

    def __init__(self, call: Call) -> None:
        super().__init__()
        self._content = call.request.content
        self._loop = asyncio.get_running_loop()
        self._left = memoryview(b"")
        self._is_over = False

    async def begin(self, most: int) -> None:
        """Take what comes, in the event loop, until it is over or more than *most*."""
        taken = bytearray()
        while len(taken) <= most and not self._is_over:
            with _told_of_a_body():
                taken += await asyncio.wait_for(self._arrived(), IDLE_SECONDS)
        self._left = memoryview(taken)

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fill *buffer* with what is there; wait for the first byte."""
        target = memoryview(cast("bytearray", buffer)).cast("B")
        if not self._left and not self._is_over:
            self._left = memoryview(self._next())
        taken = min(len(target), len(self._left))
        target[:taken] = self._left[:taken]
        self._left = self._left[taken:]
        return taken

    def _next(self) -> bytes:
        coming = asyncio.run_coroutine_threadsafe(self._arrived(), self._loop)
        with _told_of_a_body():
            try:
                return coming.result(IDLE_SECONDS)
            except FutureTimeoutError:
                coming.cancel()
                raise

    async def _arrived(self) -> bytes:
        piece = await self._content.readany()
        self._is_over = not piece or self._content.at_eof()
        return piece


@contextmanager
def _told_of_a_body() -> Iterator[None]:
    """Say in docker's words how a body did not come."""
    try:
        yield
    except FutureTimeoutError as error:
        raise Refusal(408, "the request body did not arrive in time") from error
    except (RequestPayloadError, ClientError, ConnectionError, CancelledError) as error:
        raise Refusal(400, "the request body ended too early") from error


def open_body(call: Call) -> BinaryIO:
    """Return the body of *call* as a file; to be made in the event loop, and read in a thread."""
    return cast("BinaryIO", io.BufferedReader(_Body(call), BUFFER))


async def begin_body(call: Call) -> BinaryIO:
    """Return what `open_body` does; a little body is all here then, and never waited for."""
    body = _Body(call)
    await body.begin(LITTLE)
    return cast("BinaryIO", io.BufferedReader(body, BUFFER))


class _Chunks(io.RawIOBase):
    """Reads what comes piece by piece."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._left = memoryview(b"")

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fill *buffer* with what is there; take the next piece where nothing is."""
        target = memoryview(cast("bytearray", buffer)).cast("B")
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = memoryview(piece)
        taken = min(len(target), len(self._left))
        target[:taken] = self._left[:taken]
        self._left = self._left[taken:]
        return taken


def open_pieces(pieces: Iterator[bytes]) -> BinaryIO:
    """Return *pieces* as a file to read."""
    return cast("BinaryIO", io.BufferedReader(_Chunks(pieces), BUFFER))


class _PipeFile(io.RawIOBase):
    def __init__(self, pipe: Pipe) -> None:
        super().__init__()
        self._pipe = pipe

    def writable(self) -> bool:
        """Whether it can be written."""
        return True

    def write(self, content: object) -> int:
        """Hand over *content*."""
        taken = bytes(cast("bytes", content))
        self._pipe.put(taken)
        return len(taken)


def open_pipe(pipe: Pipe) -> BinaryIO:
    """Return *pipe* as a file to write to; to be closed, or flushed, at its end."""
    return cast("BinaryIO", io.BufferedWriter(_PipeFile(pipe), BUFFER))
