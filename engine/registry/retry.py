"""When to ask a registry again, and how long to wait before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from engine.errors import RateLimited, RegistryError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.progress import Cancellation

T = TypeVar("T")
PASSING = frozenset({500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Patience:
    """
    How often to try, and how long to wait in between: twice as long each time.

    A registry that asks for a longer wait than *longest_wait* is not waited for: who asked for the
    pull is told, instead of a worker being kept.
    """

    attempts: int = 3
    first_wait: float = 0.4
    longest_wait: float = 8.0

    def pause_after(self, error: Unavailable, *, failures: int) -> float | None:
        """Return how long to wait after the failure number *failures*, or None to give up."""
        if failures >= self.attempts:
            return None
        if isinstance(error, RegistryError) and error.status not in PASSING:
            return None
        if isinstance(error, RateLimited | RegistryError) and error.retry_after is not None:
            return error.retry_after if error.retry_after <= self.longest_wait else None
        return min(self.first_wait * 2.0 ** (failures - 1), self.longest_wait)


LEAST_PROGRESS = 64 * 1024


class Setbacks:
    """
    Counts the failures in a row of something long that goes on where it broke.

    Only who got on by a good piece since the last failure begins to count anew: a registry that
    breaks off after every byte is given up.
    """

    def __init__(self) -> None:
        self._count = 0
        self._last = 0

    def note(self, offset: int) -> int:
        """Note a failure at *offset*, and return how many there were in a row."""
        got_on = offset - self._last >= LEAST_PROGRESS
        self._count = 1 if got_on else self._count + 1
        self._last = offset
        return self._count


def wait_after(
    error: Unavailable, *, failures: int, patience: Patience, cancellation: Cancellation
) -> None:
    """Wait until it is time to try again; raise *error* if it is not worth it."""
    pause = patience.pause_after(error, failures=failures)
    if pause is None:
        raise error
    cancellation.wait(pause)


def retried(call: Callable[[], T], *, patience: Patience, cancellation: Cancellation) -> T:
    """Return what *call* returns, trying again after what may pass; raises its last error."""
    failures = 0
    while True:
        cancellation.check()
        try:
            return call()
        except Unavailable as error:
            failures += 1
            wait_after(error, failures=failures, patience=patience, cancellation=cancellation)
