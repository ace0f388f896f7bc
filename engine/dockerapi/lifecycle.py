"""Routes that change what a container does: start, stop, kill, wait, remove."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.containers.record import IfRunning
from engine.containers.state import ContainerState
from engine.dockerapi.answers import nothing
from engine.dockerapi.refusals import Refusal
from engine.dockerapi.routing import Route
from engine.errors import ContainerNotFound, ContainerNotRunning, ContainerRunning
from engine.settings.signals import LAST

if TYPE_CHECKING:
    from aiohttp import web

    from engine.dockerapi.call import Call

NOT_MODIFIED = 304
CANNOT_KILL = "Cannot kill container: "


async def start(call: Call) -> web.StreamResponse:
    """Answer `POST /containers/{id}/start`."""
    record = await call.pools.quick(call.engine.containers.get, call["id"])
    if record.state is ContainerState.PAUSED:
        raise Refusal(409, "cannot start a paused container, try unpause instead")
    if record.is_running:
        return nothing(status=NOT_MODIFIED)
    await call.pools.short(call.engine.containers.start, record.id)
    return nothing()


async def stop(call: Call) -> web.StreamResponse:
    """Answer `POST /containers/{id}/stop`."""
    timeout = _timeout(call)
    record = await call.pools.quick(call.engine.containers.get, call["id"])
    if not record.is_running and record.state is not ContainerState.RESTARTING:
        return nothing(status=NOT_MODIFIED)
    await call.pools.long(
        call.engine.containers.stop, record.id, timeout=timeout, signal=_signal(call)
    )
    return nothing()


async def restart(call: Call) -> web.StreamResponse:
    """Answer `POST /containers/{id}/restart`."""
    await call.pools.long(
        call.engine.containers.restart, call["id"], timeout=_timeout(call), signal=_signal(call)
    )
    return nothing()


async def kill(call: Call) -> web.StreamResponse:
    """Answer `POST /containers/{id}/kill`."""
    signal = call.query.text("signal") or "SIGKILL"
    if signal.isascii() and signal.isdecimal() and int(signal[:9]) > LAST:
        words = f"The linux daemon does not support signal {signal[:9]}"
        raise Refusal(500, f"{CANNOT_KILL}{call['id']}: {words}")
    try:
        await call.pools.long(call.engine.containers.kill, call["id"], signal=signal)
    except ContainerNotRunning as error:
        record = await call.pools.quick(call.engine.containers.get, call["id"])
        words = f"{CANNOT_KILL}{call['id']}: Container {record.id} is not running"
        raise Refusal(409, words) from error
    except ContainerNotFound as error:
        raise Refusal(404, f"{CANNOT_KILL}{call['id']}: {error.message}") from error
    return nothing()


async def remove(call: Call) -> web.StreamResponse:
    """Answer `DELETE /containers/{id}`."""
    if call.query.flag("link"):
        # It is a name that is to go, and not the container; nobody has more than one here.
        await call.pools.quick(call.engine.containers.get, call["id"])
        raise Refusal(409, "Conflict, cannot remove the default link name of the container")
    if_running = IfRunning.KILL if call.query.flag("force") else IfRunning.REFUSE
    try:
        await call.pools.short(
            call.engine.containers.remove,
            call["id"],
            if_running=if_running,
            with_volumes=call.query.flag("v"),
        )
    except ContainerRunning as error:
        record = await call.pools.quick(call.engine.containers.get, call["id"])
        if record.state is ContainerState.PAUSED:
            words = f"You cannot remove a paused container {record.id}. Unpause and then stop the"
        else:
            words = f"You cannot remove a running container {record.id}. Stop the"
        raise Refusal(
            409, f"{words} container before attempting removal or force remove"
        ) from error
    return nothing()


def _timeout(call: Call) -> float | None:
    if not call.query.text("t"):
        return None
    return float(call.query.number("t"))


def _signal(call: Call) -> str | None:
    return call.query.text("signal") or None


ROUTES = (
    Route("POST", "/containers/{id}/start", start),
    Route("POST", "/containers/{id}/stop", stop),
    Route("POST", "/containers/{id}/restart", restart),
    Route("POST", "/containers/{id}/kill", kill),
    Route("DELETE", "/containers/{id}", remove),
)
