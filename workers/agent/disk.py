"""
What this host's engine takes of the disk, each byte once; see `engine.ledger`.

What changes by itself, as writable layers and volumes do, is measured for it, so the account is
made the rarer the longer it takes, and carries the moment at which it was made.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from dashboard.models import Host

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.engine import Engine
    from engine.ledger import DiskUsage

AGE_SECONDS = 60.0
REST_FACTOR = 20
# What the heartbeat says anew each time.
LIVE = frozenset({"total", "free"})


class Disk:
    """
    The account of *host*'s disk.

    Until it is made for the first time, `usage` is what the last agent of this host said.
    """

    def __init__(
        self, engine: Engine, host: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._version = -1
        self._made_at = self._rest_until = clock() - AGE_SECONDS
        self.usage = _last_told(host)

    def account(self) -> None:
        """Make `usage` true, unless that is too soon or nothing can have changed."""
        now = self._clock()
        version = self._engine.events.last_sequence()
        is_fresh = version == self._version and now - self._made_at < AGE_SECONDS
        if is_fresh or now < self._rest_until:
            return
        usage = self._engine.disk()
        measured_at = usage.measured_at or timezone.now()
        self.usage = told(usage) | {"measured_at": measured_at.isoformat()}
        self._version, self._made_at = version, now
        self._rest_until = now + REST_FACTOR * (self._clock() - now)


def told(usage: DiskUsage) -> dict[str, Any]:
    """Return *usage* as the row of a host says it."""
    return {
        "layers": usage.layers,
        "layers_shared": usage.shared_layers,
        "archives": usage.archives,
        "documents": usage.documents,
        "writable": usage.writable_layers,
        "virtual_sum": usage.virtual,
        "build_cache": usage.build_cache,
        "volumes": usage.volumes,
        "logs": usage.logs,
        "trash": usage.trash,
        "unused": usage.unused,
    }


def _last_told(host: str) -> dict[str, Any]:
    row = Host.objects.filter(pk=host).only("disk").first()
    said = row.disk if row else {}
    return {name: value for name, value in said.items() if name not in LIVE}
