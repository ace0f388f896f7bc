"""What a container may use: memory, processors, processes, block devices, limits of a process."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.errors import InvalidSetting
from engine.settings.checks import check_absolute, check_count, check_range, check_text

MEGABYTE = 1024 * 1024
MINIMUM_MEMORY = 6 * MEGABYTE
NANO = 1_000_000_000
MINIMUM_NANO_CPUS = 10_000_000
MAX_PIDS = 4_194_304
MAX_SHARES = 262_144
PERIODS = (1_000, 1_000_000)
MINIMUM_QUOTA = 1_000
WEIGHTS = (10, 1000)
OOM_SCORES = (-1000, 1000)
LIMITS = (
    *("as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile"),
    *("nproc", "rss", "rtprio", "rttime", "sigpending", "stack"),
)
_PROCESSORS = re.compile(r"\d{1,4}(?:-\d{1,4})?(?:,\d{1,4}(?:-\d{1,4})?)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Ulimit:
    """A limit of a process, named as in getrlimit(2) without RLIMIT_; -1 is no limit."""

    name: str
    soft: int
    hard: int

    def __post_init__(self) -> None:
        if self.name not in LIMITS:
            raise InvalidSetting("ulimits", f"invalid ulimit type: {self.name[:40]}")
        for value in (self.soft, self.hard):
            check_range("ulimits", value, smallest=-1)
        if self.hard != -1 and (self.soft > self.hard or self.soft == -1):
            raise InvalidSetting(
                "ulimits",
                "ulimit soft limit must be less than or equal to hard limit: "
                f"{self.soft} > {self.hard}",
            )


@dataclass(frozen=True, slots=True)
class DeviceRate:
    """How much of a block device at *path* may be used in a second."""

    path: str
    rate: int

    def __post_init__(self) -> None:
        check_absolute("device_rates", self.path, "bad format for device path")
        check_range("device_rates", self.rate)


@dataclass(frozen=True, slots=True)
class DeviceWeight:
    """The share of a block device at *path*, relative to others."""

    path: str
    weight: int

    def __post_init__(self) -> None:
        check_absolute("blkio_weight_device", self.path, "bad format for device path")
        check_weight("blkio_weight_device", self.weight)


@dataclass(frozen=True, kw_only=True)
class Resources:
    """
    The limits of a container; 0 or nothing leaves it to the kernel.

    *memory_swap* is memory and swap together, -1 for as much swap as there is; *nano_cpus* are
    billionths of a processor; *pids_limit* of -1 says in so many words that there is none.
    """

    memory_bytes: int = 0
    memory_reservation: int = 0
    memory_swap: int = 0
    memory_swappiness: int | None = None
    oom_kill_disable: bool = False
    oom_score_adj: int = 0
    nano_cpus: int = 0
    cpu_shares: int = 0
    cpu_period: int = 0
    cpu_quota: int = 0
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    pids_limit: int = 0
    blkio_weight: int = 0
    blkio_weight_device: tuple[DeviceWeight, ...] = ()
    device_read_bps: tuple[DeviceRate, ...] = ()
    device_write_bps: tuple[DeviceRate, ...] = ()
    device_read_iops: tuple[DeviceRate, ...] = ()
    device_write_iops: tuple[DeviceRate, ...] = ()
    ulimits: tuple[Ulimit, ...] = ()
    shm_size: int = 0
    cgroup_parent: str = ""

    def check_resources(self) -> None:
        """Raise `InvalidSetting` where one of these breaks a rule."""
        self._check_memory()
        self._check_swap()
        self._check_processors()
        self._check_others()

    def _check_memory(self) -> None:
        check_range("memory", self.memory_bytes)
        if 0 < self.memory_bytes < MINIMUM_MEMORY:
            raise InvalidSetting(
                "memory",
                "Minimum memory limit allowed is 6MB",
                remedy="Give it 6 MiB or more, or 0 for no limit.",
            )
        check_range("memory_reservation", self.memory_reservation)
        if 0 < self.memory_reservation < MINIMUM_MEMORY:
            raise InvalidSetting("memory_reservation", "Minimum memory reservation allowed is 6MB")
        if 0 < self.memory_bytes < self.memory_reservation:
            raise InvalidSetting(
                "memory_reservation",
                "Minimum memory limit can not be less than memory reservation limit, see usage",
            )

    def _check_swap(self) -> None:
        check_range("memory_swap", self.memory_swap, smallest=-1)
        if self.memory_swap > 0 and not self.memory_bytes:
            raise InvalidSetting(
                "memory_swap",
                "You should always set the Memory limit when using Memoryswap limit, see usage",
            )
        if 0 < self.memory_swap < self.memory_bytes:
            raise InvalidSetting(
                "memory_swap",
                "Minimum memoryswap limit should be larger than memory limit, see usage",
            )
        if self.memory_swappiness is not None and not 0 <= self.memory_swappiness <= 100:
            raise InvalidSetting(
                "memory_swappiness",
                f"Invalid value: {self.memory_swappiness}, valid memory swappiness range is 0-100",
            )

    def _check_processors(self) -> None:
        check_range("nano_cpus", max(0, self.nano_cpus))
        if self.nano_cpus and self.nano_cpus < MINIMUM_NANO_CPUS:
            raise InvalidSetting("nano_cpus", "Range of CPUs is from 0.01 upwards")
        if self.nano_cpus and (self.cpu_period or self.cpu_quota):
            raise InvalidSetting(
                "nano_cpus",
                "Conflicting options: Nano CPUs and CPU "
                f"{'Period' if self.cpu_period else 'Quota'} cannot both be set",
            )
        check_range("cpu_shares", self.cpu_shares, MAX_SHARES)
        if self.cpu_period and not PERIODS[0] <= self.cpu_period <= PERIODS[1]:
            raise InvalidSetting(
                "cpu_period",
                "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s "
                "(i.e. 1000000)",
            )
        if self.cpu_quota and self.cpu_quota != -1 and self.cpu_quota < MINIMUM_QUOTA:
            raise InvalidSetting("cpu_quota", "CPU cfs quota can not be less than 1ms (i.e. 1000)")
        check_processors("cpuset_cpus", self.cpuset_cpus)
        check_processors("cpuset_mems", self.cpuset_mems)

    def _check_others(self) -> None:
        check_range("pids_limit", self.pids_limit, MAX_PIDS, smallest=-1)
        if not OOM_SCORES[0] <= self.oom_score_adj <= OOM_SCORES[1]:
            raise InvalidSetting(
                "oom_score_adj",
                f"Invalid value {self.oom_score_adj}, range for oom score adj is [-1000, 1000]",
            )
        check_weight("blkio_weight", self.blkio_weight)
        check_range("shm_size", self.shm_size)
        for name in ("ulimits", "blkio_weight_device", *RATES):
            check_count(name, getattr(self, name))
        check_text("cgroup_parent", self.cgroup_parent)
        if ".." in self.cgroup_parent.split("/"):
            raise InvalidSetting("cgroup_parent", "must not lead upwards")


RATES = ("device_read_bps", "device_write_bps", "device_read_iops", "device_write_iops")


def check_weight(name: str, weight: int) -> None:
    """Raise `InvalidSetting` unless *weight* is one that the kernel knows, or 0 for none."""
    if weight and not WEIGHTS[0] <= weight <= WEIGHTS[1]:
        raise InvalidSetting(name, "Range of blkio weight is from 10 to 1000")


def check_processors(name: str, text: str) -> None:
    """Raise `InvalidSetting` unless *text* lists processors or memory nodes, as 0-3,5."""
    if text and (len(text) > 1024 or not _PROCESSORS.fullmatch(text)):
        value = text[:80]
        raise InvalidSetting(
            name,
            f"Invalid value {value} for {name.replace('_', ' ')}: invalid format: {value}",
            remedy="Write 0-3,5.",
        )
