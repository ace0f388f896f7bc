"""Bodies that are larger than anything we ask for."""

from __future__ import annotations

import pytest
from channels.testing import HttpCommunicator

from dashboard.bodies import MAX_BODY, LimitedBodies


class Reader:
    """A page that reads whatever comes, and answers 200."""

    def __init__(self) -> None:
        self.taken = 0

    async def __call__(self, scope, receive, send) -> None:
        message = {"more_body": True}
        while message.get("more_body"):
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            self.taken += len(message["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def answer(reader: Reader, body: bytes, *headers: tuple[bytes, bytes]) -> int:
    response = HttpCommunicator(LimitedBodies(reader), "POST", "/", body, list(headers))
    return (await response.get_response())["status"]


async def test_a_form_comes_through():
    reader = Reader()

    assert await answer(reader, b"x" * 1000, (b"content-length", b"1000")) == 200
    assert reader.taken == 1000


@pytest.mark.parametrize("length", [b"4194305", b"9" * 19])
async def test_a_body_that_says_it_is_too_large_is_not_read(length):
    reader = Reader()

    assert await answer(reader, b"", (b"content-length", length)) == 413
    assert reader.taken == 0


@pytest.mark.parametrize("headers", [(), ((b"content-length", b"1"),)], ids=["silent", "lying"])
async def test_a_body_that_is_too_large_without_saying_so_is_cut_off(headers):
    reader = Reader()

    assert await answer(reader, b"x" * (MAX_BODY + 1), *headers) == 413
    assert reader.taken == 0
