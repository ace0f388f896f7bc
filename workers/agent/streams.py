"""
Logs and terminals on their way to browsers, and questions of pages: the agent's end.

A web process asks on the channel `agent.<host>` for a stream and names the channel that wants it.
Batches go there, at most a window of them unacknowledged; between batches nothing is kept but a
position in the log file, so a slow reader costs no memory and slows no container. A reader that
falls far behind is told how many lines were left out.

    stream.open   {stream, reply, container_id, tail, window}      web → agent
    stream.ack    {stream, ack}                                    all batches up to this one
    stream.close  {stream}
    stream.lines  {stream, seq, lines: [{t, s, m}], skipped}       agent → web
    stream.end    {stream, reason}

With the kind `terminal`, {stream, reply, terminal, window, rows, columns} opens a conversation:

    stream.output {stream, seq, content}                           agent → web
    stream.took   {stream, bytes}                                  of what was typed
    stream.input  {stream, content}                                web → agent
    stream.resize {stream, rows, columns}
    stream.eof    {stream}

Questions are in `questions`.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Protocol

from workers.agent.stream import LogSource, Opening, Stream
from workers.agent.terminal import TerminalOpening, TerminalSource, TerminalStream

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.agent.questions import Answerer

log = logging.getLogger(__name__)

MOST_STREAMS = 200
PAUSES = (0.1, 0.5, 1.0, 2.0)


class Channels(Protocol):
    """The part of a channel layer that streams need."""

    async def receive(self, channel: str) -> dict[str, Any]:
        """Return the next message on *channel*."""

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Send *message* to whoever receives on *channel*."""


class Streams:
    """All streams of this host, over *channels*, from *source*."""

    def __init__(
        self,
        channels: Channels,
        source: LogSource[Any],
        *,
        host: str,
        make: Callable[..., Stream] = Stream,
        terminals: TerminalSource | None = None,
        answerer: Answerer | None = None,
    ) -> None:
        self._channels = channels
        self._source = source
        self._channel = f"agent.{host}"
        self._make = make
        self._terminals = terminals
        self._answerer = answerer
        self._streams: dict[str, Stream | TerminalStream] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return len(self._streams)

    async def serve(self) -> None:
        """Answer requests until cancelled; a broken connection is tried again."""
        failures = 0
        try:
            while True:
                try:
                    message = await self._channels.receive(self._channel)
                except OSError:
                    failures += 1
                    await asyncio.sleep(PAUSES[min(failures, len(PAUSES)) - 1])
                else:
                    failures = 0
                    await self.handle(message)
        finally:
            await self.close()

    async def handle(self, message: dict[str, Any]) -> None:
        """Do what *message* asks; one that makes no sense is dropped."""
        kind, key = message.get("type"), str(message.get("stream", ""))
        stream = self._streams.get(key)
        if kind == "ask" and self._answerer is not None:
            self._answerer.take(message)
        elif kind == "stream.open":
            await self._open(key, message)
        elif kind == "stream.ack" and stream is not None:
            stream.acknowledge(message.get("ack"))
        elif kind == "stream.close" and key in self._tasks:
            self._tasks[key].cancel()
        elif isinstance(stream, TerminalStream):
            stream.take(message)

    async def close(self) -> None:
        """End every stream, and answer nothing more."""
        if self._answerer is not None:
            await self._answerer.close()
        for task in list(self._tasks.values()):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _open(self, key: str, message: dict[str, Any]) -> None:
        stream = self._made(key, message)
        if stream is None or key in self._streams:
            log.warning("ignored a request for a stream that makes no sense")
            return
        if len(self._streams) >= MOST_STREAMS:
            await stream.end("This host shows as many streams as it can at once. Try again later.")
            return
        self._streams[key] = stream
        task = asyncio.create_task(stream.run(), name=f"stream {key}")
        self._tasks[key] = task
        task.add_done_callback(lambda done: self._forget(key, done))

    def _made(self, key: str, message: dict[str, Any]) -> Stream | TerminalStream | None:
        if message.get("kind") != "terminal":
            opening = Opening.parse(key, message)
            if opening is None:
                return None
            return self._make(opening, self._source, self._channels.send)
        wanted = TerminalOpening.parse(key, message)
        if wanted is None or self._terminals is None:
            return None
        return TerminalStream(wanted, self._terminals, self._channels.send)

    def _forget(self, key: str, task: asyncio.Task[None]) -> None:
        self._streams.pop(key, None)
        self._tasks.pop(key, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a stream ended badly", exc_info=error)
