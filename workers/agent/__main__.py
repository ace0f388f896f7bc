"""`python -m workers.agent`: runs until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from contextlib import suppress

import django

log = logging.getLogger("workers.agent")

END_SECONDS = 5.0


def main() -> None:
    """Run the agent of this host."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    django.setup()
    asyncio.run(_run())


async def _run() -> None:
    from workers.agent.agent import Agent

    stop = threading.Event()
    agent = await asyncio.to_thread(Agent, stop)
    agent.keeper.start()
    streams = asyncio.create_task(agent.streams.serve())
    log.info("the agent of %s is at work", agent.host)
    await _until_told_to_end()
    stop.set()
    streams.cancel()
    with suppress(asyncio.CancelledError):
        await streams
    await asyncio.to_thread(agent.keeper.join, END_SECONDS)
    log.info("the agent of %s has ended", agent.host)


async def _until_told_to_end() -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    await ended.wait()


if __name__ == "__main__":
    main()
