"""Work in several threads of which the first failure stops the rest."""

from __future__ import annotations

import time
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from typing import TYPE_CHECKING, TypeVar

from engine.progress import Cancellation, Cancelled

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")
SLICE_SECONDS = 0.1


class JointCancellation(Cancellation):
    """A request to stop that is given by us, or by *outer*."""

    def __init__(self, outer: Cancellation) -> None:
        super().__init__()
        self._outer = outer

    @property
    def is_cancelled(self) -> bool:
        """Whether either asked to stop."""
        return super().is_cancelled or self._outer.is_cancelled

    def check(self) -> None:
        """Raise `Cancelled` if either asked to stop."""
        if self.is_cancelled:
            raise Cancelled

    def wait(self, seconds: float) -> None:
        """Pass the time, at most *seconds*; raise `Cancelled` soon after either asks for it."""
        deadline = time.monotonic() + seconds
        while (remaining := deadline - time.monotonic()) > 0:
            self._outer.check()
            super().wait(min(remaining, SLICE_SECONDS))
        self.check()


def results_of(futures: Sequence[Future[T]], *, cancellation: JointCancellation) -> list[T]:
    """
    Return the results in the order of *futures*.

    If one of them fails the others are cancelled and waited for, and its error is raised.
    """
    done, pending = wait(futures, return_when=FIRST_EXCEPTION)
    if pending:
        cancellation.cancel()
        for future in pending:
            future.cancel()
        wait(pending)
    failures = [future.exception() for future in done if future.exception() is not None]
    # Who was only told to stop does not know why.
    causes = [each for each in failures if not isinstance(each, Cancelled)] or failures
    if causes and causes[0] is not None:
        raise causes[0]
    return [future.result() for future in futures]
