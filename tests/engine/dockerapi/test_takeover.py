"""What comes behind a request to take a connection over is not lost, in however many pieces."""

from __future__ import annotations

import asyncio
import json
import socket
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from engine.dockerapi.connection import make_request
from engine.dockerapi.hijack import hijack, release
from engine.dockerapi.server import ApiServer

if TYPE_CHECKING:
    from aiohttp import web

    from tests.support.dockerapi import Client

SECONDS = 10.0
HEAD = b"POST /exec/x/start HTTP/1.1\r\nHost: docker\r\n"
UPGRADE = b"Connection: Upgrade\r\nUpgrade: tcp\r\n"
BODY = json.dumps({"Detach": False, "note": "\r\n\r\n"}).encode()
COUNTED = b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
TYPED = b"GET / HTTP/1.1\r\n\r\n\0typed"
LAST = b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n"
SHAPES = [
    pytest.param(HEAD + UPGRADE + COUNTED, id="upgrade"),
    pytest.param(HEAD + UPGRADE + CHUNKED, id="upgrade-in-chunks"),
    pytest.param(HEAD + UPGRADE + b"\r\n", id="upgrade-without-a-body"),
    pytest.param(HEAD + COUNTED, id="without-asking"),
    pytest.param(HEAD + CHUNKED, id="without-asking-in-chunks"),
    pytest.param(HEAD + b"\r\n", id="without-asking-or-a-body"),
]


async def _echo(request: web.BaseRequest) -> web.StreamResponse:
    """Send back what comes, once the client has sent all of it and a moment has passed."""
    await request.read()
    await asyncio.sleep(0)
    call = SimpleNamespace(request=request)
    wire = await hijack(call, "text/plain")  # type: ignore[arg-type]
    while content := await wire.read():
        await wire.write(content)
    return release(call, wire)  # type: ignore[arg-type]


async def _talked(*pieces: bytes) -> bytes:
    """Return all that a client is sent who sends *pieces* and ends its half."""
    server = ApiServer(_echo, request_factory=make_request)
    ours, theirs = socket.socketpair()
    await asyncio.get_running_loop().connect_accepted_socket(server, ours)
    reader, writer = await asyncio.open_connection(sock=theirs)
    async with asyncio.timeout(SECONDS):
        for piece in pieces:
            writer.write(piece)
            # So that the other end reads them one by one.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        writer.write_eof()
        answer = await reader.read()
    writer.close()
    await server.shutdown(0)
    return answer


@pytest.mark.parametrize("request_bytes", SHAPES)
async def test_what_comes_in_one_piece_with_the_request_is_read(request_bytes: bytes) -> None:
    head, _, typed = (await _talked(request_bytes + TYPED)).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 101" if UPGRADE in request_bytes else b"HTTP/1.1 200")
    assert typed == TYPED


@pytest.mark.parametrize("request_bytes", SHAPES)
async def test_where_the_pieces_end_does_not_matter(request_bytes: bytes) -> None:
    whole = request_bytes + TYPED
    for cut in range(1, len(whole)):
        _, _, typed = (await _talked(whole[:cut], whole[cut:])).partition(b"\r\n\r\n")

        assert typed == TYPED, whole[:cut]


async def test_more_than_is_held_is_read_too() -> None:
    typed = b"0123456789abcdef" * 65536

    answer = await _talked(HEAD + UPGRADE + COUNTED + typed)

    assert answer.partition(b"\r\n\r\n")[2] == typed


@pytest.mark.parametrize("head", [UPGRADE, b""], ids=["upgrade", "plain"])
def test_what_follows_a_request_that_is_refused_is_the_next_one(api: Client, head: bytes) -> None:
    with api.connect() as bare:
        bare.sendall(HEAD + head + COUNTED + LAST)
        answer = b""
        while piece := bare.recv(65536):
            answer += piece

    assert answer.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert answer.endswith(b"OK")
