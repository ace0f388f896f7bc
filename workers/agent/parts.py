"""
Parts that run for as long as the agent does.

A part is a name and a function that works until it is told to stop. The keeper gives each a thread,
gives back its database connection, and begins it again when it fails: a database or a Redis that is
away for a while is no reason to end.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from django.db import close_old_connections, connection

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

log = logging.getLogger(__name__)

Work: TypeAlias = "Callable[[threading.Event], None]"

PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)
CALM_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Part:
    """What is to be kept running; *run* returns soon after its argument is set."""

    name: str
    run: Work


@dataclass(frozen=True, slots=True)
class Round:
    """Something to do every *every* seconds, the first time after *first*."""

    every: float
    act: Callable[[], object]
    first: float = 0.0


class Keeper:
    """Keeps *parts* running."""

    def __init__(
        self, parts: Sequence[Part], *, stop: threading.Event, pauses: Sequence[float] = PAUSES
    ) -> None:
        self._stop = stop
        self._pauses = pauses
        self._threads = [
            threading.Thread(target=self._keep, args=(part,), name=part.name, daemon=True)
            for part in parts
        ]

    def start(self) -> None:
        """Begin every part."""
        for thread in self._threads:
            thread.start()

    def join(self, seconds: float) -> bool:
        """Wait until every part has returned; False if one is not done after *seconds*."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _keep(self, part: Part) -> None:
        failures = 0
        while not self._stop.is_set():
            began = time.monotonic()
            self._run(part)
            failures = 0 if time.monotonic() - began > CALM_SECONDS else failures + 1
            self._stop.wait(self._pauses[min(failures, len(self._pauses)) - 1])

    def _run(self, part: Part) -> None:
        # The entry of a part is as far as an error gets: it is written down, and the part goes on.
        try:
            part.run(self._stop)
        except Exception:
            log.exception("the agent's %s failed and is begun again", part.name)
        finally:
            connection.close()


def rounds(*of: Round) -> Work:
    """
    Return what does each of *of* in its own rhythm, one after the other, in one thread.

    One that fails is due again only after its time, so that it does not keep the others waiting.
    """
    began = time.monotonic()
    due = [began + each.first for each in of]

    def run(stop: threading.Event) -> None:
        while not stop.is_set():
            for index, each in enumerate(of):
                if time.monotonic() >= due[index]:
                    due[index] = time.monotonic() + each.every
                    each.act()
            close_old_connections()
            stop.wait(max(0.01, min(due) - time.monotonic()))

    return run
