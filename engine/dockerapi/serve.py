"""`engine serve`: the API on its sockets until somebody says stop."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING

from aiohttp import web

from engine.dockerapi.pools import Pools
from engine.dockerapi.server import make_server
from engine.dockerapi.sockets import listen

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from engine.engine import Engine

GRACE_SECONDS = 1.0


def serve(engine: Engine, path: Path) -> None:
    """
    Answer at *path* until SIGTERM or SIGINT; one line says when it listens.

    Containers go on afterwards. Raises `SystemFailure` if *path* cannot be listened at.
    """
    listener = listen(path)
    try:
        asyncio.run(_serve(engine, listener, f"unix://{path}"))
    finally:
        path.unlink(missing_ok=True)


async def _serve(engine: Engine, listener: socket.socket, address: str) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    pools = Pools()
    runner = web.ServerRunner(make_server(engine, pools), shutdown_timeout=GRACE_SECONDS)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        sys.stdout.write(f"listening on {address}\n")
        sys.stdout.flush()
        await stopped.wait()
    finally:
        await runner.cleanup()
        pools.close()
