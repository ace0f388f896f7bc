"""From the engine's events to the projection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import close_old_connections

from dashboard.models import Host
from workers.inventory import Inventory

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from engine.engine import Engine
    from engine.events import Event


# With these events of a container, somebody begins or ceases to have a volume.
VOLUME_USERS = frozenset({"create", "destroy"})


class Follower:
    """
    Projects what the events are about.

    An event only says what to look at; what is projected is the record as it is by then. So events
    that come in bursts are taken together, and one that is seen twice does no harm.
    """

    def __init__(self, engine: Engine, host: str) -> None:
        self._engine = engine
        self._host = host
        self._inventory = Inventory(engine, host)

    def run(self, stop: threading.Event) -> None:
        """Make the projection true, then keep it so until *stop* is set."""
        done = self._engine.events.last_sequence()
        self._inventory.sync_everything()
        self._remember(done)
        for event in self._engine.events.follow(done, is_stopped=stop.is_set):
            # The first of a burst brings all of it; the others are then behind us.
            if event.sequence > done:
                done = self.catch_up(done)
                close_old_connections()

    def catch_up(self, after: int) -> int:
        """Project what happened after the event *after*; return the newest event seen."""
        events = self._engine.events.list_since(after)
        if not events:
            return after
        self._project(events)
        self._remember(events[-1].sequence)
        return events[-1].sequence

    def _project(self, events: Sequence[Event]) -> None:
        if any(event.noun == "image" for event in events):
            self._inventory.project_images()
        nouns = {event.noun for event in events}
        if "network" in nouns:
            self._inventory.project_networks()
        if "volume" in nouns or any(event.action in VOLUME_USERS for event in events):
            self._inventory.project_volumes()
        self._inventory.project_containers(
            # A prune has no subject of its own; each that went has an event besides.
            event.subject
            for event in events
            if event.noun == "container" and event.subject
        )

    def _remember(self, sequence: int) -> None:
        Host.objects.filter(pk=self._host).update(engine_sequence=sequence)
