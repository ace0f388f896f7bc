"""
The health of a container: what its check says, and what follows from one more answer. Pure.

As docker has it: a container begins as `starting`; the first success makes it healthy, and as many
failures in a row as the check allows make it unhealthy, where failures of the start period do not
count.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from engine.oci.healthcheck import DISABLED, Healthcheck
from engine.oci.timestamps import from_nanoseconds, nanoseconds

if TYPE_CHECKING:
    from datetime import datetime

SECOND = 1_000_000_000
INTERVAL = TIMEOUT = 30 * SECOND
START_INTERVAL = 5 * SECOND
RETRIES = 3
KEPT = 5
OUTPUT_BYTES = 4096
TIMED_OUT = -1


class HealthStatus(enum.StrEnum):
    """What docker says of a container's health."""

    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class Probe:
    """One answer to a check; *exit_code* of 0 is good, -1 says that it took too long."""

    started_at: datetime
    finished_at: datetime
    exit_code: int
    output: str

    def to_json(self) -> list[int | str]:
        """Return a JSON array of the fields, times in nanoseconds."""
        times = (nanoseconds(self.started_at), nanoseconds(self.finished_at))
        return [*times, self.exit_code, self.output]


@dataclass(frozen=True, slots=True)
class Health:
    """How a container does, and the last answers that say so, the oldest first."""

    status: HealthStatus = HealthStatus.STARTING
    failing_streak: int = 0
    log: tuple[Probe, ...] = ()

    def after(self, probe: Probe, check: Healthcheck, *, started_at: datetime) -> Health:
        """Return the health once *probe* is known of a container that runs since *started_at*."""
        log = (*self.log, probe)[-KEPT:]
        if probe.exit_code == 0:
            return Health(HealthStatus.HEALTHY, 0, log)
        is_early = self.status is HealthStatus.STARTING and (
            probe.started_at < started_at + as_delta(check.start_period)
        )
        if is_early:
            return replace(self, log=log)
        streak = self.failing_streak + 1
        has_failed = streak >= check.retries
        return Health(HealthStatus.UNHEALTHY if has_failed else self.status, streak, log)

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Return what `to_json` wrote."""
        log = tuple(
            Probe(from_nanoseconds(start), from_nanoseconds(end), code, output)
            for start, end, code, output in value["log"]
        )
        return cls(HealthStatus(value["status"]), value["failing_streak"], log)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object from which `from_json` makes an equal value."""
        log = [each.to_json() for each in self.log]
        return {"status": self.status, "failing_streak": self.failing_streak, "log": log}


def effective_check(image: Healthcheck | None, own: Healthcheck | None) -> Healthcheck | None:
    """
    Return the check of a container whose settings say *own*, with docker's defaults filled in.

    What *own* leaves out comes from the *image*; None where there is nothing to ask.
    """
    image, own = image or Healthcheck(), own or Healthcheck()
    test = own.test or image.test
    if not test or test == DISABLED:
        return None
    return Healthcheck(
        test=test,
        interval=own.interval or image.interval or INTERVAL,
        timeout=own.timeout or image.timeout or TIMEOUT,
        start_period=own.start_period or image.start_period,
        start_interval=own.start_interval or image.start_interval or START_INTERVAL,
        retries=own.retries or image.retries or RETRIES,
    )


def check_words(check: Healthcheck) -> tuple[str, ...]:
    """Return what is to be run in the container."""
    kind, *words = check.test
    return ("/bin/sh", "-c", words[0]) if kind == "CMD-SHELL" else tuple(words)


def next_probe(health: Health, check: Healthcheck, *, started_at: datetime) -> datetime:
    """Return when to ask next a container that runs since *started_at*."""
    last = health.log[-1].finished_at if health.log else started_at
    last = max(last, started_at)
    is_early = health.status is HealthStatus.STARTING and (
        last < started_at + as_delta(check.start_period)
    )
    early = min(check.start_interval, check.interval)
    return last + as_delta(early if is_early else check.interval)


def as_delta(time: int) -> timedelta:
    """Return nanoseconds as a difference of times."""
    return timedelta(microseconds=time // 1000)
