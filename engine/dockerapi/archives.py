"""Routes of files in containers: copying out and in, and the whole file system."""

from __future__ import annotations

import base64
import json
import stat
from contextlib import closing
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from aiohttp import web

from engine.dockerapi.answers import nothing, stream_from
from engine.dockerapi.bodies import open_body
from engine.dockerapi.refusals import Refusal
from engine.dockerapi.routing import Route
from engine.dockerapi.words import go_time
from engine.errors import PathNotFound
from engine.oci.timestamps import from_nanoseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.containers.archive import PathStat
    from engine.dockerapi.call import Call
    from engine.dockerapi.pipes import Pipe

P = ParamSpec("P")
T = TypeVar("T")

TAR = "application/x-tar"
STAT_HEADER = "X-Docker-Container-Path-Stat"
# How Go writes what a file is; the permissions below are the same everywhere (os.FileMode).
_KINDS = {
    stat.S_IFDIR: 1 << 31,
    stat.S_IFLNK: 1 << 27,
    stat.S_IFBLK: 1 << 26,
    stat.S_IFIFO: 1 << 25,
    stat.S_IFSOCK: 1 << 24,
    stat.S_IFCHR: 1 << 26 | 1 << 21,
}
_BITS = {stat.S_ISUID: 1 << 23, stat.S_ISGID: 1 << 22, stat.S_ISVTX: 1 << 20}


def go_mode(mode: int) -> int:
    """Return a mode of stat(2) as Go's os.FileMode."""
    bits = sum(go for bit, go in _BITS.items() if mode & bit)
    return _KINDS.get(stat.S_IFMT(mode), 0) | bits | (mode & 0o777)


def stat_header(status: PathStat) -> str:
    """Return what the header tells of a path: JSON in base64."""
    shape: dict[str, Any] = {
        "name": status.name,
        "size": status.size,
        "mode": go_mode(status.mode),
        "mtime": go_time(from_nanoseconds(status.mtime_ns)),
        "linkTarget": status.link_target,
    }
    return base64.b64encode(json.dumps(shape).encode(errors="replace")).decode()


async def look(call: Call) -> web.StreamResponse:
    """Answer `HEAD /containers/{id}/archive`."""
    found = await _asked(call, call.engine.containers.stat_path, call["id"], _path(call))
    return web.Response(headers={STAT_HEADER: stat_header(found), "Content-Type": TAR})


async def copy_out(call: Call) -> web.StreamResponse:
    """Answer `GET /containers/{id}/archive`."""
    read = call.engine.containers.read_archive
    found, pieces = await _asked(call, read, call["id"], _path(call))
    return await _sent(call, pieces, content_type=TAR, headers={STAT_HEADER: stat_header(found)})


async def copy_in(call: Call) -> web.StreamResponse:
    """Answer `PUT /containers/{id}/archive`."""
    path, body = _path(call), open_body(call)
    await _asked(
        call,
        call.engine.containers.write_archive,
        call["id"],
        path,
        body,
        allow_overwrite_dir_with_file=not call.query.flag("noOverwriteDirNonDir"),
        copy_uid_gid=call.query.flag("copyUIDGID"),
    )
    return nothing(status=200)


async def _asked(call: Call, ask: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what *ask* does; a path that is not there is told with the name that was given."""
    try:
        return await call.pools.long(ask, *args, **kwargs)
    except PathNotFound as error:
        words = f"Could not find the file {error.path} in container {call['id']}"
        raise Refusal(404, words) from error


async def export(call: Call) -> web.StreamResponse:
    """Answer `GET /containers/{id}/export`."""
    pieces = await call.pools.long(call.engine.containers.export, call["id"])
    return await _sent(call, pieces, content_type="application/octet-stream", headers={})


async def _sent(
    call: Call, pieces: Iterator[bytes], *, content_type: str, headers: dict[str, str]
) -> web.StreamResponse:
    def write(pipe: Pipe) -> None:
        # What is read stays held until it is taken to the end, or closed.
        with closing(pieces):  # type: ignore[type-var]
            for piece in pieces:
                pipe.put(piece)

    return await stream_from(call, write, content_type=content_type, headers=headers)


def _path(call: Call) -> str:
    path = call.query.text("path")
    if not path:
        raise Refusal(400, "bad parameter: 'path' cannot be empty")
    return path


ROUTES = (
    Route("HEAD", "/containers/{id}/archive", look),
    Route("GET", "/containers/{id}/archive", copy_out),
    Route("PUT", "/containers/{id}/archive", copy_in),
    Route("GET", "/containers/{id}/export", export),
)
