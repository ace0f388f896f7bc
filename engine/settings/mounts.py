"""What is mounted into a container besides its image."""

from __future__ import annotations

import enum
import posixpath
import re
from collections.abc import Mapping  # noqa: TC003  (read at run time, with the annotations)
from dataclasses import dataclass, field

from engine.errors import InvalidSetting
from engine.settings.checks import (
    NOTHING,
    check_choice,
    check_count,
    check_mapping,
    check_range,
    check_text,
    check_texts,
)

PROPAGATIONS = ("", "private", "rprivate", "shared", "rshared", "slave", "rslave")
_VOLUME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{1,254}", re.ASCII)


class MountKind(enum.StrEnum):
    """What stands behind a mount point."""

    BIND = "bind"
    VOLUME = "volume"
    TMPFS = "tmpfs"


@dataclass(frozen=True, slots=True)
class MountPoint:
    """
    One mount of a container at *target*.

    *source* is a directory or file of the host for a bind (made if *make_source*, as `-v`
    does), a volume's name for a volume, empty for an anonymous one. *size*, *mode* and
    *options* are for tmpfs; *no_copy* leaves a new volume empty, and of a volume only *subpath*
    is shown; *labels*, *driver* and *driver_options* are for a volume that has to be made.
    """

    kind: MountKind
    target: str
    source: str = ""
    read_only: bool = False
    propagation: str = ""
    no_copy: bool = False
    size: int = 0
    mode: int | None = None
    options: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=lambda: NOTHING, hash=False)
    driver: str = ""
    driver_options: Mapping[str, str] = field(default_factory=lambda: NOTHING, hash=False)
    make_source: bool = False
    subpath: str = ""

    def __post_init__(self) -> None:
        self._check_target()
        self._check_source()
        check_choice("mounts", self.propagation, PROPAGATIONS, "invalid propagation")
        if self.propagation and self.kind is not MountKind.BIND:
            raise self._refusal("only bind mounts have a propagation")
        self._check_subpath()
        check_range("mounts", self.size)
        if self.mode is not None:
            check_range("mounts", self.mode, 0o7777)
        check_texts("mounts", (*self.options, self.driver))
        check_mapping("mounts", self.labels, entry="a label")
        check_mapping("mounts", self.driver_options, entry="a driver option")

    @property
    def is_anonymous(self) -> bool:
        """Whether it is a volume that nobody named."""
        return self.kind is MountKind.VOLUME and not self.source

    def _check_target(self) -> None:
        check_text("mounts", self.target)
        if not self.target.startswith("/"):
            raise self._refusal(
                f"invalid mount path: '{self.target[:80]}' mount path must be absolute"
            )
        if posixpath.normpath(self.target).lstrip("/") == "":
            raise self._refusal("invalid specification: destination can't be '/'")

    def _check_subpath(self) -> None:
        check_text("mounts", self.subpath)
        if self.subpath and self.kind is not MountKind.VOLUME:
            raise self._refusal("only volumes have a subpath")
        if self.subpath.startswith("/") or ".." in self.subpath.split("/"):
            raise self._refusal("subpath must be a relative path within the volume")

    def _check_source(self) -> None:
        check_text("mounts", self.source)
        if self.kind is MountKind.BIND and not self.source:
            raise self._refusal("field Source must not be empty")
        if self.kind is MountKind.BIND and not self.source.startswith("/"):
            raise self._refusal(
                f"invalid mount path: '{self.source[:80]}' mount path must be absolute"
            )
        if self.kind is MountKind.TMPFS and self.source:
            raise self._refusal("field Source must not be specified")
        if self.kind is MountKind.VOLUME and self.source and not _VOLUME.fullmatch(self.source):
            raise self._refusal(
                f'"{self.source[:80]}" includes invalid characters for a local volume name, only '
                '"[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host '
                "directory, use absolute path"
            )

    def _refusal(self, reason: str) -> InvalidSetting:
        return InvalidSetting("mounts", f'invalid mount config for type "{self.kind}": {reason}')


@dataclass(frozen=True, kw_only=True)
class Mounts:
    """The part of the settings that says what is mounted."""

    mounts: tuple[MountPoint, ...] = ()
    volumes_from: tuple[str, ...] = ()

    def check_mounts(self) -> None:
        """Raise `InvalidSetting` where two mounts want one place, or there are too many."""
        check_count("mounts", self.mounts)
        check_texts("volumes_from", self.volumes_from)
        targets: set[str] = set()
        for each in self.mounts:
            target = posixpath.normpath(each.target)
            if target in targets:
                raise InvalidSetting("mounts", f"Duplicate mount point: {each.target[:200]}")
            targets.add(target)
