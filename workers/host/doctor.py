"""
What is wrong with a machine or a running product, in words that a person can act on.

`list_findings` is a pure function over the facts that `workers.host.facts` probes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from workers.host.facts import CgroupLayout, Disk, Facts

LOW_BYTES = 2_000_000_000
FULL_BYTES = 200_000_000


class Severity(StrEnum):
    """How much a finding matters."""

    FATAL = "fatal"
    """The product cannot start or work like this."""

    WARNING = "warning"
    """It works, but not as well as it should, or not for long."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: what it is, and what to do about it."""

    code: str
    severity: Severity
    problem: str
    remedy: str

    @property
    def is_fatal(self) -> bool:
        """Whether the product cannot work like this."""
        return self.severity is Severity.FATAL


def list_findings(facts: Facts) -> list[Finding]:
    """Return everything that is wrong according to *facts*, the machine before the product."""
    return [
        *check_privileges(facts),
        *check_kernel(facts),
        *check_programs(facts),
        *check_disks(facts),
        *check_ledger(facts),
        *check_clock(facts),
        *check_address(facts),
        *check_secrets(facts),
        *check_processes(facts),
        *check_services(facts),
    ]


def list_obstacles_to_start(facts: Facts) -> list[Finding]:
    """Return what makes a start pointless; missing programs are not among it, `up` brings them."""
    checks = (check_privileges, check_kernel, check_disks, check_clock, check_address)
    findings = [finding for check in checks for finding in check(facts)]
    return [finding for finding in findings if finding.is_fatal]


def check_privileges(facts: Facts) -> Iterator[Finding]:
    """Say what this process may not do."""
    if not facts.is_root:
        yield _fatal("no-root", "We are not root.", "Repeat the command with sudo.")
    elif not facts.can_mount:
        yield _fatal(
            "no-mount",
            "Root may not mount here (CAP_SYS_ADMIN is missing).",
            "If this is itself a container, start it privileged.",
        )
    if facts.is_root and not facts.can_raise_limits:
        yield _warning(
            "no-sys-resource",
            "Resource limits cannot be raised over their hard limits (no CAP_SYS_RESOURCE).",
            "Nothing to do: a container that asks for more gets the hard limit, and a warning.",
        )


def check_kernel(facts: Facts) -> Iterator[Finding]:
    """Say what the kernel lacks."""
    if not facts.is_linux:
        yield _fatal("no-linux", "This is not Linux.", "Use a Linux machine, real or virtual.")
    elif not facts.has_overlay:
        yield _warning(
            "no-overlayfs",
            "The kernel has no overlayfs: every container gets a full copy of its image.",
            "Run: modprobe overlay",
        )
    if facts.cgroups is CgroupLayout.NONE:
        yield _fatal(
            "no-cgroups",
            "No control groups are mounted, so that no container can be limited or even started.",
            "Mount them: mount -t cgroup2 none /sys/fs/cgroup",
        )


def check_programs(facts: Facts) -> Iterator[Finding]:
    """Say which programs are missing, and whether those that are here can work together."""
    for name in facts.missing_packages:
        yield _fatal(
            "missing-program",
            f"The system package {name} is not installed.",
            f"Run ./shipshape up, which installs it, or: apt-get install {name}",
        )
    if facts.is_linux and not {"runc", "crun"} & facts.programs:
        yield _fatal("no-runtime", "Neither runc nor crun is here.", "Run: apt-get install runc")
    elif facts.cgroups is CgroupLayout.HYBRID and "runc" not in facts.programs:
        yield _fatal(
            "crun-on-hybrid",
            "Only crun is here, and it refuses this machine's mix of cgroup v1 and v2.",
            "Run: apt-get install runc",
        )
    if facts.python_closed_at:
        yield _fatal(
            "python-closed",
            f"Unprivileged users cannot run our Python: {facts.python_closed_at} is closed.",
            "Install the system's python3, remove .venv and repeat.",
        )


def check_disks(facts: Facts) -> Iterator[Finding]:
    """Say which of the directories have no room left."""
    for disk in facts.disks:
        if disk.free_bytes < FULL_BYTES:
            yield _fatal("disk-full", _room(disk), "Make room: clean up images, or grow the disk.")
        elif disk.free_bytes < LOW_BYTES:
            yield _warning("disk-low", _room(disk), "Clean up images soon, or grow the disk.")
        if disk.free_inodes is not None and disk.free_inodes < 1000:
            yield _fatal(
                "no-inodes",
                f"The disk of {disk.path} takes no more files ({disk.free_inodes} inodes free).",
                "Remove images or containers with many small files.",
            )


def check_ledger(facts: Facts) -> Iterator[Finding]:
    """Say whether the disk holds something that the ledger does not know of."""
    if facts.ledger is not None and not facts.ledger.adds_up:
        yield _warning(
            "ledger-differs",
            "The ledger and the file system do not say the same of what images and containers"
            f" take: they are {abs(facts.ledger.difference):.1%} apart.",
            "Look for the difference: ./shipshape engine disk --measure; ./shipshape engine check",
        )


def check_clock(facts: Facts) -> Iterator[Finding]:
    """Say whether the clock is plainly wrong."""
    if facts.now < facts.newest_source:
        yield _fatal(
            "clock-behind",
            "The clock is behind the age of our own files: certificates and times will be wrong.",
            "Set the clock, for example: timedatectl set-ntp true",
        )


def check_address(facts: Facts) -> Iterator[Finding]:
    """Say whether somebody else listens where we want to."""
    if facts.is_port_taken and not facts.is_up:
        yield _fatal(
            "port-taken",
            f"Something else listens on {facts.address}.",
            "Stop it (ss -ltnp tells what it is), or choose another: ./shipshape up --port 8081",
        )


def check_secrets(facts: Facts) -> Iterator[Finding]:
    """Say which secrets are no secrets."""
    for path in facts.exposed_secrets:
        yield _fatal(
            "secret-exposed",
            f"Others than its owner may read {path}.",
            f"Run: chmod 600 {path} (and make a new one if others were on this machine).",
        )


def check_processes(facts: Facts) -> Iterator[Finding]:
    """Say which processes do not run, naming the log that tells why."""
    if not facts.is_up:
        yield _warning("down", "The product is not running.", "Start it: ./shipshape up")
    for process in facts.processes:
        if not process.is_running:
            yield _fatal(
                f"{process.name}-not-running",
                f"The process {process.name} is {process.state.lower()}.",
                f"Its log tells why: {process.log}",
            )


def check_services(facts: Facts) -> Iterator[Finding]:
    """Say which part of a running product does not answer."""
    if not facts.is_up:
        return
    if facts.is_redis_answering is False:
        yield _fatal(
            "redis-unreachable",
            "Redis does not answer: no job starts, and pages do not change by themselves.",
            "Look at redis.log; then ./shipshape down and up again.",
        )
    if facts.is_web_healthy is False:
        yield _fatal(
            "web-unhealthy",
            f"The web process does not answer on {facts.address}, or says that it is not well.",
            "Look at web.log.",
        )
    if facts.is_migrated is False:
        yield _fatal(
            "not-migrated",
            "The database is not as this version of the product needs it.",
            "Run: ./shipshape down, then ./shipshape up",
        )


def _room(disk: Disk) -> str:
    megabytes = disk.free_bytes / 1e6
    return f"The disk of {disk.path} is nearly full: {megabytes:.0f} MB free."


def _fatal(code: str, problem: str, remedy: str) -> Finding:
    return Finding(code, Severity.FATAL, problem, remedy)


def _warning(code: str, problem: str, remedy: str) -> Finding:
    return Finding(code, Severity.WARNING, problem, remedy)
