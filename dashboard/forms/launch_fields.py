"""The kinds of fields of the launch form, and which setting is of which kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms

from dashboard.forms import notation
from dashboard.forms.texts import (
    AmountField,
    LinesField,
    PairsField,
    WordsField,
    code_area,
    code_input,
)

if TYPE_CHECKING:
    from collections.abc import Callable

# Kinds of fields: what is typed is what is told, but for amounts and lines with parts.
TEXTS = (
    *("name", "working_dir", "user", "hostname", "domainname", "network", "stop_signal"),
    *("cpuset_cpus", "cpuset_mems", "cgroup_parent", "pid_mode", "ipc_mode", "uts_mode"),
    *("userns_mode", "cgroup_mode", "runtime"),
)
FLAGS = (
    *("auto_remove", "read_only", "publish_all", "tty", "open_stdin", "init", "privileged"),
    *("oom_kill_disable", "stdin_once"),
)
NUMBERS = (
    *("cpu_shares", "cpu_period", "cpu_quota", "pids_limit", "blkio_weight", "oom_score_adj"),
    *("memory_swappiness", "stop_timeout"),
)
AMOUNTS = {
    "memory": "memory_bytes",
    "memory_reservation": "memory_reservation",
    "shm_size": "shm_size",
    "writable_bytes": "writable_bytes",
}
WORDS = ("command", "entrypoint", "cap_add", "cap_drop", "group_add", "expose", "volumes_from")
LINES = (
    *("env", "dns", "dns_search", "dns_options", "extra_hosts", "security_opt"),
    "device_cgroup_rules",
)
PAIRS = ("labels", "annotations", "sysctls")
# Lists that are docker's where nothing is typed, and empty where `NO_PATHS` is.
PATHS = ("masked_paths", "readonly_paths")
NO_PATHS = "-"
UNLIMITED = -1
PARTS: dict[str, tuple[Callable[[str], Any], Callable[[dict[str, Any]], str]]] = {
    "publish": (notation.parse_ports, notation.render_port),
    "mounts": (notation.parse_mount, notation.render_mount),
    "tmpfs": (notation.parse_tmpfs, notation.render_mount),
    "ulimits": (notation.parse_ulimit, notation.render_ulimit),
    "devices": (notation.parse_device, notation.render_device),
    "endpoints": (notation.parse_endpoint, notation.render_endpoint),
    "device_read_bps": (notation.parse_rate, notation.render_rate),
    "device_write_bps": (notation.parse_rate, notation.render_rate),
    "device_read_iops": (notation.parse_count, notation.render_count),
    "device_write_iops": (notation.parse_count, notation.render_count),
    "blkio_weight_device": (notation.parse_weight, notation.render_weight),
}
HEALTH_TIMES = {
    "health_interval": "interval",
    "health_timeout": "timeout",
    "health_start_period": "start_period",
    "health_start_interval": "start_interval",
}


class PartsField(LinesField):
    """Lines in a notation, each one or several parts of a setting."""

    def __init__(self, parse: Callable[[str], Any], **kwargs: Any) -> None:
        super().__init__(required=False, max_length=65536, **kwargs)
        self._parse = parse

    def clean(self, value: object) -> list[dict[str, Any]]:  # type: ignore[override]
        """Return the parts."""
        parts: list[dict[str, Any]] = []
        for line in super().clean(value):
            found = self._parse(line)
            parts.extend(found if isinstance(found, list) else [found])
        return parts


class PathsField(LinesField):
    """Paths, one a line; None where nothing is typed, and none where `NO_PATHS` is."""

    def clean(self, value: object) -> list[str] | None:  # type: ignore[override]
        """Return the paths."""
        lines = super().clean(value)
        return [line for line in lines if line != NO_PATHS] if lines else None


class SwapField(AmountField):
    """A number of bytes, or -1 for as much as there is."""

    def clean(self, value: object) -> int | None:
        """Return the bytes, None where nothing was typed."""
        return UNLIMITED if str(value or "").strip() == str(UNLIMITED) else super().clean(value)


class DurationField(forms.CharField):
    """A time, `1m30s`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, max_length=32, widget=code_input("30s"), **kwargs)

    def clean(self, value: object) -> int:
        """Return the nanoseconds, 0 where nothing was typed."""
        return notation.parse_duration(super().clean(value).strip())


def text_field(label: str = "", placeholder: str = "", help_text: str = "") -> forms.CharField:
    """One line of text."""
    return forms.CharField(
        label=label or None,
        max_length=4096,
        required=False,
        widget=code_input(placeholder),
        help_text=help_text,
    )


def amount_field(label: str, placeholder: str = "no limit", help_text: str = "") -> AmountField:
    """Bytes, with a unit."""
    widget = code_input(placeholder)
    return AmountField(
        label=label, max_length=32, required=False, widget=widget, help_text=help_text
    )


def number_field(label: str, least: int, placeholder: str = "", help_text: str = "") -> Any:
    """A whole number, *least* or more."""
    return forms.IntegerField(
        label=label,
        min_value=least,
        required=False,
        widget=code_input(placeholder),
        help_text=help_text,
    )


def words_field(label: str = "", placeholder: str = "", help_text: str = "") -> WordsField:
    """Words on one line, as a shell takes them."""
    return WordsField(
        label=label or None,
        max_length=16384,
        required=False,
        widget=code_input(placeholder),
        help_text=help_text,
    )


def lines_field(
    label: str, placeholder: str = "", rows: int = 2, help_text: str = ""
) -> LinesField:
    """Lines of text."""
    return LinesField(
        label=label,
        max_length=65536,
        required=False,
        widget=code_area(rows, placeholder),
        help_text=help_text,
    )


def pairs_field(label: str, placeholder: str = "", help_text: str = "") -> PairsField:
    """Lines of NAME=VALUE."""
    return PairsField(
        label=label,
        max_length=65536,
        required=False,
        widget=code_area(2, placeholder),
        help_text=help_text,
    )


def parts_field(name: str, label: str, placeholder: str, help_text: str = "", rows: int = 2) -> Any:
    """Lines in the notation of the setting *name*."""
    widget = code_area(rows, placeholder)
    return PartsField(PARTS[name][0], label=label, widget=widget, help_text=help_text)


def paths_field(label: str, placeholder: str) -> PathsField:
    """Lines of paths, docker's own where it is empty."""
    return PathsField(
        label=label,
        max_length=65536,
        required=False,
        widget=code_area(1, placeholder),
        help_text=f"One a line. Empty: as docker has it; {NO_PATHS}: none.",
    )


def flag_field(label: str, help_text: str = "") -> forms.BooleanField:
    """Yes or no."""
    return forms.BooleanField(label=label, required=False, help_text=help_text)
