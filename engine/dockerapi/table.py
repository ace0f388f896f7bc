"""All routes of the API, noun by noun."""

from __future__ import annotations

from itertools import chain

from engine.dockerapi import (
    attach,
    containers,
    events,
    execs,
    images,
    lifecycle,
    logs,
    pending,
    stats,
    system,
    transfers,
)
from engine.dockerapi.routing import Table

TABLE = Table(
    chain(
        system.ROUTES,
        transfers.ROUTES,
        images.ROUTES,
        containers.ROUTES,
        lifecycle.ROUTES,
        logs.ROUTES,
        attach.ROUTES,
        execs.ROUTES,
        stats.ROUTES,
        events.ROUTES,
        pending.ROUTES,
    )
)
