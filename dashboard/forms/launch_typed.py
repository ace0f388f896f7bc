"""
What one would type into the launch form to get given settings.

Not everything can be typed: a label of a volume, a line break in a variable. What the fields would
lose goes along unsaid; see `dashboard.forms.unsaid`.
"""

from __future__ import annotations

import shlex
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dashboard.forms import notation
from dashboard.forms.containers import NANO
from dashboard.forms.launch import LaunchForm
from dashboard.forms.launch_fields import (
    AMOUNTS,
    FLAGS,
    HEALTH_TIMES,
    LINES,
    NO_PATHS,
    NUMBERS,
    PAIRS,
    PARTS,
    PATHS,
    TEXTS,
    UNLIMITED,
    WORDS,
)
from dashboard.forms.texts import render_amount
from dashboard.forms.unsaid import unsaid_of, write_unsaid
from dashboard.leases import render_lease
from engine.settings.lease import expiry_of, without_expiry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashboard.models import Container


def typed_settings(container: Container) -> dict[str, Any]:
    """Return what one would type to launch another container like *container*, without its name."""
    told = {**container.settings, "image": container.image_reference}
    return typed_launch(container.host_id, told)


def typed_launch(host: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what one would type to launch one with the settings *told* on *host*; no name."""
    labels = told.get("labels") or {}
    told = {**told, "labels": without_expiry(labels)}
    typed, wanted = _typed(told), {**told, "image": told.get("image") or "any"}
    form = LaunchForm({**_filled(typed), "image": wanted["image"]}, hosts=())
    for name in set(form.errors) & set(typed):
        # The field cannot hold it: then it says nothing.
        typed[name] = ""
    form = LaunchForm({**_filled(typed), "image": wanted["image"]}, hosts=())
    form.full_clean()
    unsaid = unsaid_of(wanted, form.said())
    lease = render_lease(expiry_of(labels))
    return {"host": host, **typed, "lease": lease, "unsaid": write_unsaid(unsaid)}


def _filled(typed: Mapping[str, Any]) -> dict[str, Any]:
    """Return *typed* as a browser would send it."""
    return {name: value for name, value in typed.items() if value not in {None, False}}


def _typed(told: Mapping[str, Any]) -> dict[str, Any]:
    cpus = told.get("nano_cpus")
    log, policy = told.get("log") or {}, told.get("restart") or {}
    mounts = list(told.get("mounts") or ())
    return {
        "image": told.get("image", ""),
        **{name: told.get(name) or "" for name in TEXTS if name != "name"},
        **{name: told.get(name) for name in (*FLAGS, *NUMBERS)},
        **{name: shlex.join(told.get(name) or ()) for name in WORDS},
        **{name: "\n".join(told.get(name) or ()) for name in LINES},
        **{name: _render_pairs(told.get(name) or {}) for name in PAIRS},
        **{name: _render_parts(name, told.get(name) or ()) for name in PARTS},
        **{name: _render_amount(told.get(setting)) for name, setting in AMOUNTS.items()},
        **{name: _render_paths(told.get(name)) for name in PATHS},
        "memory_swap": _render_swap(told.get("memory_swap")),
        "mounts": _render_parts("mounts", [each for each in mounts if each["kind"] != "tmpfs"]),
        "tmpfs": _render_parts("tmpfs", [each for each in mounts if each["kind"] == "tmpfs"]),
        "cpus": (Decimal(cpus) / NANO).normalize() if cpus else None,
        "restart": policy.get("name", "no"),
        "max_retries": policy.get("max_retries") or None,
        "writable": told.get("writable") or "disk",
        "log_driver": log.get("driver", "json-file"),
        "log_max_size": _render_amount(log.get("max_size")),
        "log_max_file": log.get("max_file") or None,
        **_typed_health(told.get("healthcheck") or {}),
    }


def _typed_health(check: Mapping[str, Any]) -> dict[str, Any]:
    test = list(check.get("test") or ())
    times = {
        name: notation.render_duration(check[key])
        for name, key in HEALTH_TIMES.items()
        if check.get(key)
    }
    if test[:1] == ["NONE"]:
        return {"health": "none"}
    words = test[1] if test[:1] == ["CMD-SHELL"] else shlex.join(test[1:])
    kind = {"health": "own", "health_command": words} if test else {}
    return {**kind, **times, "health_retries": check.get("retries") or None}


def _render_parts(name: str, parts: Any) -> str:
    return "\n".join(PARTS[name][1](part) for part in parts)


def _render_pairs(pairs: Mapping[str, str]) -> str:
    return "\n".join(f"{name}={value}" for name, value in pairs.items())


def _render_amount(size: int | None) -> str:
    return render_amount(size) if size else ""


def _render_swap(size: int | None) -> str:
    return str(size) if size == UNLIMITED else _render_amount(size)


def _render_paths(paths: list[str] | None) -> str:
    return "" if paths is None else "\n".join(paths) or NO_PATHS
