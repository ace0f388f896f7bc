"""Making a race happen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

from django.db import connections

if TYPE_CHECKING:
    from collections.abc import Callable


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Do all *acts* at the same moment, each in its thread; return results and exceptions."""
    start = Barrier(len(acts))

    def run(act: Callable[[], object]) -> object:
        start.wait()
        try:
            return act()
        except Exception as error:  # noqa: BLE001 - what went wrong is a result of the race
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))
