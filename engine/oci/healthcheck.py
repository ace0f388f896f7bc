"""
Healthchecks: how a container is asked whether it is well.

Docker's extension of the image config, which OCI readers pass over and keep.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.oci.fields import Fields

DISABLED = ("NONE",)
_TIMES = {
    "Interval": "interval",
    "Timeout": "timeout",
    "StartPeriod": "start_period",
    "StartInterval": "start_interval",
}


@dataclass(frozen=True, slots=True)
class Healthcheck:
    """
    One healthcheck; times are in nanoseconds, and 0 leaves them to whoever runs it.

    *test* begins with `CMD` or `CMD-SHELL`; `("NONE",)` switches off what a base image asks for,
    and an empty one leaves it as the base has it.
    """

    test: tuple[str, ...] = ()
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0

    @property
    def is_disabled(self) -> bool:
        """Whether nobody is to ask."""
        return self.test == DISABLED


def read_healthcheck(fields: Fields | None) -> Healthcheck | None:
    """Return the healthcheck that a config's field `Healthcheck` spells, None where it has none."""
    if fields is None:
        return None
    times = {name: fields.integer(key, 0) for key, name in _TIMES.items()}
    return Healthcheck(fields.texts("Test"), retries=fields.integer("Retries", 0), **times)


def write_healthcheck(healthcheck: Healthcheck | None) -> dict[str, Any]:
    """Return the field `Healthcheck` of a config; empty where there is nothing to say."""
    if healthcheck is None:
        return {}
    written: dict[str, Any] = {"Test": list(healthcheck.test)}
    written |= {key: getattr(healthcheck, name) for key, name in _TIMES.items()}
    written["Retries"] = healthcheck.retries
    return {key: value for key, value in written.items() if value}
