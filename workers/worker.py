"""
`python -m workers.worker`: the Celery worker of this host, until SIGTERM.

Celery's own command line would bring a shell, a colouring library and every other of its commands
into the memory of a process that needs none of them.
"""

from __future__ import annotations

import os
import sys
import warnings

from celery.exceptions import SecurityWarning

from engine.system.memory import settle_in
from workers.app import app
from workers.runtime import host_name

THREADS = 8


def main() -> int:
    """Work until told to end; what runs by then goes back to the queue."""
    # Making containers is what root is for here, and no message can carry code.
    warnings.simplefilter("ignore", SecurityWarning)
    host = host_name()
    worker = app.Worker(
        hostname=f"worker@{host}",
        queues=[f"host.{host}", "team"],
        pool="threads",
        concurrency=int(os.environ.get("SHIPSHAPE_WORKER_THREADS") or THREADS),
        loglevel="INFO",
        quiet=True,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    settle_in()  # what the worker and its tasks need is loaded by now
    worker.start()
    return int(worker.exitcode or 0)


if __name__ == "__main__":
    sys.exit(main())
