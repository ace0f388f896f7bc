"""A client and the program in a container, talking over one raw connection."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from engine.containers.attachment import StreamKind
from engine.dockerapi.frames import STDERR, STDOUT, frame

if TYPE_CHECKING:
    from engine.containers.attachment import Attachment
    from engine.dockerapi.pools import Pools

STREAMS = {StreamKind.STDOUT: STDOUT, StreamKind.STDERR: STDERR}
PIECES = 64


class Keys(Protocol):
    """Looks for the keys with which somebody leaves."""

    def feed(self, typed: bytes) -> tuple[bytes, bool]:
        """Return what of *typed* is to be passed on, and whether the keys are complete."""


class Line(Protocol):
    """The client's end: a raw connection, or a websocket."""

    async def read(self) -> bytes:
        """Return what the client sent, empty when it will send nothing more."""

    async def write(self, content: bytes) -> None:
        """Send *content*; raise `ConnectionResetError` when the client is gone."""

    @property
    def is_lost(self) -> bool:
        """Whether the client is gone."""


class Conversation:
    """Carries bytes both ways until the program's output ends, or the client leaves."""

    def __init__(
        self,
        attachment: Attachment,
        line: Line,
        pools: Pools,
        *,
        is_raw: bool,
        takes_input: bool,
        ends_input: bool,
        keys: Keys | None,
    ) -> None:
        self._attachment = attachment
        self._line = line
        self._pools = pools
        self._is_raw = is_raw
        self._takes_input = takes_input
        self._ends_input = ends_input
        self._keys = keys
        self._readable = asyncio.Event()
        self.was_left = False

    async def run(self) -> None:
        """Talk until it is over; the attachment is closed afterwards."""
        loop = asyncio.get_running_loop()
        descriptor = self._attachment.fileno()
        loop.add_reader(descriptor, self._readable.set)
        tasks = [loop.create_task(self._carry_output()), loop.create_task(self._carry_input())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            loop.remove_reader(descriptor)
            self._attachment.close()
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError, ConnectionError):
                    await task

    async def _carry_output(self) -> None:
        loop = asyncio.get_running_loop()
        descriptor = self._attachment.fileno()
        while True:
            await self._readable.wait()
            # The descriptor stays readable until it is read; nobody needs to be told meanwhile.
            loop.remove_reader(descriptor)
            self._readable.clear()
            content, is_over = self._collect()
            if content:
                await self._line.write(content)
            if is_over:
                return
            loop.add_reader(descriptor, self._readable.set)

    def _collect(self) -> tuple[bytes, bool]:
        """Return what the program printed and is there, and whether that was all."""
        pieces: list[bytes] = []
        for _ in range(PIECES):
            piece = self._attachment.read(timeout=0)
            if piece is None:
                return b"".join(pieces), True
            kind, content = piece
            if not content:
                break
            pieces.append(content if self._is_raw else frame(STREAMS[kind], content))
        return b"".join(pieces), False

    async def _carry_input(self) -> None:
        """Give the program what the client sends; return when the client has left."""
        while content := await self._line.read():
            if not self._takes_input:
                continue
            passed, leaves = self._keys.feed(content) if self._keys else (content, False)
            if passed:
                await self._pools.long(self._attachment.write, passed)
            if leaves:
                self.was_left = True
                self._attachment.detach()
                return
        if self._takes_input and self._ends_input:
            await self._pools.long(self._attachment.close_stdin)
        if not self._line.is_lost:
            await self._until_lost()

    async def _until_lost(self) -> None:
        # The client sends nothing more but listens: output decides when it is over.
        await asyncio.get_running_loop().create_future()
