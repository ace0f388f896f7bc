"""The agent's end of a terminal, over a program that the test plays."""

from __future__ import annotations

import asyncio
import threading

import pytest

from engine.errors import CommandNotFound
from workers.agent.streams import Streams
from workers.agent.terminal import MOST_HELD, TerminalOpening, TerminalStream


class Program:
    """Prints what a test puts, and keeps what it is told."""

    def __init__(self) -> None:
        self.printed: list[bytes | None] = []
        self.typed: list[bytes] = []
        self.sizes: list[tuple[int, int]] = []
        self.input_ended = threading.Event()
        self.is_closed = False
        self.is_taking = threading.Event()
        self.is_taking.set()
        self._changed = threading.Condition()

    def put(self, *pieces: bytes | None) -> None:
        with self._changed:
            self.printed.extend(pieces)
            self._changed.notify_all()

    def read(self, timeout: float) -> bytes | None:
        with self._changed:
            self._changed.wait_for(lambda: self.printed, timeout)
            return self.printed.pop(0) if self.printed else b""

    def write(self, content: bytes) -> None:
        self.is_taking.wait(5)
        self.typed.append(content)

    def resize(self, rows: int, columns: int) -> None:
        self.sizes.append((rows, columns))

    def end_input(self) -> None:
        self.input_ended.set()

    def close(self) -> str:
        self.is_closed = True
        return "It ended with exit code 0."


class Source:
    """Gives the program for the row `known`, and refuses all others."""

    def __init__(self, program: Program) -> None:
        self.program = program

    def open(self, terminal_id: str, *, rows: int, columns: int) -> Program:
        if terminal_id != "known":
            raise CommandNotFound("/bin/nothing", reason="there is no such file")
        self.program.resize(rows, columns)
        return self.program


class Page:
    """What was sent to the page, in order."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[dict] = asyncio.Queue()

    async def send(self, channel: str, message: dict) -> None:
        await self.messages.put(message)

    async def hear(self) -> dict:
        return await asyncio.wait_for(self.messages.get(), 5)


def opening(**changes: object) -> TerminalOpening:
    told = {"reply": "page", "terminal": "known", "window": 2, "rows": 30, "columns": 90}
    parsed = TerminalOpening.parse("s", {**told, **changes})
    assert parsed is not None
    return parsed


@pytest.fixture
def program() -> Program:
    return Program()


async def test_what_is_printed_comes_numbered_and_the_end_with_its_reason(program):
    page = Page()
    stream = TerminalStream(opening(), Source(program), page.send)
    program.put(b"hello", None)

    await stream.run()

    assert (await page.hear())["content"] == b"hello"
    assert (await page.hear())["reason"] == "It ended with exit code 0."
    assert program.sizes == [(30, 90)]
    assert program.is_closed


async def test_a_reader_that_does_not_acknowledge_makes_the_program_wait(program):
    page = Page()
    stream = TerminalStream(opening(window=2), Source(program), page.send)
    program.put(b"1", b"2", b"3", None)
    running = asyncio.create_task(stream.run())
    assert [(await page.hear())["seq"] for _ in range(2)] == [1, 2]
    assert page.messages.empty()
    assert program.printed == [b"3", None]

    stream.acknowledge(1)

    assert (await page.hear())["content"] == b"3"
    stream.acknowledge(3)
    await running


async def test_what_is_typed_arrives_in_order_and_is_counted(program):
    page = Page()
    stream = TerminalStream(opening(), Source(program), page.send)
    running = asyncio.create_task(stream.run())
    stream.take({"type": "stream.input", "content": b"ab"})
    stream.take({"type": "stream.resize", "rows": 10, "columns": 20})
    stream.take({"type": "stream.input", "content": b"c"})
    stream.take({"type": "stream.eof"})

    assert [(await page.hear())["bytes"] for _ in range(2)] == [2, 1]
    # Nothing acknowledges the end of the input, and a program that ended needs none.
    assert await asyncio.to_thread(program.input_ended.wait, 5)
    program.put(None)
    await running
    assert program.typed == [b"ab", b"c"]
    assert program.sizes[-1] == (10, 20)


async def test_input_beyond_what_is_held_is_dropped(program):
    program.is_taking.clear()
    stream = TerminalStream(opening(), Source(program), Page().send)
    for _ in range(3):
        stream.take({"type": "stream.input", "content": b"x" * (MOST_HELD // 2)})
    program.put(None)
    program.is_taking.set()

    await stream.run()

    assert sum(map(len, program.typed)) <= MOST_HELD


async def test_a_refusal_is_told_in_words(program):
    page = Page()

    await TerminalStream(opening(terminal="other"), Source(program), page.send).run()

    assert "/bin/nothing" in (await page.hear())["reason"]


async def test_a_reader_that_goes_away_ends_the_conversation(program):
    page = Page()

    class Layer:
        send = staticmethod(page.send)

    streams = Streams(Layer(), None, host="alpha", terminals=Source(program))  # type: ignore[arg-type]
    told = {"stream": "s", "reply": "page", "kind": "terminal", "terminal": "known"}
    await streams.handle({"type": "stream.open", **told})
    program.put(b"$ ")
    assert (await page.hear())["content"] == b"$ "

    await streams.handle({"type": "stream.close", "stream": "s"})
    await streams.close()

    assert program.is_closed


@pytest.mark.parametrize(
    "message", [{}, {"reply": "page"}, {"terminal": "known"}, {"reply": 1, "terminal": "known"}]
)
def test_a_request_that_names_no_terminal_is_none(message):
    assert TerminalOpening.parse("s", message) is None
