"""Logs reach a browser as fast as it reads, and not faster."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer

from engine.errors import ContainerNotFound
from workers.agent import streams as streams_module
from workers.agent.stream import Batch, Opening, Stream
from workers.agent.streams import Streams

ID = "c" * 64
REPLY = "specific.web!reader"


class FakeLog:
    """A `LogSource` of numbered lines, five to a batch; a place is the number of the next line."""

    def __init__(self, count: int = 0) -> None:
        self.count = count
        self.skip_beyond = 1_000_000
        self.has_ended = False
        self.error: Exception | None = None

    def begin(self, container_id: str, *, tail: int) -> int:
        if self.error:
            raise self.error
        return max(0, self.count - tail)

    def read(self, container_id: str, cursor: int) -> Batch[int]:
        skipped = max(0, self.count - cursor - self.skip_beyond)
        first = cursor + skipped
        last = min(first + 5, self.count)
        lines = tuple({"t": "", "s": "stdout", "m": str(n)} for n in range(first, last))
        return Batch(lines, last, skipped, is_end=self.has_ended and not lines)


class Hasty(Stream):
    """A stream without human patience."""

    patience = 0.05
    quiet = 0.05
    looks = (0.001,)
    resend_after = 0.001


class Reader:
    """The other end: a web process with one page."""

    def __init__(self, layer: InMemoryChannelLayer) -> None:
        self.layer = layer

    async def ask(self, kind: str, stream: str = "s1", **values: Any) -> None:
        await self.layer.send("agent.alpha", {"type": kind, "stream": stream, **values})

    async def open(self, stream: str = "s1", **values: Any) -> None:
        asked = {"reply": REPLY, "container_id": ID, "tail": 500, "window": 2, **values}
        await self.ask("stream.open", stream, **asked)

    async def next(self) -> dict[str, Any]:
        return await asyncio.wait_for(self.layer.receive(REPLY), 5)

    async def numbers(self) -> list[int]:
        message = await self.next()
        return [int(line["m"]) for line in message["lines"]]


@pytest.fixture
def source() -> FakeLog:
    return FakeLog(12)


@pytest.fixture
def layer() -> InMemoryChannelLayer:
    return InMemoryChannelLayer()


@pytest.fixture
async def streams(layer, source):
    made = Streams(layer, source, host="alpha", make=Hasty)
    task = asyncio.create_task(made.serve())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def reader(layer, streams) -> Reader:
    return Reader(layer)


async def test_it_begins_with_the_tail(reader) -> None:
    await reader.open(tail=3)

    assert await reader.numbers() == [9, 10, 11]


async def test_it_waits_for_the_reader_when_the_window_is_full(reader, layer) -> None:
    await reader.open()
    first, second = await reader.next(), await reader.next()
    assert [first["seq"], second["seq"]] == [1, 2]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(layer.receive(REPLY), 0.02)

    await reader.ask("stream.ack", ack=1)

    assert await reader.numbers() == [10, 11]


async def test_lines_that_are_written_later_follow(reader, source) -> None:
    await reader.open(tail=1, window=64)
    assert await reader.numbers() == [11]
    source.count = 14
    while not (numbers := await reader.numbers()):
        pass

    assert numbers == [12, 13]


async def test_who_is_far_behind_is_told_how_much_is_missing(reader, source) -> None:
    source.count, source.skip_beyond = 1000, 10
    await reader.open(tail=1000)

    message = await reader.next()

    assert message["skipped"] == 990
    assert message["lines"][0]["m"] == "990"


async def test_it_says_when_no_more_can_follow(reader, source) -> None:
    source.has_ended = True
    await reader.open(tail=1)

    assert await reader.numbers() == [11]
    end = await reader.next()
    assert (end["type"], end["reason"]) == ("stream.end", "The container is not running.")


async def test_an_unknown_container_is_told(reader, source) -> None:
    source.error = ContainerNotFound("web")
    await reader.open()

    assert (await reader.next())["reason"] == "No such container: web"


async def test_a_reader_that_never_answers_is_given_up(reader, streams) -> None:
    await reader.open()
    await reader.next()
    await reader.next()

    assert (await reader.next())["reason"] == "The reader did not answer."
    assert len(streams) == 0


async def test_a_quiet_log_asks_now_and_then_whether_anybody_reads(reader) -> None:
    await reader.open(tail=0)

    message = await reader.next()

    assert (message["seq"], message["lines"]) == (1, [])


async def test_closing_ends_it(reader, streams, layer) -> None:
    await reader.open(tail=0, window=64)
    await reader.next()
    await reader.ask("stream.close")
    await reader.open("s2", tail=1)
    while (message := await reader.next())["stream"] != "s2":
        pass

    assert message["lines"][0]["m"] == "11"
    assert len(streams) == 1


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"reply": None}, id="nowhere-to-answer"),
        pytest.param({"container_id": 7}, id="no-container"),
        pytest.param({"tail": "all"}, id="tail-is-text"),
    ],
)
async def test_a_request_that_makes_no_sense_is_dropped(reader, streams, values) -> None:
    await reader.open("bad", **values)
    await reader.open("good", tail=1)

    assert (await reader.next())["stream"] == "good"
    assert len(streams) == 1


async def test_acknowledging_what_was_not_sent_opens_no_window(reader, layer) -> None:
    await reader.open()
    await reader.next()
    await reader.next()
    await reader.ask("stream.ack", ack=1000)
    await reader.ask("stream.ack", ack="2")

    assert (await reader.next())["type"] == "stream.end"


async def test_there_is_a_limit_to_streams(reader, streams, monkeypatch) -> None:
    monkeypatch.setattr(streams_module, "MOST_STREAMS", 1)
    await reader.open("s1", tail=0)
    await reader.open("s2")
    while (message := await reader.next())["stream"] != "s2":
        pass

    assert message["type"] == "stream.end"


async def test_a_broken_connection_loses_no_lines(source) -> None:
    taken: list[dict[str, Any]] = []
    failures = [ConnectionError(), ConnectionError()]

    async def send(channel: str, message: dict[str, Any]) -> None:
        if failures:
            raise failures.pop()
        taken.append(message)

    source.has_ended = True
    await Hasty(Opening("s", REPLY, ID, tail=500, window=8), source, send).run()

    assert [message["type"] for message in taken] == ["stream.lines"] * 3 + ["stream.end"]


async def test_it_goes_on_receiving_after_redis_came_back(layer, source, monkeypatch) -> None:
    monkeypatch.setattr(streams_module, "PAUSES", (0.001,))

    class Flaky:
        failures = 3

        async def receive(self, channel: str) -> dict[str, Any]:
            if self.failures:
                self.failures -= 1
                raise ConnectionError
            return await layer.receive(channel)

        async def send(self, channel: str, message: dict[str, Any]) -> None:
            await layer.send(channel, message)

    made = Streams(Flaky(), source, host="alpha", make=Hasty)
    task = asyncio.create_task(made.serve())
    reader = Reader(layer)
    await reader.open(tail=1)

    assert await reader.numbers() == [11]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
