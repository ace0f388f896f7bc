"""The row of a running job, as the place where its progress and its log are kept."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, connection

from dashboard.services import append_log, save_progress

if TYPE_CHECKING:
    from uuid import UUID

    from workers.progress import Line

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JobRow:
    """A `ProgressStore` over the row that *worker* holds."""

    job_id: UUID
    worker: str

    def save(self, progress: dict[str, Any] | None, lines: list[Line]) -> None:
        """Write down what is new and publish it; a database that is away costs only this news."""
        try:
            for step, printed in groupby(lines, key=lambda line: line.step):
                texts = [line.text for line in printed]
                append_log(self.job_id, worker=self.worker, lines=texts, step=step)
            if progress is not None:
                save_progress(self.job_id, worker=self.worker, progress=progress)
        except DatabaseError:
            log.warning("the progress of job %s could not be saved", self.job_id)

    def close(self) -> None:
        """Close the calling thread's database connection, which nobody else would."""
        connection.close()
