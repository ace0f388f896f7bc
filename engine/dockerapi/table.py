"""All routes of the API, noun by noun."""

from __future__ import annotations

from itertools import chain

from engine.dockerapi import (
    alteration,
    archives,
    attach,
    build,
    commit,
    containers,
    elsewhere,
    events,
    execs,
    images,
    lifecycle,
    logs,
    networks,
    push,
    registries,
    stats,
    system,
    transfers,
    volumes,
    waiting,
)
from engine.dockerapi.routing import Table

ROUTES = tuple(
    chain(
        system.ROUTES,
        registries.ROUTES,
        push.ROUTES,
        transfers.ROUTES,
        images.ROUTES,
        containers.ROUTES,
        lifecycle.ROUTES,
        waiting.ROUTES,
        alteration.ROUTES,
        logs.ROUTES,
        attach.ROUTES,
        execs.ROUTES,
        stats.ROUTES,
        archives.ROUTES,
        networks.ROUTES,
        commit.ROUTES,
        build.ROUTES,
        volumes.ROUTES,
        events.ROUTES,
        elsewhere.ROUTES,
    )
)
TABLE = Table(ROUTES)
