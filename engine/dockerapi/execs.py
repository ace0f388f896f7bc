"""Routes of commands that are run in running containers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.containers.detach import KeyMatcher, parse_detach_keys
from engine.containers.state import ContainerState
from engine.containers.telling import tell
from engine.dockerapi.answers import json_answer, nothing
from engine.dockerapi.attach import terminal_size
from engine.dockerapi.conversation import Conversation
from engine.dockerapi.create_body import env_of
from engine.dockerapi.fields import Fields
from engine.dockerapi.frames import MULTIPLEXED, RAW, STDOUT, frame
from engine.dockerapi.hijack import hijack, release
from engine.dockerapi.logs import KINDS_SINCE
from engine.dockerapi.refusals import Refusal, refusal_of
from engine.dockerapi.routing import Route
from engine.errors import (
    CommandNotFound,
    ContainerNotRunning,
    ContainerPaused,
    EngineError,
    ExecStarted,
)
from engine.settings.execution import ExecSettings

if TYPE_CHECKING:
    from aiohttp import web

    from engine.containers.attachment import Attachment
    from engine.containers.exec_record import ExecRecord
    from engine.dockerapi.call import Call
    from engine.dockerapi.hijack import Wire
    from engine.engine import Engine


async def create(call: Call) -> web.StreamResponse:
    """Answer `POST /containers/{id}/exec`."""
    body = Fields(await call.json(is_needed=True))
    settings = ExecSettings(
        command=body.words("Cmd") or (),
        env=env_of(body),
        user=body.text("User"),
        working_dir=body.text("WorkingDir"),
        privileged=body.flag("Privileged"),
        tty=body.flag("Tty"),
        stdin=body.flag("AttachStdin"),
        stdout=body.flag("AttachStdout"),
        stderr=body.flag("AttachStderr"),
        detach_keys=body.text("DetachKeys"),
    )
    parse_detach_keys(settings.detach_keys)
    try:
        record = await call.pools.short(call.engine.containers.exec_create, call["id"], settings)
    except ContainerNotRunning as error:
        found = await call.pools.quick(call.engine.containers.get, call["id"])
        raise Refusal(409, f"Container {found.id} is not running") from error
    return json_answer({"Id": record.id}, status=201)


async def start(call: Call) -> web.StreamResponse:
    """
    Answer `POST /exec/{id}/start`: a conversation, or nothing when detached.

    The head goes out before the command is run: some clients lose output that comes with it. So
    what goes wrong then is told on the stream itself, as docker does.
    """
    body = Fields(await call.json())
    containers, size = call.engine.containers, _console_size(body)
    record = await call.pools.quick(_startable, call.engine, call["id"])
    if body.flag("Detach"):
        try:
            await call.pools.short(containers.exec_start, record.id, detach=True)
        except CommandNotFound as error:
            raise Refusal(400, _not_run(error)) from error
        return nothing(status=200)
    wire = await hijack(call, _content_type(call, record))
    try:
        attachment = await call.pools.short(containers.exec_start, record.id)
        assert attachment is not None
        if size is not None:
            await call.pools.long(containers.exec_resize, record.id, rows=size[0], columns=size[1])
        await talk(call, record, attachment, wire)
    except EngineError as error:
        words = _words(error).encode()
        await wire.write(words if record.settings.tty else frame(STDOUT, words))
    finally:
        answer = release(call, wire)
    return answer


def _console_size(body: Fields) -> tuple[int, int] | None:
    """Return the rows and columns that the client's terminal has, if it says so."""
    size = body.size("ConsoleSize")
    return size if size is not None and body.flag("Tty") else None


def _startable(engine: Engine, exec_id: str) -> ExecRecord:
    """Return the exec, if it can be started now."""
    record = engine.containers.exec_get(exec_id)
    if record.is_started:
        raise ExecStarted(record.id, has_ended=record.exit_code is not None)
    container = engine.containers.get(record.container_id)
    if container.state is ContainerState.PAUSED:
        raise ContainerPaused(container.name, doing="exec")
    return record


async def talk(call: Call, record: ExecRecord, attachment: Attachment, wire: Wire) -> None:
    """Carry bytes both ways until the command has ended, or its client leaves."""
    settings = record.settings
    conversation = Conversation(
        attachment,
        wire,
        call.pools,
        is_raw=settings.tty,
        takes_input=settings.stdin,
        ends_input=not settings.tty,
        keys=KeyMatcher(parse_detach_keys(settings.detach_keys)) if settings.tty else None,
    )
    await conversation.run()
    if conversation.was_left:
        await call.pools.long(_tell_left, call.engine, record)
    elif not wire.is_lost:
        # Whoever sees the end of the output asks for the exit code next.
        await call.pools.long(lambda: attachment.exit_code)


def _tell_left(engine: Engine, record: ExecRecord) -> None:
    # The container may have gone meanwhile, and the command with it.
    container = engine.containers.find(record.container_id)
    if container is not None:
        tell(engine.events, "exec_detach", container, execID=record.id)


def _words(error: EngineError) -> str:
    if isinstance(error, CommandNotFound):
        return f"{_not_run(error)}\r\n"
    return f"{refusal_of(error).message}\r\n"


def _not_run(error: CommandNotFound) -> str:
    return (
        "OCI runtime exec failed: exec failed: unable to start container process: "
        f'exec: "{error.command}": {error.reason}: unknown'
    )


def _content_type(call: Call, record: ExecRecord) -> str:
    is_raw = record.settings.tty or call.version < KINDS_SINCE
    return RAW if is_raw else MULTIPLEXED


async def resize(call: Call) -> web.StreamResponse:
    """Answer `POST /exec/{id}/resize`."""
    rows, columns = terminal_size(call)
    record = await call.pools.quick(call.engine.containers.exec_get, call["id"])
    if not record.is_running or not record.pid:
        # Clients come too early and ask again.
        raise Refusal(409, "exec process is not started")
    await call.pools.long(
        call.engine.containers.exec_resize, call["id"], rows=rows, columns=columns
    )
    return nothing(status=200)


async def inspect(call: Call) -> web.StreamResponse:
    """Answer `GET /exec/{id}/json`."""
    return json_answer(
        _details(await call.pools.quick(call.engine.containers.exec_get, call["id"]))
    )


def _details(record: ExecRecord) -> dict[str, Any]:
    settings = record.settings
    process: dict[str, Any] = {
        "tty": settings.tty,
        "entrypoint": settings.command[0],
        "arguments": list(settings.command[1:]),
        "privileged": settings.privileged,
    }
    if settings.user:
        process["user"] = settings.user
    return {
        "ID": record.id,
        "Running": record.is_running,
        "ExitCode": record.exit_code,
        "ProcessConfig": process,
        "OpenStdin": settings.stdin,
        "OpenStderr": settings.stderr,
        "OpenStdout": settings.stdout,
        "CanRemove": False,
        "ContainerID": record.container_id,
        "DetachKeys": settings.detach_keys,
        "Pid": record.pid,
    }


ROUTES = (
    Route("POST", "/containers/{id}/exec", create),
    Route("POST", "/exec/{id}/start", start),
    Route("POST", "/exec/{id}/resize", resize),
    Route("GET", "/exec/{id}/json", inspect),
)
