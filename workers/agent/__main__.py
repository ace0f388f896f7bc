"""`python -m workers.agent`: runs until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import django

from engine.system.memory import settle_in

log = logging.getLogger("workers.agent")

END_SECONDS = 5.0
CANCEL_SECONDS = 0.2
SPARE_THREADS = 32


def main() -> None:
    """Run the agent of this host."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    django.setup()
    asyncio.run(_run())


async def _run() -> None:
    from workers.agent.agent import Agent
    from workers.agent.streams import MOST_STREAMS

    settle_in()  # what the agent needs is loaded by now
    stop = threading.Event()
    # Each terminal waits in a thread for what its program prints, and must not keep others waiting.
    threads = ThreadPoolExecutor(MOST_STREAMS + SPARE_THREADS, thread_name_prefix="stream")
    asyncio.get_running_loop().set_default_executor(threads)
    agent = await asyncio.to_thread(Agent, stop)
    agent.keeper.start()
    streams = asyncio.create_task(agent.streams.serve())
    log.info("the agent of %s is at work", agent.host)
    await _until_told_to_end()
    stop.set()
    await _ended(streams)
    await asyncio.to_thread(agent.keeper.join, END_SECONDS)
    log.info("the agent of %s has ended", agent.host)


async def _ended(task: asyncio.Task[None]) -> None:
    # A connection that is cancelled in the middle of a reply may answer with an error of its own
    # instead, so it is said until it is heard.
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=CANCEL_SECONDS)


async def _until_told_to_end() -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    await ended.wait()


if __name__ == "__main__":
    main()
