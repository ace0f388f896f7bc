"""How a body becomes the Celery task of its job's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workers.app import app
from workers.outcome import perform

if TYPE_CHECKING:
    from collections.abc import Callable

    from dashboard.jobs import JobName
    from workers.work import A, Outcome, Work


def job_task(
    name: JobName,
) -> Callable[[Callable[[Work[A]], Outcome]], Callable[[Work[A]], Outcome]]:
    """
    Return a decorator that registers a body as the task of *name* and gives the body back.

    A body may be run again after a crash at any line, so it describes what is true afterwards.
    """

    def register(body: Callable[[Work[A]], Outcome]) -> Callable[[Work[A]], Outcome]:
        @app.task(name=name.value)
        def run(*, job_id: str) -> None:
            perform(name, job_id, body)

        return body

    return register
