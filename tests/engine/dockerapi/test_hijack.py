"""Raw connections: what is sent is read as fast as it is taken, and either side may end first."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from engine.containers.attachment import StreamKind
from engine.containers.detach import KeyMatcher, parse_detach_keys
from engine.dockerapi import execs
from engine.dockerapi.conversation import Conversation
from engine.dockerapi.frames import STDERR, STDOUT, frame
from engine.dockerapi.hijack import HELD, Wire
from engine.dockerapi.pools import Pools
from engine.settings.execution import ExecSettings


@dataclass
class FakeProgram:
    """An attachment whose output the test writes; input is kept."""

    pieces: list[tuple[StreamKind, bytes] | None] = field(default_factory=list)
    typed: bytes = b""
    input_ended: threading.Event = field(default_factory=threading.Event)
    closed: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._wake, self._poke = os.pipe()

    def say(self, *pieces: tuple[StreamKind, bytes] | None) -> None:
        self.pieces += pieces
        os.write(self._poke, b".")

    def fileno(self) -> int:
        return self._wake

    def read(self, timeout: float | None = None) -> tuple[StreamKind, bytes] | None:
        if self.pieces:
            return self.pieces.pop(0)
        os.set_blocking(self._wake, False)
        with suppress(BlockingIOError):
            os.read(self._wake, 100)
        return (StreamKind.STDOUT, b"")

    def write(self, content: bytes) -> None:
        self.typed += content

    def close_stdin(self) -> None:
        self.input_ended.set()

    def detach(self) -> None:
        self.close()

    def close(self) -> None:
        self.closed.set()

    def end(self) -> None:
        os.close(self._wake)
        os.close(self._poke)


@pytest.fixture
async def line():
    """A wire, and the client's end of it."""
    ours, theirs = socket.socketpair()
    loop = asyncio.get_running_loop()
    made: list[Wire] = []

    class Maker(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            made.append(Wire(transport))
            transport.set_protocol(made[0])

    await loop.create_connection(Maker, sock=ours)
    theirs.setblocking(False)
    yield made[0], theirs
    made[0].transport.abort()
    theirs.close()


@pytest.fixture
def program():
    program = FakeProgram()
    yield program
    program.end()


@pytest.fixture
def pools():
    pools = Pools()
    yield pools
    pools.close()


def talk(program, wire, pools, **more) -> Conversation:
    options = {"is_raw": False, "takes_input": True, "ends_input": True, "keys": None, **more}
    return Conversation(program, wire, pools, **options)


async def received(client: socket.socket, size: int) -> bytes:
    content = b""
    while len(content) < size:
        content += await asyncio.wait_for(asyncio.get_running_loop().sock_recv(client, 65536), 5)
    return content


async def test_output_is_framed_by_stream(line, program, pools) -> None:
    wire, client = line
    program.say((StreamKind.STDOUT, b"one"), (StreamKind.STDERR, b"two"), None)
    await asyncio.wait_for(talk(program, wire, pools).run(), 5)

    expected = frame(STDOUT, b"one") + frame(STDERR, b"two")
    assert await received(client, len(expected)) == expected


async def test_output_of_a_terminal_is_raw(line, program, pools) -> None:
    wire, client = line
    program.say((StreamKind.STDOUT, b"as it is"), None)
    await asyncio.wait_for(talk(program, wire, pools, is_raw=True).run(), 5)

    assert await received(client, 8) == b"as it is"


async def test_a_client_that_ends_its_half_still_hears_the_rest(line, program, pools) -> None:
    wire, client = line
    client.sendall(b"typed")
    client.shutdown(socket.SHUT_WR)
    running = asyncio.create_task(talk(program, wire, pools, is_raw=True).run())
    assert await asyncio.to_thread(program.input_ended.wait, 5)
    program.say((StreamKind.STDOUT, b"answer"), None)
    await asyncio.wait_for(running, 5)

    assert program.typed == b"typed"
    assert await received(client, 6) == b"answer"


async def test_input_that_nobody_asked_for_is_dropped(line, program, pools) -> None:
    wire, client = line
    client.sendall(b"typed")
    client.shutdown(socket.SHUT_WR)
    program.say((StreamKind.STDOUT, b"x"))
    running = asyncio.create_task(talk(program, wire, pools, takes_input=False).run())
    await received(client, 9)
    program.say(None)
    await asyncio.wait_for(running, 5)

    assert (program.typed, program.input_ended.is_set()) == (b"", False)


async def test_keys_to_detach_end_it_and_are_not_passed_on(line, program, pools) -> None:
    wire, client = line
    client.sendall(b"ls\x10\x11more")
    conversation = talk(program, wire, pools, keys=KeyMatcher(parse_detach_keys("")))
    await asyncio.wait_for(conversation.run(), 5)

    assert program.typed == b"ls"
    assert conversation.was_left
    assert program.closed.is_set()


async def test_whoever_leaves_a_command_does_not_wait_for_its_end(line, program, pools) -> None:
    class Endless(FakeProgram):
        @property
        def exit_code(self) -> int:
            raise AssertionError("nobody is to wait for it")

    wire, client = line
    client.sendall(b"\x10\x11")
    settings = ExecSettings(command=("sh",), tty=True, stdin=True)
    endless = Endless()
    told: list[tuple[str, str]] = []
    container = SimpleNamespace(
        id="c1", name="web", labels={}, settings=SimpleNamespace(image="web:1")
    )
    engine = SimpleNamespace(
        containers=SimpleNamespace(find=lambda _: container),
        events=SimpleNamespace(
            record=lambda noun, action, subject, **more: told.append((action, more["execID"]))
        ),
    )
    call = SimpleNamespace(pools=pools, engine=engine)
    record = SimpleNamespace(id="e1", container_id="c1", settings=settings)

    await asyncio.wait_for(execs.talk(call, record, endless, wire), 5)

    assert endless.closed.is_set()
    assert told == [("exec_detach", "e1")]
    endless.end()


async def test_a_client_that_vanishes_ends_it(line, program, pools) -> None:
    wire, _ = line
    running = asyncio.create_task(talk(program, wire, pools, ends_input=False).run())
    await asyncio.sleep(0)
    wire.connection_lost(None)
    await asyncio.wait_for(running, 5)

    assert program.closed.is_set()
    assert not program.input_ended.is_set()


async def test_no_more_is_read_than_is_taken(line) -> None:
    wire, client = line
    sent = 0
    try:
        while sent < 64 * HELD:
            sent += client.send(b"x" * 65536)
            await asyncio.sleep(0)
    except BlockingIOError:
        pass

    assert sent < 64 * HELD
    content = b""
    while len(content) < sent:
        content += await asyncio.wait_for(wire.read(), 5)
    assert len(content) == sent


async def test_whoever_writes_waits_for_a_slow_client(line) -> None:
    wire, client = line

    async def write() -> None:
        for _ in range(100):
            await wire.write(b"x" * 65536)

    writing = asyncio.create_task(write())
    for _ in range(50):
        await asyncio.sleep(0)
    assert not writing.done()

    await received(client, 100 * 65536)
    await asyncio.wait_for(writing, 5)


async def test_writing_to_who_is_gone_is_an_error(line) -> None:
    wire, _ = line
    wire.connection_lost(None)

    with pytest.raises(ConnectionResetError):
        await wire.write(b"x")
