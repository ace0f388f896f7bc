"""All routes of the API, noun by noun."""

from __future__ import annotations

from itertools import chain

from engine.dockerapi import containers, images, lifecycle, logs, pending, system
from engine.dockerapi.routing import Table

TABLE = Table(
    chain(
        system.ROUTES,
        images.ROUTES,
        containers.ROUTES,
        lifecycle.ROUTES,
        logs.ROUTES,
        pending.ROUTES,
    )
)
