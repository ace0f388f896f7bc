"""
The programs of the operating system that the product stands on, installed where they are missing.

Only Debian's package manager is driven. A service that a package brings along is not started and
not enabled by us: we run our own, privately.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from workers.host.abilities import find_postgres_directory
from workers.host.console import say
from workers.host.errors import HostError
from workers.host.programs import find_program, run_program

POLICY = Path("/usr/sbin/policy-rc.d")
POLICY_TEXT = "#!/bin/sh\n# Written by shipshape while it installs packages.\nexit 101\n"
DPKG_RECORDS = Path("/var/lib/dpkg/info")
SYSTEMD = Path("/run/systemd/system")
LISTS = Path("/var/lib/apt/lists")


@dataclass(frozen=True)
class Package:
    """A Debian package, the program that shows it is there, and why we want it."""

    name: str
    why: str
    program: str = ""
    service: str = ""


RUNTIME = (
    Package("runc", "starts containers in their namespaces", program="runc"),
    Package("conmon", "holds a container's output and exit code", program="conmon"),
    Package("tini", "is the first process of containers with --init", program="tini-static"),
    Package("nftables", "publishes ports of containers and keeps networks apart", program="nft"),
    Package("aardvark-dns", "answers containers' questions for each other's names"),
    Package("busybox-static", "is what the offline starter image is made of"),
    Package(
        "redis-server",
        "carries jobs and live updates (run privately)",
        program="redis-server",
        service="redis-server",
    ),
)

TESTING = (
    Package(
        "docker-registry",
        "is the registry that tests pull from",
        program="docker-registry",
        service="docker-registry",
    ),
    Package("skopeo", "puts foreign images into it", program="skopeo"),
    Package("buildah", "makes images that we did not write", program="buildah"),
    Package("umoci", "makes images that we did not write", program="umoci"),
    Package("ruby-docker-api", "is a client of the Docker API that is not docker's own"),
    # The one before needs it, and does not say so.
    Package("ruby-multi-json", "reads JSON for it"),
    Package("chromium", "is the browser of the browser tests", program="chromium"),
    Package(
        "postgresql",
        "is the other database that the dashboard runs on",
        program="initdb",
        service="postgresql",
    ),
)


def list_missing(
    wanted: Iterable[Package], *, is_there: Callable[[Package], bool] | None = None
) -> list[Package]:
    """Return those of *wanted* that this machine lacks, in the same order."""
    present = is_there or is_installed
    return [package for package in wanted if not present(package)]


def is_installed(package: Package) -> bool:
    """Return whether the package's program, or failing one its dpkg record, is on the machine."""
    if package.program == "initdb":
        return find_postgres_directory() is not None
    if package.program:
        return find_program(package.program) is not None
    return (DPKG_RECORDS / f"{package.name}.list").exists()


def ensure_packages(wanted: Sequence[Package]) -> None:
    """
    See to it that all of *wanted* are installed, saying which are new and why.

    Raises `HostError` where they are missing and this process may not install them.
    """
    missing = list_missing(wanted)
    if not missing:
        return
    _require_apt(missing)
    for package in missing:
        say(f"installing {package.name}: {package.why}")
    with held_services():
        _install([package.name for package in missing])
    _leave_disabled(missing)


def _require_apt(missing: Sequence[Package]) -> None:
    names = " ".join(package.name for package in missing)
    problem = f"These system packages are missing: {names}."
    if find_program("apt-get") is None:
        raise HostError(problem, remedy="Install them with your system's package manager.")
    if os.geteuid() != 0:
        raise HostError(problem, remedy=f"Run: sudo apt-get install {names}")


def _install(names: Sequence[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    apt = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300"]
    if not any(LISTS.glob("*_Packages*")):
        run_program([*apt, "update"], environment=environment)
    install = [*apt, "install", "--no-install-recommends", *names]
    try:
        run_program(install, environment=environment)
    except HostError:
        # Old lists name versions that the mirror no longer has.
        run_program([*apt, "update"], environment=environment)
        run_program(
            install, environment=environment, remedy="Install these packages by hand, then repeat."
        )


@contextmanager
def held_services(policy: Path = POLICY) -> Iterator[None]:
    """
    Keep package installation from starting services for the duration.

    A policy that the machine already has is obeyed and left alone; one of ours that an earlier
    run left behind when it was killed is taken over and removed.
    """
    is_foreign = policy.exists() and policy.read_text(errors="replace") != POLICY_TEXT
    if is_foreign:
        yield
        return
    policy.write_text(POLICY_TEXT)
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink(missing_ok=True)


def _leave_disabled(installed: Sequence[Package]) -> None:
    # Installing enables a service for the next boot, whatever the policy said about starting it.
    has_systemd = SYSTEMD.exists() and find_program("systemctl")
    for service in (package.service for package in installed if package.service):
        if has_systemd:
            run_program(["systemctl", "disable", "--now", "--quiet", service])
        elif find_program("update-rc.d"):
            run_program(["update-rc.d", service, "disable"])
