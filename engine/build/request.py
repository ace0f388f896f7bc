"""What a build is asked for, as one frozen value that is checked before anything is done."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from engine.errors import InvalidSetting
from engine.oci.platform import best_match, host_platform

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from engine.oci.platform import Platform
    from engine.oci.reference import Reference
    from engine.settings import Ulimit

NOTHING: Mapping[str, str] = MappingProxyType({})
NETWORKS = frozenset({"default", "bridge", "none", "host"})
MAX_SECRET = 500 * 1024
MAX_NAMES = 1000
# Of an image that is the state before a step that failed.
FAILED_LABEL = "io.shipshape.failed-build"

_ARGUMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Limits:
    """What each RUN may use; 0 means no limit."""

    memory_bytes: int = 0
    memory_swap: int = 0
    cpu_shares: int = 0
    cpu_period: int = 0
    cpu_quota: int = 0
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    shm_size: int = 0
    ulimits: tuple[Ulimit, ...] = ()


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """
    Options of one build.

    *dockerfile* is a path in the context. *arguments* are build arguments; *tags* name the image
    that comes out. *target* is the name or number of a stage, empty for the last. *secrets* are the
    contents by ID, kept from logs, cache and image. *cache_from* are images whose steps may be
    taken as cache. *epoch*, in seconds, is `SOURCE_DATE_EPOCH`. With *keep_failed*, the state
    before a step that fails stays as an image without a tag. Unless it *may_use_host_network*, a
    RUN that asks for it is refused.
    """

    dockerfile: str = "Dockerfile"
    arguments: Mapping[str, str] = field(default_factory=lambda: NOTHING, hash=False)
    labels: Mapping[str, str] = field(default_factory=lambda: NOTHING, hash=False)
    tags: tuple[Reference, ...] = ()
    target: str = ""
    use_cache: bool = True
    always_pull: bool = False
    network: str = "default"
    platform: Platform | None = None
    secrets: Mapping[str, bytes] = field(default_factory=dict, hash=False, repr=False)
    ssh_socket: Path | None = None
    cache_from: tuple[Reference, ...] = ()
    extra_hosts: tuple[str, ...] = ()
    limits: Limits = Limits()
    squash: bool = False
    epoch: int | None = None
    keep_failed: bool = False
    may_use_host_network: bool = True

    def __post_init__(self) -> None:
        _check_names(self)
        _check_modes(self)
        _check_secrets(self)

    @property
    def source_date_epoch(self) -> int | None:
        """The moment that everything made is dated with, if the build is to be reproducible."""
        told = self.arguments.get("SOURCE_DATE_EPOCH", "")
        return int(told) if told.isdecimal() else self.epoch


def _check_names(request: BuildRequest) -> None:
    for name in request.arguments:
        if not _ARGUMENT.fullmatch(name):
            raise InvalidSetting("build-arg", f"{name[:60]!r} is no name of an argument")
    if max(len(request.arguments), len(request.labels), len(request.tags)) > MAX_NAMES:
        raise InvalidSetting("build-arg", f"there are more than {MAX_NAMES} of a kind")
    if "" in request.labels:
        raise InvalidSetting("label", "a label needs a name")
    for tag in request.tags:
        if tag.digest is not None or tag.tag is None:
            raise InvalidSetting("tag", f"{tag} cannot be given to an image", remedy="Use name:tag")


def _check_modes(request: BuildRequest) -> None:
    if request.squash:
        raise InvalidSetting(
            "squash",
            "--squash is not supported",
            remedy="Use several stages, and copy what you need into the last.",
        )
    network = request.network
    if network not in NETWORKS and not network.startswith("container:"):
        _check_network_name(network)
    host = host_platform()
    if request.platform is not None and best_match(request.platform, [host]) is None:
        raise InvalidSetting(
            "platform",
            f"this host builds for {host}, not for {request.platform}",
            remedy="Build on a host of that platform.",
        )


def _check_network_name(network: str) -> None:
    if not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}", network):
        raise InvalidSetting("network", f"{network[:60]!r} is no network")


def _check_secrets(request: BuildRequest) -> None:
    for name, content in request.secrets.items():
        if not name or len(content) > MAX_SECRET:
            raise InvalidSetting("secret", f"{name[:60]!r} is larger than {MAX_SECRET // 1024} KiB")
