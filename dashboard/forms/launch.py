"""
Launching a container: every setting, in groups, as one types it.

A field is called as the setting it is for, unless `field_names` says otherwise. Lines are split as
a shell would, and nothing is run by one. The module is long because the settings are many; kinds
of fields stand in `launch_fields`.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms

from dashboard.forms.containers import NANO, RESTARTS
from dashboard.forms.hosts import HostForm
from dashboard.forms.launch_fields import (
    AMOUNTS,
    FLAGS,
    HEALTH_TIMES,
    LINES,
    NUMBERS,
    PAIRS,
    PARTS,
    PATHS,
    TEXTS,
    WORDS,
    DurationField,
    SwapField,
    amount_field,
    flag_field,
    lines_field,
    number_field,
    pairs_field,
    parts_field,
    paths_field,
    text_field,
    words_field,
)
from dashboard.forms.leases import LeaseField
from dashboard.forms.texts import (
    code_area,
    code_input,
)
from dashboard.forms.unsaid import UnsaidField, show_unsaid, with_unsaid
from engine.settings.lease import EXPIRES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from django.forms import BoundField


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
        widget=forms.TextInput(
            {"list": "known-images", "autofocus": True, **code_input("alpine:3.20").attrs}
        ),
        help_text="Its name or its ID. What is not on the host has to be pulled first.",
        error_messages={"required": "Choose an image."},
    )
    name = text_field("Name", "made up if left empty")
    command = words_field(
        placeholder="as the image says",
        help_text="Split at spaces as a shell does; quote what belongs together.",
    )
    auto_remove = flag_field("Remove at exit", "It and what it wrote go when its program ends.")
    lease = LeaseField()

    publish = parts_field(
        "publish", "Published ports", "8080:80", "Host port, then container port."
    )
    network = forms.CharField(
        max_length=255,
        required=False,
        widget=forms.TextInput({"list": "known-networks", **code_input("bridge").attrs}),
        help_text="A network's name, none, host, or container:NAME.",
    )
    publish_all = flag_field("Publish all exposed ports", "Each at a free port of the host.")
    expose = words_field("Expose", "80 8000-8010/udp")
    endpoints = parts_field(
        "endpoints", "Names and addresses in networks", "backend alias=db ip=10.89.4.7"
    )
    hostname = text_field("Hostname", help_text="Empty: its short ID.")
    domainname = text_field("Domain")
    dns = lines_field("Name servers", "10.0.0.2", 1)
    dns_search = lines_field("Search domains", "example.org", 1)
    dns_options = lines_field("Resolver options", "ndots:1", 1)
    extra_hosts = lines_field("Further hosts", "db:10.0.0.7", 1)

    mounts = parts_field(
        "mounts",
        "Volumes and directories",
        "orders-data:/var/lib/data\n/srv/web:/usr/share/web:ro",
        "A volume's name or a host's directory, then where it is mounted.",
    )
    tmpfs = parts_field("tmpfs", "In memory", "/run:size=64m,mode=1777")
    volumes_from = words_field("Mounts of", "other-container:ro", "Those of other containers too.")
    writable = forms.ChoiceField(
        label="Writable layer",
        choices=(("disk", "On disk"), ("memory", "In memory")),
        required=False,
        help_text="In memory: fast, capped, and gone when it stops.",
    )
    writable_bytes = amount_field("At most", "only in memory")
    read_only = flag_field("Read-only root", "Its program cannot change the image's files.")
    shm_size = amount_field("Shared memory", "64m")

    env = lines_field("Environment", "NAME=value", 3, "One per line; lines of an env file fit.")
    labels = pairs_field("Labels", "team=orders")
    annotations = pairs_field("Annotations")
    user = text_field("User", "as the image says", "Name or number, and :group.")
    group_add = words_field("Further groups", "video 1001")
    working_dir = text_field("Working directory", "as the image says")

    memory = amount_field("Memory", help_text="256m, 2g.")
    cpus = forms.DecimalField(
        label="CPUs",
        min_value=Decimal("0.01"),
        max_value=Decimal(4096),
        required=False,
        widget=code_input("no limit"),
        help_text="1.5 is one and a half.",
    )
    memory_reservation = amount_field("Memory kept for it", "none")
    memory_swap = SwapField(
        label="Memory and swap",
        max_length=32,
        required=False,
        widget=code_input("twice the memory"),
        help_text="-1: as much swap as there is.",
    )
    pids_limit = number_field("Processes at most", -1, "no limit")
    ulimits = parts_field("ulimits", "Ulimits", "nofile=1024:2048", rows=1)
    cpu_shares = number_field("CPU shares", 0, "1024")
    cpuset_cpus = text_field("Only these CPUs", "0-2,4")
    cpu_period = number_field("CPU period (µs)", 1000, "100000")
    cpu_quota = number_field("CPU quota (µs)", -1, "no limit")
    cpuset_mems = text_field("Only this memory", "0-1")
    blkio_weight = number_field("Disk weight", 10, "500")
    device_read_bps = parts_field("device_read_bps", "Read bytes a second", "/dev/sda:10m", rows=1)
    device_write_bps = parts_field(
        "device_write_bps", "Write bytes a second", "/dev/sda:10m", rows=1
    )
    device_read_iops = parts_field("device_read_iops", "Reads a second", "/dev/sda:1000", rows=1)
    device_write_iops = parts_field("device_write_iops", "Writes a second", "/dev/sda:1000", rows=1)
    blkio_weight_device = parts_field(
        "blkio_weight_device", "Weight of one disk", "/dev/sda:500", rows=1
    )
    memory_swappiness = number_field("Swappiness", 0, "as the host")
    oom_score_adj = number_field("Out-of-memory score", -1000, "0")
    oom_kill_disable = flag_field("Never kill for memory", "It waits instead. Give it a limit too.")

    cap_add = words_field("Add capabilities", "NET_ADMIN SYS_PTRACE")
    cap_drop = words_field("Drop capabilities", "ALL")
    security_opt = lines_field("Options", "no-new-privileges", 2, "seccomp=unconfined, and so on.")
    sysctls = pairs_field("Sysctls", "net.core.somaxconn=1024")
    devices = parts_field("devices", "Devices", "/dev/fuse")
    device_cgroup_rules = lines_field("Device rules", "c 10:229 rwm")
    masked_paths = paths_field("Hidden paths", "/proc/kcore")
    readonly_paths = paths_field("Read-only paths", "/proc/sys")
    privileged = flag_field("Privileged", "It may do to the host whatever root may. Mind it.")

    restart = forms.ChoiceField(label="Start it again", choices=RESTARTS, required=False)
    max_retries = number_field("At most so often", 0, "no limit", "Only when it fails.")
    stop_signal = text_field("Stop signal", "SIGTERM")
    stop_timeout = number_field("Seconds to stop", -1, "10", "Then it is killed.")
    health = forms.ChoiceField(
        label="Health check",
        choices=(("", "As the image says"), ("own", "This command"), ("none", "None")),
        required=False,
    )
    health_command = text_field("Command", "wget -q -O- localhost", "A line for its shell.")
    health_interval = DurationField(label="Every")
    health_timeout = DurationField(label="Fails after")
    health_retries = number_field("Unhealthy after failures", 0, "3")
    health_start_period = DurationField(label="Not counted at first")
    health_start_interval = DurationField(label="Every, at first")
    log_driver = forms.ChoiceField(
        label="Log",
        choices=(("json-file", "Kept, rotated"), ("none", "Not kept")),
        required=False,
    )
    log_max_size = amount_field("Log file at most", "10m")
    log_max_file = number_field("Log files at most", 1, "3")
    init = flag_field("A small init first", "It passes signals on and reaps what is orphaned.")

    entrypoint = words_field("Entrypoint", "as the image says")
    tty = flag_field("Terminal", "Its program gets one (-t).")
    open_stdin = flag_field("Keep input open", "Even while nobody is attached (-i).")
    stdin_once = flag_field("End input with the first", "Its input ends when who gave it leaves.")
    pid_mode = text_field("Processes", "private", "host or container:NAME.")
    ipc_mode = text_field("IPC", "private", "host, shareable, none or container:NAME.")
    uts_mode = text_field("UTS", "private", "host.")
    userns_mode = text_field("User namespace", "host")
    cgroup_mode = text_field("Cgroup namespace", "private", "host or private.")
    cgroup_parent = text_field("Cgroup parent")
    runtime = text_field("Runtime", "the host's")

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
        settings = with_unsaid(self.said(), self.cleaned_data["unsaid"])
        until = self.cleaned_data["lease"]
        if until:
            labels = {**settings.get("labels", {}), EXPIRES: until.isoformat(timespec="seconds")}
            settings = {**settings, "labels": labels}
        return {"settings": settings}

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
