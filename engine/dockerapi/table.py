"""All routes of the API, noun by noun."""

from __future__ import annotations

from itertools import chain

from engine.dockerapi import attach, containers, execs, images, lifecycle, logs, pending, system
from engine.dockerapi.routing import Table

TABLE = Table(
    chain(
        system.ROUTES,
        images.ROUTES,
        containers.ROUTES,
        lifecycle.ROUTES,
        logs.ROUTES,
        attach.ROUTES,
        execs.ROUTES,
        pending.ROUTES,
    )
)
