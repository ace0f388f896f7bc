"""Restarting, stopping, health and logs, as flags say them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.errors import InvalidSetting
from engine.oci.healthcheck import DISABLED, Healthcheck
from engine.settings.docker_run.amounts import (
    parse_bytes,
    parse_duration,
    parse_number,
    parse_pairs,
)
from engine.settings.lifetime import LogSettings, RestartPolicy

if TYPE_CHECKING:
    from engine.settings.docker_run.flags import Given

_TIMES = {
    "interval": "health-interval",
    "timeout": "health-timeout",
    "start_period": "health-start-period",
    "start_interval": "health-start-interval",
}


def read_lifetime(given: Given) -> dict[str, Any]:
    """Return how a line wants its container to end and to go on."""
    stop_timeout = given.last("stop-timeout")
    return {
        "auto_remove": given.is_on("rm"),
        "stop_signal": given.last("stop-signal"),
        "stop_timeout": parse_number("stop_timeout", stop_timeout) if stop_timeout else None,
        "restart": read_policy(given.last("restart", "no")),
        "healthcheck": _health(given),
        "log": _log(given),
    }


def read_policy(text: str) -> RestartPolicy:
    """Return the policy of `--restart NAME[:RETRIES]`."""
    name, colon, retries = text.partition(":")
    if colon and name != "on-failure":
        raise InvalidSetting(
            "restart",
            f"invalid restart policy: maximum retry count cannot be used with '{name[:40]}'",
        )
    return RestartPolicy(name or "no", parse_number("restart", retries) if colon else 0)


def _health(given: Given) -> Healthcheck | None:
    times = {
        name: parse_duration("healthcheck", given.last(flag))
        for name, flag in _TIMES.items()
        if given.has(flag)
    }
    retries = given.last("health-retries")
    has_any = bool(times or retries or given.has("health-cmd"))
    if given.is_on("no-healthcheck"):
        if has_any:
            raise InvalidSetting(
                "healthcheck", "--no-healthcheck conflicts with --health-* options"
            )
        return Healthcheck(DISABLED)
    if not has_any:
        return None
    command = given.last("health-cmd")
    return Healthcheck(
        ("CMD-SHELL", command) if command else (),
        retries=parse_number("healthcheck", retries) if retries else 0,
        **times,
    )


def _log(given: Given) -> LogSettings:
    options = parse_pairs("log", given.all("log-opt"), needs_value=True)
    for name in options:
        if name not in {"max-size", "max-file"}:
            raise InvalidSetting(
                "log",
                f"unknown log opt '{name[:40]}' for json-file log driver",
                remedy="There are max-size and max-file.",
            )
    return LogSettings(
        driver=given.last("log-driver", "json-file") or "json-file",
        max_size=parse_bytes("log", options["max-size"]) if "max-size" in options else 0,
        max_file=parse_number("log", options["max-file"]) if "max-file" in options else 0,
    )
