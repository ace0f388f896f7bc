"""The logs of containers, found by their records and rotated in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.containers.log_rotation import LogLimits, RotatedLog

if TYPE_CHECKING:
    from engine.containers.ports import Means
    from engine.containers.record import ContainerRecord


def log_of(means: Means, record: ContainerRecord) -> RotatedLog:
    """Return the log of a container."""
    bundle = means.bundles.locate(record.id)
    limits = LogLimits.of(record.settings.log)
    return RotatedLog(bundle.log, limits, control=bundle.control_pipe, locks=means.locks)


def tend_logs(means: Means) -> None:
    """Rotate the logs of running containers that have grown large; cheap when none has."""
    for record in means.store.list_running():
        log = log_of(means, record)
        if log.is_large:
            log.tend()
