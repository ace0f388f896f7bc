"""Answers: JSON, nothing, a refusal, or a stream that a thread writes."""

from __future__ import annotations

import json
import logging
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from aiohttp import web

from engine.dockerapi.pipes import ClientGone, Pipe
from engine.dockerapi.progress import PULLING, JsonProgress
from engine.dockerapi.refusals import Refusal, internal_error, refusal_of
from engine.dockerapi.versions import NEWEST
from engine.errors import EngineError
from engine.progress import Cancellation, Cancelled

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping

    from engine.dockerapi.call import Call

log = logging.getLogger(__name__)

JSON = "application/json"
HEADERS = {
    "Api-Version": str(NEWEST),
    "Docker-Experimental": "false",
    "Ostype": "linux",
    "Server": "Shipshape (linux)",
}
"""What stands at the head of every answer."""


def json_answer(value: Any, *, status: int = 200) -> web.Response:
    """Return *value* as JSON."""
    content = json.dumps(value, separators=(",", ":"), ensure_ascii=False) + "\n"
    return web.Response(body=content.encode(errors="replace"), status=status, content_type=JSON)


def json_bytes(content: bytes) -> web.Response:
    """Return what is JSON already."""
    return web.Response(body=content, content_type=JSON)


def nothing(*, status: int = 204) -> web.Response:
    """Return an answer without a body."""
    return web.Response(status=status)


def refused(refusal: Refusal) -> web.Response:
    """Return *refusal* as docker's clients expect it."""
    return json_answer({"message": refusal.message}, status=refusal.status)


async def stream_from(
    call: Call,
    write: Callable[[Pipe], None],
    *,
    content_type: str = JSON,
    headers: Mapping[str, str] | None = None,
    waits: bool = False,
) -> web.StreamResponse:
    """
    Answer with what *write*, in a thread of its own, puts into a pipe.

    The head goes out at once, or, where it *waits*, with the first bytes: until then what *write*
    raises becomes the answer. When the client is gone, the next `put` raises `ClientGone`; a
    *write* that waits for something else must ask `is_abandoned` now and then.
    """
    response = web.StreamResponse(headers={**(headers or {}), "Content-Type": content_type})
    pipe = Pipe()
    if not waits:
        await response.prepare(call.request)
    work = call.pools.start(_written, write, pipe)
    try:
        async with aclosing(pipe.read()) as chunks:
            async for chunk in chunks:
                if not response.prepared:
                    await response.prepare(call.request)
                await response.write(chunk)
    except BaseException:
        work.add_done_callback(left_alone)
        raise
    await work
    if not response.prepared:
        await response.prepare(call.request)
    await response.write_eof()
    return response


def left_alone(work: asyncio.Future[Any]) -> None:
    """Take note of how *work* ended, whose client is gone; what should not happen is logged."""
    error = None if work.cancelled() else work.exception()
    if error is not None and not isinstance(error, (EngineError, Refusal, Cancelled)):
        log.error("work failed after its client had gone", exc_info=error)


def _written(write: Callable[[Pipe], None], pipe: Pipe) -> None:
    try:
        write(pipe)
    except ClientGone:
        return
    finally:
        pipe.close()


async def progress_from(
    call: Call,
    work: Callable[[JsonProgress, Cancellation], None],
    *,
    words: Mapping[str, str] = PULLING,
) -> web.StreamResponse:
    """
    Answer with the progress of *work*, as lines of JSON.

    What it raises before anything was sent is the answer; after that it is the last line. When the
    client is gone, the work is cancelled.
    """

    def write(pipe: Pipe) -> None:
        cancellation = Cancellation()
        pipe.on_abandon(cancellation.cancel)
        progress = JsonProgress(pipe, cancellation, words)
        try:
            work(progress, cancellation)
            progress.finish()
        except Cancelled:
            if not pipe.is_abandoned:
                raise
        except (EngineError, Refusal) as error:
            if not progress.has_begun:
                raise
            progress.fail(error if isinstance(error, Refusal) else refusal_of(error))
        except Exception:
            if not progress.has_begun:
                raise
            log.exception("work failed")
            progress.fail(internal_error())

    return await stream_from(call, write, waits=True)
