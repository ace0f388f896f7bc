"""The route of what containers printed."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from engine.containers.merged import merged_config
from engine.dockerapi.answers import stream_from
from engine.dockerapi.frames import MULTIPLEXED, RAW, STDERR, STDOUT, frame
from engine.dockerapi.log_details import log_details
from engine.dockerapi.refusals import Refusal
from engine.dockerapi.routing import Route
from engine.dockerapi.versions import ApiVersion
from engine.errors import ContainerNotFound
from engine.oci.config import ProcessDefaults

if TYPE_CHECKING:
    from datetime import datetime

    from aiohttp import web

    from engine.containers.logs import LogLine
    from engine.containers.record import ContainerRecord
    from engine.dockerapi.call import Call
    from engine.dockerapi.pipes import Pipe
    from engine.engine import Engine

STREAMS = {"stdout": STDOUT, "stderr": STDERR}
KINDS_SINCE = ApiVersion(1, 42)


async def logs(call: Call) -> web.StreamResponse:
    """Answer `GET /containers/{id}/logs`."""
    query = call.query
    wanted = {name for name in STREAMS if query.flag(name)}
    if not wanted:
        raise Refusal(400, "Bad parameters: you must choose at least one stream")
    tail = _tail(query.text("tail", "all"))
    since, until = query.moment("since"), query.moment("until")
    record = await call.pools.quick(call.engine.containers.get, call["id"])

    if record.settings.log.driver == "none":
        raise Refusal(501, "configured logging driver does not support reading")
    with_time = query.flag("timestamps")
    beside = await call.pools.quick(_beside, call.engine, record) if query.flag("details") else b""

    def write(pipe: Pipe) -> None:
        lines = call.engine.containers.logs(
            record.id,
            tail=tail,
            since=since,
            until=until,
            follow=query.flag("follow"),
            stdout="stdout" in wanted,
            stderr="stderr" in wanted,
            is_stopped=lambda: pipe.is_abandoned,
        )
        # It may be removed while somebody listens; then there is nothing more to hear.
        with suppress(ContainerNotFound):
            for line in lines:
                shown = render_line(
                    line, is_raw=record.settings.tty, with_time=with_time, beside=beside
                )
                pipe.put(shown)

    return await stream_from(call, write, content_type=content_type(record, call.version))


def content_type(record: ContainerRecord, version: ApiVersion) -> str:
    """Return the kind of the stream of a container's output; old clients know only one."""
    if version < KINDS_SINCE:
        return RAW
    return RAW if record.settings.tty else MULTIPLEXED


def _tail(text: str) -> int | None:
    # Docker shows everything for what is no number.
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _beside(engine: Engine, record: ContainerRecord) -> bytes:
    """Return what `details` puts before each line."""
    image = engine.images.find(str(record.image_id))
    defaults = image.config.defaults if image else ProcessDefaults()
    return log_details(record, merged_config(defaults, record.settings).env) + b" "


def render_line(
    line: LogLine, *, is_raw: bool, with_time: bool = False, beside: bytes = b""
) -> bytes:
    """Return *line* with its end and what stands *beside* it, behind a header unless *is_raw*."""
    content = beside + (line.content if line.is_partial else line.content + b"\n")
    if with_time:
        content = _stamp(line.time) + b" " + content
    return content if is_raw else frame(STREAMS[line.stream], content)


def _stamp(moment: datetime) -> bytes:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f000Z").encode()


ROUTES = (Route("GET", "/containers/{id}/logs", logs),)
