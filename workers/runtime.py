"""
The composition root: where a worker process gets its engine and learns which host it is.

An engine is opened at the first use and lives as long as the process, so that importing tasks costs
nothing and opens nothing.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from engine.system.locks import Locks
from engine.system.paths import DEFAULT_ROOT, DEFAULT_RUN, EnginePaths

if TYPE_CHECKING:
    from engine.engine import Engine

_guard = threading.Lock()
_opened: Engine | None = None


def host_name() -> str:
    """Return the name under which this host is known to the team."""
    name: str = settings.SHIPSHAPE_HOST
    return name


def engine_paths() -> EnginePaths:
    """Return where this host's engine lives."""
    return EnginePaths(
        Path(os.environ.get("SHIPSHAPE_ROOT") or DEFAULT_ROOT),
        Path(os.environ.get("SHIPSHAPE_RUN") or DEFAULT_RUN),
    )


def plain_http_registries() -> frozenset[str]:
    """Return the registries, besides loopback, that may be spoken to without TLS."""
    names = os.environ.get("SHIPSHAPE_PLAIN_HTTP_REGISTRIES", "").split(",")
    return frozenset(name.strip() for name in names if name.strip())


def engine() -> Engine:
    """Return this process's engine, opening it if this is the first call."""
    global _opened  # noqa: PLW0603  (one engine per process is the point)
    with _guard:
        if _opened is None:
            # Whoever only sends messages or asks for names must not pay for the machinery.
            from engine.engine import Engine

            _opened = Engine.open(engine_paths(), plain_http=plain_http_registries())
        return _opened


def job_locks() -> Locks:
    """Return the locks that say which job is being run on this host."""
    paths = engine_paths()
    paths.locks.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Locks(paths.locks)
