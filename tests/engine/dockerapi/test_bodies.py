"""Bodies of requests as files: a little one is here before it is read, a large one comes along."""

import asyncio
from types import SimpleNamespace

import pytest

from engine.dockerapi.bodies import LITTLE, begin_body, open_body


class Content:
    """What a client sends, piece by piece; `asked` says how many were taken."""

    def __init__(self, *pieces):
        self.pieces = list(pieces)
        self.asked = 0

    async def readany(self):
        self.asked += 1
        return self.pieces.pop(0) if self.pieces else b""

    def at_eof(self):
        return not self.pieces


def call_with(content):
    return SimpleNamespace(request=SimpleNamespace(content=content))


def test_a_little_body_is_here_before_it_is_read():
    async def main():
        content = Content(b"one ", b"two ", b"three")
        body = await begin_body(call_with(content))
        assert content.asked == 3
        # In the loop's own thread: it would wait for itself for ever if it asked for more.
        return body.read()

    assert asyncio.run(main()) == b"one two three"


def test_no_body_is_empty():
    async def main():
        body = await begin_body(call_with(Content()))
        return body.read()

    assert asyncio.run(main()) == b""


@pytest.mark.parametrize("begin", [True, False])
def test_a_large_body_comes_as_it_is_read(begin):
    pieces = [bytes([number]) * LITTLE for number in range(5)]

    async def main():
        content = Content(*pieces)
        body = await begin_body(call_with(content)) if begin else open_body(call_with(content))
        assert content.asked == (2 if begin else 0)
        return await asyncio.to_thread(body.read)

    assert asyncio.run(main()) == b"".join(pieces)
