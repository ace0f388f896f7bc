"""The Docker API in the process of the test, and a client that sends exactly what it is told."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from engine.dockerapi.pools import Pools
from engine.dockerapi.server import make_server
from engine.dockerapi.sockets import listen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from engine.engine import Engine

SECONDS = 20.0


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("docker", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(SECONDS)
        self.sock.connect(str(self._path))


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def message(self) -> str:
        return str(self.json["message"])

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.content.splitlines()]


@dataclass(frozen=True)
class Client:
    """Asks the API at *path*, a connection for each question."""

    path: Path

    def ask(
        self,
        method: str,
        target: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        connection = _UnixConnection(self.path)
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        try:
            connection.request(method, target, body=content, headers=dict(headers or {}))
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            connection.close()

    def get(self, target: str) -> Answer:
        return self.ask("GET", target)

    def post(self, target: str, body: object = None) -> Answer:
        return self.ask("POST", target, body)

    def delete(self, target: str) -> Answer:
        return self.ask("DELETE", target)

    def connect(self) -> socket.socket:
        """A bare connection, for whoever writes HTTP by hand."""
        bare = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        bare.settimeout(SECONDS)
        bare.connect(str(self.path))
        return bare


@contextmanager
def serving(engine: Engine, path: Path) -> Iterator[Client]:
    """Serve *engine* at *path* from a thread, and end it cleanly."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    pools = Pools()
    runner = asyncio.run_coroutine_threadsafe(_start(engine, pools, path), loop).result(SECONDS)
    try:
        yield Client(path)
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(SECONDS)
        pools.close()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(SECONDS)
        loop.close()


async def _start(engine: Engine, pools: Pools, path: Path) -> web.ServerRunner:
    runner = web.ServerRunner(make_server(engine, pools), shutdown_timeout=0.2)
    await runner.setup()
    await web.SockSite(runner, listen(path)).start()
    return runner
