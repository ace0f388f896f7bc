"""Reading requests up to where a connection may be taken over, and keeping what follows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aiohttp.http_parser import RawRequestMessage
from aiohttp.web_protocol import RequestHandler

if TYPE_CHECKING:
    from aiohttp import StreamReader

_HEAD_END = b"\r\n\r\n"
_SEAM = len(_HEAD_END) - 1
# Clients of these take the connection over without saying so.
_RAW = re.compile(r"(/v[\d.]+)?/(containers/[^/?]+/attach|exec/[^/?]+/start)([?].*)?", re.DOTALL)


class TakeoverHandler(RequestHandler):
    """
    A connection of which a request may ask to take it over.

    What comes behind such a request is kept: it is read by whoever takes the connection over, and
    as the next request if nobody does. The parser itself knows of websockets only; of others it
    would drop what came in one piece with the request, and take the rest for requests.
    """

    _turning: StreamReader | None = None
    """The body of a request to take the connection over, until all of it is here."""
    _body_left = 0
    """How much of that body is to come, where its head says so."""
    _seam = b""
    """The last bytes that were parsed: a head may end across two pieces."""

    def data_received(self, data: bytes) -> None:
        """Give *data* to the parser, up to the end of a request to take the connection over."""
        while data and not self._upgraded and self._payload_parser is None:
            end = self._end_of_part(data)
            part, data = data[:end], data[end:]
            known = self._request_count
            super().data_received(part)
            self._seam = (self._seam + part[-_SEAM:])[-_SEAM:]
            self._body_left = max(0, self._body_left - len(part))
            self._note_turn(has_read=self._request_count > known)
        super().data_received(data)

    def _end_of_part(self, data: bytes) -> int:
        """Return how much of *data* belongs together: the rest of a body, or up to a blank line."""
        if self._body_left:
            return self._body_left
        found = (self._seam + data[: len(_HEAD_END)]).find(_HEAD_END)
        if found >= 0:
            return found + len(_HEAD_END) - len(self._seam)
        found = data.find(_HEAD_END)
        return len(data) if found < 0 else found + len(_HEAD_END)

    def _note_turn(self, *, has_read: bool) -> None:
        if has_read:
            message, body = self._messages[-1]
            self._turning, self._body_left = None, 0
            if isinstance(message, RawRequestMessage) and _takes_over(message):
                self._turning, self._body_left = body, _length(message)
        if self._turning is not None and self._turning.is_eof():
            self._turning = None
            self._upgraded = True


def _takes_over(message: RawRequestMessage) -> bool:
    return "Upgrade" in message.headers or (
        message.method == "POST" and _RAW.fullmatch(message.path) is not None
    )


def _length(message: RawRequestMessage) -> int:
    # The parser has refused what is no number; in chunks, it ends with a blank line too.
    return int(message.headers.get("Content-Length", "0"))
