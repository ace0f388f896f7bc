"""How a container lives on: its restart policy, its health check, its log."""

from __future__ import annotations

import enum
from collections.abc import Mapping  # noqa: TC003  (read with the annotations)
from dataclasses import dataclass, field

from engine.errors import InvalidSetting
from engine.oci.healthcheck import Healthcheck  # noqa: TC001  (read with the annotations)
from engine.settings.checks import NOTHING, check_mapping, check_range, check_texts
from engine.settings.signals import parse_signal

MAX_STOP_SECONDS = 2**31
MILLISECOND = 1_000_000
MAX_RETRIES = 2**31
MINIMUM_LOG = 4096
POLICIES = ("no", "always", "unless-stopped", "on-failure")
NO_LOG = "none"
LOG_DRIVERS = ("json-file", NO_LOG)


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """Whether a container is started again when it ends; *max_retries* of 0 means without end."""

    name: str = "no"
    max_retries: int = 0

    def __post_init__(self) -> None:
        if self.name not in POLICIES:
            remedy = f"Choose one of: {', '.join(POLICIES)}."
            raise InvalidSetting(
                "restart", f"invalid restart policy '{self.name[:80]}'", remedy=remedy
            )
        if self.max_retries < 0:
            raise InvalidSetting("restart", "maximum retry count cannot be negative")
        check_range("restart", self.max_retries, MAX_RETRIES)
        if self.max_retries and self.name != "on-failure":
            raise InvalidSetting(
                "restart", f"maximum retry count cannot be used with restart policy '{self.name}'"
            )

    @property
    def survives_reboot(self) -> bool:
        """Whether the container is started after the machine was."""
        return self.name in {"always", "unless-stopped"}


@dataclass(frozen=True, slots=True)
class LogSettings:
    """
    How much of what a container prints is kept; 0 stands for this engine's default.

    *options* are docker's others: which labels and variables stand beside each line, and such.
    """

    driver: str = "json-file"
    max_size: int = 0
    max_file: int = 0
    options: Mapping[str, str] = field(default_factory=lambda: NOTHING, hash=False)

    def __post_init__(self) -> None:
        if self.driver not in LOG_DRIVERS:
            name = self.driver[:80]
            raise InvalidSetting(
                "log",
                f'error looking up logging plugin {name}: plugin "{name}" not found',
                remedy=f"Choose one of: {', '.join(LOG_DRIVERS)}.",
            )
        check_mapping("log", self.options, entry="an option")
        check_range("log", self.max_size)
        check_range("log", self.max_file, 1000)
        if self.driver != NO_LOG and 0 < self.max_size < MINIMUM_LOG:
            raise InvalidSetting("log", f"max-size must be at least {MINIMUM_LOG} bytes")


class Writable(enum.StrEnum):
    """Where a writable layer is."""

    DISK = "disk"
    MEMORY = "memory"


@dataclass(frozen=True, kw_only=True)
class Lifetime:
    """The part of the settings that says how a container ends, goes on, and what it leaves."""

    auto_remove: bool = False
    stop_signal: str = ""
    stop_timeout: int | None = None
    restart: RestartPolicy = field(default=RestartPolicy())
    healthcheck: Healthcheck | None = None
    log: LogSettings = field(default=LogSettings())
    writable: Writable = Writable.DISK
    writable_bytes: int = 0

    def check_lifetime(self) -> None:
        """Raise `InvalidSetting` where one of these breaks a rule."""
        if self.stop_signal:
            parse_signal(self.stop_signal, field="stop_signal")
        if self.stop_timeout is not None:
            check_range("stop_timeout", self.stop_timeout, MAX_STOP_SECONDS, smallest=-1)
        if self.auto_remove and self.restart.name != "no":
            raise InvalidSetting(
                "restart", "can't create 'AutoRemove' container with restart policy"
            )
        if self.healthcheck is not None:
            check_health(self.healthcheck)
        check_range("writable_bytes", self.writable_bytes)
        if self.writable_bytes and self.writable is Writable.DISK:
            raise InvalidSetting(
                "writable_bytes", "only a writable layer in memory has a size", remedy="Leave it 0."
            )


def check_health(check: Healthcheck) -> None:
    """Raise `InvalidSetting` where the check cannot be made."""
    check_texts("healthcheck", check.test)
    if check.test and check.test[0] not in {"NONE", "CMD", "CMD-SHELL"}:
        raise InvalidSetting("healthcheck", f"unknown type {check.test[0][:40]!r} of a test")
    if check.test and check.test[0] != "NONE" and len(check.test) < 2:
        raise InvalidSetting("healthcheck", "the test has no command")
    check_range("healthcheck", check.retries, MAX_RETRIES)
    for name in ("interval", "timeout", "start_period", "start_interval"):
        _check_time(name, getattr(check, name))


def _check_time(name: str, value: int) -> None:
    check_range("healthcheck", value)
    if 0 < value < MILLISECOND:
        words = name.replace("_", " ").capitalize()
        raise InvalidSetting("healthcheck", f"{words} in Healthcheck cannot be less than 1ms")
