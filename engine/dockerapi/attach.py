"""Routes of what runs in a container, live: attaching, over raw connections and websockets."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from aiohttp import WSMsgType, web

from engine.containers.detach import KeyMatcher, parse_detach_keys
from engine.containers.telling import tell
from engine.dockerapi.answers import nothing
from engine.dockerapi.conversation import Conversation
from engine.dockerapi.fields import MAX_SIDE
from engine.dockerapi.hijack import hijack, release
from engine.dockerapi.logs import content_type, render_line
from engine.dockerapi.refusals import Refusal
from engine.dockerapi.routing import Route

if TYPE_CHECKING:
    from engine.containers.attachment import Attachment
    from engine.containers.record import ContainerRecord
    from engine.dockerapi.call import Call
    from engine.dockerapi.conversation import Line

MAX_MESSAGE = 4 * 1024 * 1024
LINES = 200


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a client wants of an attachment."""

    stream: bool
    stdin: bool
    stdout: bool
    stderr: bool
    logs: bool
    keys: bytes

    @property
    def outputs(self) -> frozenset[str]:
        """The names of the streams that are to be shown."""
        chosen = {"stdout": self.stdout, "stderr": self.stderr}
        return frozenset(name for name, is_wanted in chosen.items() if is_wanted)


def _wishes(call: Call) -> Wishes:
    query = call.query
    return Wishes(
        stream=query.flag("stream"),
        stdin=query.flag("stdin"),
        stdout=query.flag("stdout"),
        stderr=query.flag("stderr"),
        logs=query.flag("logs"),
        keys=parse_detach_keys(query.text("detachKeys")),
    )


async def attach(call: Call) -> web.StreamResponse:
    """Answer `POST /containers/{id}/attach`."""
    wishes = _wishes(call)
    await call.body()
    record = await call.pools.quick(call.engine.containers.get, call["id"])
    attachment = await _attached(call, record, wishes)
    try:
        wire = await hijack(call, content_type(record, call.version))
    except BaseException:
        attachment.close()
        raise
    try:
        await _talk(call, record, wishes, attachment, wire, is_raw=record.settings.tty)
    finally:
        attachment.close()
        answer = release(call, wire)
    return answer


async def attach_websocket(call: Call) -> web.StreamResponse:
    """Answer `GET /containers/{id}/attach/ws`: both outputs as they are, without headers."""
    wishes = _wishes(call)
    record = await call.pools.quick(call.engine.containers.get, call["id"])
    socket = web.WebSocketResponse(max_msg_size=MAX_MESSAGE)
    if not socket.can_prepare(call.request):
        raise Refusal(400, "this is no request for a websocket")
    attachment = await _attached(call, record, wishes)
    try:
        await socket.prepare(call.request)
        await _talk(call, record, wishes, attachment, _WebLine(socket), is_raw=True)
    finally:
        attachment.close()
    await socket.close()
    return socket


async def _attached(call: Call, record: ContainerRecord, wishes: Wishes) -> Attachment:
    def attach() -> Attachment:
        attachment = call.engine.containers.attach(
            record.id,
            stdin=wishes.stdin and wishes.stream and record.settings.open_stdin,
            stdout=wishes.stdout,
            stderr=wishes.stderr,
        )
        tell(call.engine.events, "attach", record)
        return attachment

    return await call.pools.long(attach)


async def _talk(
    call: Call,
    record: ContainerRecord,
    wishes: Wishes,
    attachment: Attachment,
    line: Line,
    *,
    is_raw: bool,
) -> None:
    if wishes.logs:
        await _show_logs(call, record, wishes, line, is_raw=is_raw)
    if not wishes.stream:
        return
    settings = record.settings
    conversation = Conversation(
        attachment,
        line,
        call.pools,
        is_raw=is_raw,
        takes_input=wishes.stdin and settings.open_stdin,
        ends_input=settings.stdin_once and not settings.tty,
        keys=KeyMatcher(wishes.keys) if settings.tty else None,
    )
    await conversation.run()
    if conversation.was_left:
        await call.pools.long(tell, call.engine.events, "detach", record)


async def _show_logs(
    call: Call, record: ContainerRecord, wishes: Wishes, line: Line, *, is_raw: bool
) -> None:
    """Send what was printed before; page by page, so that a long log does not fill the memory."""
    lines = call.engine.containers.logs(record.id)

    def page() -> bytes:
        wanted = (each for each in lines if each.stream in wishes.outputs)
        return b"".join(render_line(each, is_raw=is_raw) for each in islice(wanted, LINES))

    while content := await call.pools.long(page):
        await line.write(content)


class _WebLine:
    """A websocket as a line."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket

    @property
    def is_lost(self) -> bool:
        """Whether the client is gone."""
        return self._socket.closed

    async def read(self) -> bytes:
        """Return what the client sent."""
        while True:
            message = await self._socket.receive()
            if message.type is WSMsgType.BINARY and message.data:
                return bytes(message.data)
            if message.type is WSMsgType.TEXT and message.data:
                return str(message.data).encode()
            if message.type in {WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.ERROR}:
                return b""
            if message.type is WSMsgType.CLOSING:
                return b""

    async def write(self, content: bytes) -> None:
        """Send *content* as one binary message."""
        await self._socket.send_bytes(content)


async def resize(call: Call) -> web.StreamResponse:
    """Answer `POST /containers/{id}/resize`."""
    rows, columns = terminal_size(call)
    containers = call.engine.containers

    def work() -> None:
        containers.resize(call["id"], rows=rows, columns=columns)
        size = {"height": str(rows), "width": str(columns)}
        tell(call.engine.events, "resize", containers.get(call["id"]), **size)

    await call.pools.long(work)
    return nothing(status=200)


def terminal_size(call: Call) -> tuple[int, int]:
    """Return the rows and columns that *call* asks for."""
    sides = []
    for name in ("h", "w"):
        if not call.query.text(name):
            raise Refusal(400, f'strconv.Atoi: parsing "{name}": invalid syntax')
        sides.append(call.query.number(name))
    if not all(0 <= side <= MAX_SIDE for side in sides):
        raise Refusal(400, "the size of a terminal is between 0 and 65535")
    return sides[0], sides[1]


ROUTES = (
    Route("POST", "/containers/{id}/attach", attach),
    Route("GET", "/containers/{id}/attach/ws", attach_websocket),
    Route("POST", "/containers/{id}/resize", resize),
)
