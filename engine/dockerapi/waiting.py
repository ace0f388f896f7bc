"""The route that waits for a container."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

from aiohttp import web

from engine.containers.record import ExitStatus, WaitFor
from engine.dockerapi.answers import JSON, left_alone
from engine.dockerapi.lines import json_line
from engine.dockerapi.refusals import Refusal
from engine.dockerapi.routing import Route

if TYPE_CHECKING:
    from engine.dockerapi.call import Call

CONDITIONS = {"": WaitFor.NOT_RUNNING, **{each.value: each for each in WaitFor}}


class _Watch:
    """Asked by whoever waits, again and again; so it knows when the waiting has begun."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.begun = asyncio.Event()
        self.stopped = threading.Event()

    def is_stopped(self) -> bool:
        """Whether nobody wants to know any more."""
        self._loop.call_soon_threadsafe(self.begun.set)
        return self.stopped.is_set()


async def wait(call: Call) -> web.StreamResponse:
    """
    Answer `POST /containers/{id}/wait`.

    The head goes out as soon as the waiting has begun, so that a client which then starts the
    container misses nothing.
    """
    condition = CONDITIONS.get(call.query.text("condition"))
    if condition is None:
        raise Refusal(400, f'invalid condition: "{call.query.text("condition")[:60]}"')
    record = await call.pools.quick(call.engine.containers.get, call["id"])
    watch = _Watch()
    work = call.pools.start(
        call.engine.containers.wait, record.id, condition=condition, is_stopped=watch.is_stopped
    )
    try:
        response = await _begun_answer(call, watch, work, condition)
        status = await work
    finally:
        watch.stopped.set()
    await response.write(json_line({"StatusCode": status.code if status else 0, "Error": None}))
    await response.write_eof()
    return response


async def _begun_answer(
    call: Call, watch: _Watch, work: asyncio.Future[ExitStatus | None], condition: WaitFor
) -> web.StreamResponse:
    """Return the answer with its head sent, once the waiting has begun."""
    response = web.StreamResponse(headers={"Content-Type": JSON})
    try:
        await _until_begun(watch, work, condition)
        await response.prepare(call.request)
    except BaseException:
        work.add_done_callback(left_alone)
        raise
    return response


async def _until_begun(
    watch: _Watch, work: asyncio.Future[ExitStatus | None], condition: WaitFor
) -> None:
    """Return when no exit can be missed any more; what is not running now needs no waiting for."""
    if condition is WaitFor.NOT_RUNNING:
        return
    begun: asyncio.Future[Any] = asyncio.ensure_future(watch.begun.wait())
    both: set[asyncio.Future[Any]] = {begun, work}
    await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    begun.cancel()


ROUTES = (Route("POST", "/containers/{id}/wait", wait),)
