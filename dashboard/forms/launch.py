"""
Launching a container: every setting, in groups, as one types it.

A field is called as the setting it is for, unless `field_names` says otherwise. Lines are split as
a shell would, and nothing is run by one.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms

from dashboard.forms import notation
from dashboard.forms.containers import NANO, RESTARTS
from dashboard.forms.hosts import HostForm
from dashboard.forms.texts import (
    AmountField,
    LinesField,
    PairsField,
    WordsField,
    code_area,
    code_input,
)
from dashboard.forms.unsaid import UnsaidField, show_unsaid, with_unsaid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from django.forms import BoundField

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


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that belong together; folded unless one of them says something."""

    title: str
    rows: tuple[tuple[BoundField, ...], ...]

    @property
    def said(self) -> int:
        """How many of its fields were filled in."""
        return sum(_says_something(field) for row in self.rows for field in row)

    @property
    def has_errors(self) -> bool:
        """Whether one of its fields was refused."""
        return any(field.errors for row in self.rows for field in row)


def _text(label: str = "", placeholder: str = "", help_text: str = "") -> forms.CharField:
    return forms.CharField(
        label=label or None,
        max_length=4096,
        required=False,
        widget=code_input(placeholder),
        help_text=help_text,
    )


def _amount(label: str, placeholder: str = "no limit", help_text: str = "") -> AmountField:
    widget = code_input(placeholder)
    return AmountField(
        label=label, max_length=32, required=False, widget=widget, help_text=help_text
    )


def _number(label: str, least: int, placeholder: str = "", help_text: str = "") -> Any:
    return forms.IntegerField(
        label=label,
        min_value=least,
        required=False,
        widget=code_input(placeholder),
        help_text=help_text,
    )


def _words(label: str = "", placeholder: str = "", help_text: str = "") -> WordsField:
    return WordsField(
        label=label or None,
        max_length=16384,
        required=False,
        widget=code_input(placeholder),
        help_text=help_text,
    )


def _lines(label: str, placeholder: str = "", rows: int = 2, help_text: str = "") -> LinesField:
    return LinesField(
        label=label,
        max_length=65536,
        required=False,
        widget=code_area(rows, placeholder),
        help_text=help_text,
    )


def _pairs(label: str, placeholder: str = "", help_text: str = "") -> PairsField:
    return PairsField(
        label=label,
        max_length=65536,
        required=False,
        widget=code_area(2, placeholder),
        help_text=help_text,
    )


def _parts(name: str, label: str, placeholder: str, help_text: str = "", rows: int = 2) -> Any:
    widget = code_area(rows, placeholder)
    return PartsField(PARTS[name][0], label=label, widget=widget, help_text=help_text)


def _paths(label: str, placeholder: str) -> PathsField:
    return PathsField(
        label=label,
        max_length=65536,
        required=False,
        widget=code_area(1, placeholder),
        help_text=f"One a line. Empty: as docker has it; {NO_PATHS}: none.",
    )


def _flag(label: str, help_text: str = "") -> forms.BooleanField:
    return forms.BooleanField(label=label, required=False, help_text=help_text)


class LaunchForm(HostForm):
    """What a container is to be."""

    field_names: ClassVar[dict[str, str]] = {
        **{setting: name for name, setting in AMOUNTS.items()},
        "nano_cpus": "cpus",
        "healthcheck": "health_command",
        "log": "log_max_size",
    }
    groups_of: ClassVar[tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]] = (
        (
            "Network and ports",
            (
                ("publish", "network"),
                ("publish_all", "expose"),
                ("endpoints",),
                ("hostname", "domainname"),
                ("dns", "dns_search"),
                ("extra_hosts", "dns_options"),
            ),
        ),
        (
            "Storage",
            (
                ("mounts",),
                ("tmpfs", "volumes_from"),
                ("writable", "writable_bytes"),
                ("read_only", "shm_size"),
            ),
        ),
        (
            "Environment and labels",
            (("env",), ("labels", "annotations"), ("user", "group_add"), ("working_dir",)),
        ),
        (
            "Limits",
            (
                ("memory", "cpus"),
                ("memory_reservation", "memory_swap"),
                ("pids_limit", "ulimits"),
                ("cpu_shares", "cpuset_cpus"),
                ("cpu_period", "cpu_quota"),
                ("cpuset_mems", "blkio_weight"),
                ("device_read_bps", "device_write_bps"),
                ("device_read_iops", "device_write_iops"),
                ("blkio_weight_device",),
                ("memory_swappiness", "oom_score_adj"),
                ("oom_kill_disable",),
            ),
        ),
        (
            "Security",
            (
                ("cap_add", "cap_drop"),
                ("security_opt", "sysctls"),
                ("devices", "device_cgroup_rules"),
                ("masked_paths", "readonly_paths"),
                ("privileged",),
            ),
        ),
        (
            "Lifecycle and health",
            (
                ("restart", "max_retries"),
                ("stop_signal", "stop_timeout"),
                ("health", "health_command"),
                ("health_interval", "health_timeout"),
                ("health_retries", "health_start_period"),
                ("health_start_interval",),
                ("log_max_size", "log_max_file"),
                ("log_driver", "init"),
            ),
        ),
        (
            "Advanced",
            (
                ("entrypoint",),
                ("tty", "open_stdin"),
                ("stdin_once",),
                ("pid_mode", "ipc_mode"),
                ("uts_mode", "userns_mode"),
                ("cgroup_mode", "cgroup_parent"),
                ("runtime",),
            ),
        ),
    )

    request_key = forms.CharField(
        max_length=64, required=False, widget=forms.HiddenInput, initial=lambda: uuid.uuid4().hex
    )
    unsaid = UnsaidField()
    line = forms.CharField(
        label="A docker run line",
        max_length=65536,
        required=False,
        widget=code_area(3, "docker run -d -p 8080:80 --name web nginx:1.27"),
        help_text="It fills the form; nothing is launched before you say so.",
    )
    image = forms.CharField(
        max_length=1024,
        widget=forms.TextInput({"list": "known-images", **code_input("alpine:3.20").attrs}),
        help_text="Its name or its ID. What is not on the host has to be pulled first.",
        error_messages={"required": "Choose an image."},
    )
    name = _text("Name", "made up if left empty")
    command = _words(
        placeholder="as the image says",
        help_text="Split at spaces as a shell does; quote what belongs together.",
    )
    auto_remove = _flag("Remove at exit", "It and what it wrote go when its program ends.")

    publish = _parts("publish", "Published ports", "8080:80", "Host port, then container port.")
    network = forms.CharField(
        max_length=255,
        required=False,
        widget=forms.TextInput({"list": "known-networks", **code_input("bridge").attrs}),
        help_text="A network's name, none, host, or container:NAME.",
    )
    publish_all = _flag("Publish all exposed ports", "Each at a free port of the host.")
    expose = _words("Expose", "80 8000-8010/udp")
    endpoints = _parts(
        "endpoints", "Names and addresses in networks", "backend alias=db ip=10.89.4.7"
    )
    hostname = _text("Hostname", help_text="Empty: its short ID.")
    domainname = _text("Domain")
    dns = _lines("Name servers", "10.0.0.2", 1)
    dns_search = _lines("Search domains", "example.org", 1)
    dns_options = _lines("Resolver options", "ndots:1", 1)
    extra_hosts = _lines("Further hosts", "db:10.0.0.7", 1)

    mounts = _parts(
        "mounts",
        "Volumes and directories",
        "orders-data:/var/lib/data\n/srv/web:/usr/share/web:ro",
        "A volume's name or a host's directory, then where it is mounted.",
    )
    tmpfs = _parts("tmpfs", "In memory", "/run:size=64m,mode=1777")
    volumes_from = _words("Mounts of", "other-container:ro", "Those of other containers too.")
    writable = forms.ChoiceField(
        label="Writable layer",
        choices=(("disk", "On disk"), ("memory", "In memory")),
        required=False,
        help_text="In memory: fast, capped, and gone when it stops.",
    )
    writable_bytes = _amount("At most", "only in memory")
    read_only = _flag("Read-only root", "Its program cannot change the image's files.")
    shm_size = _amount("Shared memory", "64m")

    env = _lines("Environment", "NAME=value", 3, "One per line; lines of an env file fit.")
    labels = _pairs("Labels", "team=orders")
    annotations = _pairs("Annotations")
    user = _text("User", "as the image says", "Name or number, and :group.")
    group_add = _words("Further groups", "video 1001")
    working_dir = _text("Working directory", "as the image says")

    memory = _amount("Memory", help_text="256m, 2g.")
    cpus = forms.DecimalField(
        label="CPUs",
        min_value=Decimal("0.01"),
        max_value=Decimal(4096),
        required=False,
        widget=code_input("no limit"),
        help_text="1.5 is one and a half.",
    )
    memory_reservation = _amount("Memory kept for it", "none")
    memory_swap = SwapField(
        label="Memory and swap",
        max_length=32,
        required=False,
        widget=code_input("twice the memory"),
        help_text="-1: as much swap as there is.",
    )
    pids_limit = _number("Processes at most", -1, "no limit")
    ulimits = _parts("ulimits", "Ulimits", "nofile=1024:2048", rows=1)
    cpu_shares = _number("CPU shares", 0, "1024")
    cpuset_cpus = _text("Only these CPUs", "0-2,4")
    cpu_period = _number("CPU period (µs)", 1000, "100000")
    cpu_quota = _number("CPU quota (µs)", -1, "no limit")
    cpuset_mems = _text("Only this memory", "0-1")
    blkio_weight = _number("Disk weight", 10, "500")
    device_read_bps = _parts("device_read_bps", "Read bytes a second", "/dev/sda:10m", rows=1)
    device_write_bps = _parts("device_write_bps", "Write bytes a second", "/dev/sda:10m", rows=1)
    device_read_iops = _parts("device_read_iops", "Reads a second", "/dev/sda:1000", rows=1)
    device_write_iops = _parts("device_write_iops", "Writes a second", "/dev/sda:1000", rows=1)
    blkio_weight_device = _parts(
        "blkio_weight_device", "Weight of one disk", "/dev/sda:500", rows=1
    )
    memory_swappiness = _number("Swappiness", 0, "as the host")
    oom_score_adj = _number("Out-of-memory score", -1000, "0")
    oom_kill_disable = _flag("Never kill for memory", "It waits instead. Give it a limit too.")

    cap_add = _words("Add capabilities", "NET_ADMIN SYS_PTRACE")
    cap_drop = _words("Drop capabilities", "ALL")
    security_opt = _lines("Options", "no-new-privileges", 2, "seccomp=unconfined, and so on.")
    sysctls = _pairs("Sysctls", "net.core.somaxconn=1024")
    devices = _parts("devices", "Devices", "/dev/fuse")
    device_cgroup_rules = _lines("Device rules", "c 10:229 rwm")
    masked_paths = _paths("Hidden paths", "/proc/kcore")
    readonly_paths = _paths("Read-only paths", "/proc/sys")
    privileged = _flag("Privileged", "It may do to the host whatever root may. Mind it.")

    restart = forms.ChoiceField(label="Start it again", choices=RESTARTS, required=False)
    max_retries = _number("At most so often", 0, "no limit", "Only when it fails.")
    stop_signal = _text("Stop signal", "SIGTERM")
    stop_timeout = _number("Seconds to stop", -1, "10", "Then it is killed.")
    health = forms.ChoiceField(
        label="Health check",
        choices=(("", "As the image says"), ("own", "This command"), ("none", "None")),
        required=False,
    )
    health_command = _text("Command", "wget -q -O- localhost", "A line for its shell.")
    health_interval = DurationField(label="Every")
    health_timeout = DurationField(label="Fails after")
    health_retries = _number("Unhealthy after failures", 0, "3")
    health_start_period = DurationField(label="Not counted at first")
    health_start_interval = DurationField(label="Every, at first")
    log_driver = forms.ChoiceField(
        label="Log",
        choices=(("json-file", "Kept, rotated"), ("none", "Not kept")),
        required=False,
    )
    log_max_size = _amount("Log file at most", "10m")
    log_max_file = _number("Log files at most", 1, "3")
    init = _flag("A small init first", "It passes signals on and reaps what is orphaned.")

    entrypoint = _words("Entrypoint", "as the image says")
    tty = _flag("Terminal", "Its program gets one (-t).")
    open_stdin = _flag("Keep input open", "Even while nobody is attached (-i).")
    stdin_once = _flag("End input with the first", "Its input ends when who gave it leaves.")
    pid_mode = _text("Processes", "private", "host or container:NAME.")
    ipc_mode = _text("IPC", "private", "host, shareable, none or container:NAME.")
    uts_mode = _text("UTS", "private", "host.")
    userns_mode = _text("User namespace", "host")
    cgroup_mode = _text("Cgroup namespace", "private", "host or private.")
    cgroup_parent = _text("Cgroup parent")
    runtime = _text("Runtime", "the host's")

    @property
    def groups(self) -> Iterator[Group]:
        """The fields beyond the basic ones, in groups."""
        for title, rows in self.groups_of:
            yield Group(title, tuple(tuple(self[name] for name in row) for row in rows))

    @property
    def also(self) -> list[tuple[str, str]]:
        """Settings that come along though no field can hold all of them, with their values."""
        return show_unsaid(self["unsaid"].value() or "")

    def show_only(self, name: str, words: str) -> None:
        """Keep what was typed, and say *words* at the field *name* and nothing elsewhere."""
        self.full_clean()
        self.errors.clear()
        self.add_error(name, words)

    def clean(self) -> dict[str, Any]:
        """Refuse what two fields say against each other."""
        told = super().clean() or self.cleaned_data
        if told.get("max_retries") and told.get("restart") != "on-failure":
            self.add_error("max_retries", "Only “when it fails” counts retries.")
        if told.get("health") == "own" and not told.get("health_command"):
            self.add_error("health_command", "Write the command that asks.")
        return told

    def arguments(self) -> dict[str, Any]:
        """Return what the job is told: only what was typed, and what came with it unsaid."""
        return {"settings": with_unsaid(self.said(), self.cleaned_data["unsaid"])}

    def said(self) -> dict[str, Any]:
        """Return the settings that the other fields say."""
        told = self.cleaned_data
        plain = (*TEXTS, *FLAGS, *NUMBERS, *WORDS, *LINES, *PAIRS)
        parts = [name for name in PARTS if name not in {"mounts", "tmpfs"}]
        settings = {
            "image": told["image"],
            **{name: told[name] for name in (*plain, *parts)},
            **{setting: told[name] for name, setting in AMOUNTS.items()},
            "memory_swap": told["memory_swap"],
            "mounts": [*told["mounts"], *told["tmpfs"]],
            "nano_cpus": int(told["cpus"] * NANO) if told["cpus"] else None,
            "restart": _restart(told),
            "healthcheck": _healthcheck(told),
            "log": _log(told),
            "writable": told["writable"] if told["writable"] == "memory" else None,
        }
        kept = {name: value for name, value in settings.items() if value or value == 0}
        paths = {name: told[name] for name in PATHS if told[name] is not None}
        return {**{name: value for name, value in kept.items() if value is not False}, **paths}


def _restart(told: Mapping[str, Any]) -> dict[str, Any] | None:
    if told["restart"] in {"", "no"}:
        return None
    return {"name": told["restart"], "max_retries": told["max_retries"] or 0}


def _healthcheck(told: Mapping[str, Any]) -> dict[str, Any] | None:
    times = {key: told[name] for name, key in HEALTH_TIMES.items() if told[name]}
    retries = {"retries": told["health_retries"]} if told["health_retries"] else {}
    if told["health"] == "none":
        return {"test": ["NONE"]}
    if told["health"] == "own":
        return {"test": ["CMD-SHELL", told["health_command"]], **times, **retries}
    return {**times, **retries} or None


def _log(told: Mapping[str, Any]) -> dict[str, Any] | None:
    log = {
        "driver": told["log_driver"] if told["log_driver"] == "none" else None,
        "max_size": told["log_max_size"],
        "max_file": told["log_max_file"],
    }
    return {name: value for name, value in log.items() if value} or None


def _says_something(field: BoundField) -> bool:
    value = field.value()
    return value not in (None, "", False, "no", "disk", "json-file", "bridge")
