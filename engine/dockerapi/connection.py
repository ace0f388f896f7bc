"""A client's connection: who is at its other end, and whether they still listen."""

from __future__ import annotations

import asyncio
import select
from typing import Any

from aiohttp import web

from engine.dockerapi.answers import HEADERS, json_answer
from engine.dockerapi.peers import owner_of
from engine.dockerapi.takeover import TakeoverHandler

LOOK_SECONDS = 5.0


class Connection(TakeoverHandler):
    """
    A connection whose broken requests are refused in JSON too, and not logged.

    A client may end its half once it has asked; its answer is the last then.
    """

    asked: web.BaseRequest | None = None
    """The request that was read last."""
    has_ended = False
    """Whether the client sends no more, and listens."""
    _owner: str | None = None

    @property
    def owner(self) -> str:
        """To whom belongs what the client makes, looked up once; may raise `Refusal`."""
        if self._owner is None:
            self._owner = owner_of(self.transport)
        return self._owner

    def eof_received(self) -> bool:  # type: ignore[override]
        """Return whether there is an answer to give, now that the client sends no more."""
        transport = self.transport
        if transport is None or _is_tls(transport) or not self._was_asked():
            return False
        if not is_listening(transport):
            return False
        self.has_ended = True
        self._close_after_last()
        drop_when_gone(transport)
        return True

    def connection_lost(self, exc: BaseException | None) -> None:
        """Let go of what was asked: it holds on to the connection, and both would stay a while."""
        super().connection_lost(exc)
        self.asked = None

    def note(self, request: web.BaseRequest) -> None:
        """Take note that *request* has been read and is answered next."""
        self.asked = request
        if self.has_ended:
            self._close_after_last()

    def _close_after_last(self) -> None:
        """Wait for nothing more after the request that is being answered, if it is the last."""
        if not self._messages:
            self.close()

    def _was_asked(self) -> bool:
        """Whether there are requests to be answered, and all that belongs to them is here."""
        is_idle = self._waiter is not None and not self._waiter.done()
        bodies = [body for _, body in self._messages]
        bodies += [self.asked.content] if self.asked is not None else []
        return not is_idle and all(body.is_eof() for body in bodies)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the refusal of a request that could not be read; the connection ends with it."""
        del request, exc
        response = json_answer({"message": f"Bad Request: {message or 'invalid'}"}, status=status)
        response.force_close()
        return response


class Request(web.BaseRequest):
    """A request, any answer to which says who gives it: a stream and a refusal too."""

    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        response.headers.update(HEADERS)


def make_request(message: Any, body: Any, protocol: Any, writer: Any, task: Any) -> Request:
    """Return a request that has been read, and note it at its connection."""
    request = Request(message, body, protocol, writer, task, asyncio.get_running_loop())
    protocol.note(request)
    return request


def is_listening(transport: asyncio.Transport) -> bool:
    """Return whether the other end, which sends no more, is open: only its half is closed."""
    look = select.poll()
    look.register(transport.get_extra_info("socket").fileno(), 0)
    return not look.poll(0)


def drop_when_gone(transport: asyncio.Transport) -> None:
    """End the connection soon after its client is gone, of which there is no other word then."""
    if transport.is_closing() or _is_tls(transport):
        return
    if is_listening(transport):
        asyncio.get_running_loop().call_later(LOOK_SECONDS, drop_when_gone, transport)
    else:
        transport.abort()


def _is_tls(transport: asyncio.Transport) -> bool:
    # There is no half of it to be closed.
    return transport.get_extra_info("ssl_object") is not None
