"""`engine serve`: the API on its sockets until somebody says stop."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from typing import TYPE_CHECKING

from aiohttp import web

from engine.dockerapi.pools import Pools
from engine.dockerapi.server import make_server
from engine.dockerapi.sockets import BACKLOG, listen, withdraw
from engine.system.memory import settle_in

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from engine.dockerapi.sockets import Tls
    from engine.engine import Engine

GRACE_SECONDS = 1.0


def serve(engine: Engine, path: Path, tls: Tls | None = None) -> None:
    """
    Answer at *path*, and over *tls* if it is given, until SIGTERM or SIGINT.

    One line says when it listens; containers go on afterwards. Raises `SystemFailure` if *path*
    cannot be listened at.
    """
    settle_in()
    asyncio.run(_serve(engine, listen(path), path, tls))


async def _serve(engine: Engine, listener: socket.socket, path: Path, tls: Tls | None) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    pools = Pools()
    # As a daemon: it is safe to end at any instant, and must not keep the process from ending.
    keeper = threading.Thread(
        target=engine.containers.keep, args=(stopped.is_set,), name="keeper", daemon=True
    )
    keeper.start()
    runner = web.ServerRunner(make_server(engine, pools), shutdown_timeout=GRACE_SECONDS)
    await runner.setup()
    try:
        await web.SockSite(runner, listener, backlog=BACKLOG).start()
        address = f"unix://{path}"
        if tls is not None:
            site = web.TCPSite(runner, tls.host, tls.port, ssl_context=tls.context())
            await site.start()
            address += f" and {site.name}"
        sys.stdout.write(f"listening on {address}\n")
        sys.stdout.flush()
        await stopped.wait()
    finally:
        withdraw(path)
        await runner.cleanup()
        pools.close()
