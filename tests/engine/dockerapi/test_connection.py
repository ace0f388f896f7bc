"""Clients that end their half once they have asked, and clients that are gone."""

from __future__ import annotations

import asyncio
import gc
import socket
import weakref
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from engine.dockerapi import connection as module
from engine.dockerapi.connection import Connection, drop_when_gone, is_listening, make_request
from engine.dockerapi.server import ApiServer

if TYPE_CHECKING:
    from tests.support.dockerapi import Client

SECONDS = 20.0
HEAD = b"HTTP/1.1\r\nHost: docker\r\n"


def whole_answer(bare: socket.socket) -> bytes:
    """Return all that comes until the other end closes."""
    answer = b""
    while piece := bare.recv(65536):
        answer += piece
    return answer


# Again and again, since what comes first depends on the moment.
@pytest.mark.parametrize("_", range(10))
@pytest.mark.parametrize("target", ["/_ping", "/info", "/containers/json?size=1"])
def test_who_ends_their_half_after_asking_gets_the_answer(api: Client, target: str, _: int) -> None:
    with api.connect() as bare:
        bare.sendall(b"GET %s %s\r\n" % (target.encode(), HEAD))
        bare.shutdown(socket.SHUT_WR)

        assert whole_answer(bare).startswith(b"HTTP/1.1 200 OK\r\n")


def test_all_that_was_asked_before_is_answered(api: Client) -> None:
    with api.connect() as bare:
        bare.sendall(b"GET /info %s\r\n" % HEAD * 3)
        bare.shutdown(socket.SHUT_WR)

        assert whole_answer(bare).count(b"HTTP/1.1 200 OK\r\n") == 3


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET /info HTTP/1.1\r\nHo", id="half-a-head"),
        pytest.param(b"POST /build %sContent-Length: 9\r\n\r\n{}" % HEAD, id="half-a-body"),
    ],
)
def test_who_ends_in_the_middle_gets_nothing(api: Client, sent: bytes) -> None:
    with api.connect() as bare:
        bare.sendall(sent)
        bare.shutdown(socket.SHUT_WR)

        assert whole_answer(bare) == b""


async def test_who_is_gone_after_ending_their_half_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    client, server = socket.socketpair()
    lost = asyncio.Event()

    class Ends(asyncio.Protocol):
        def connection_lost(self, exc: Exception | None) -> None:
            lost.set()

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(Ends, sock=server)
    client.shutdown(socket.SHUT_WR)
    assert is_listening(transport)
    drop_when_gone(transport)
    assert not transport.is_closing()

    client.close()

    await asyncio.wait_for(lost.wait(), SECONDS)
    # To look at what is closed is fine.
    drop_when_gone(transport)


async def test_a_connection_that_closes_is_no_garbage_that_waits_to_be_found() -> None:
    gone = asyncio.Event()
    kept: list[weakref.ref[web.BaseRequest]] = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        assert isinstance(request.protocol, Connection)
        kept.append(weakref.ref(request, lambda _: gone.set()))
        return web.Response()

    server = ApiServer(answer, request_factory=make_request)
    ours, theirs = socket.socketpair()
    await asyncio.get_running_loop().connect_accepted_socket(server, ours)
    gc.disable()
    try:
        reader, writer = await asyncio.open_connection(sock=theirs)
        writer.write(b"GET / HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n")
        async with asyncio.timeout(SECONDS):
            assert b"200 OK" in await reader.read()
            await gone.wait()
        writer.close()
    finally:
        gc.enable()
    await server.shutdown(0)
