"""
Steps: instructions with everything put in that they depend on, but the files.

Frozen values, and equal ones do the same: `identity` is what a step is recognised by in the cache,
together with the step before it and, for copies, the digest of what is copied.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.dockerfile.running import BIND
from engine.oci.config import written_defaults

if TYPE_CHECKING:
    from engine.build.ignore import IgnorePatterns
    from engine.dockerfile.effects import Effects
    from engine.dockerfile.instructions import RunMount
    from engine.dockerfile.parser import Line


@dataclass(frozen=True, slots=True)
class ConfigStep:
    """An instruction that changes the config and no file."""

    line: Line
    created_by: str
    effects: Effects

    def identity(self) -> dict[str, Any]:
        """Return what the step depends on: the whole config that it leads to."""
        return {"config": written_defaults(self.effects.defaults), "by": self.created_by}

    @property
    def takes_files(self) -> bool:
        """Whether it depends on files too."""
        return False


@dataclass(frozen=True, slots=True)
class DirectoryStep:
    """A WORKDIR: its directory is to be there afterwards, made for *user* if it was not."""

    line: Line
    created_by: str
    effects: Effects
    path: str
    user: str

    def identity(self) -> dict[str, Any]:
        """Return what the step depends on."""
        return {"directory": self.path, "user": self.user, "by": self.created_by}

    @property
    def takes_files(self) -> bool:
        """Whether it depends on files too."""
        return False


@dataclass(frozen=True, slots=True)
class RunStep:
    """
    A program to be run.

    *arguments* are what is executed, *env* its whole environment but for *proxies*, which are no
    part of its identity. *script* is a file that is executed instead, where a here-document is one.
    """

    line: Line
    created_by: str
    effects: Effects
    arguments: tuple[str, ...]
    env: tuple[str, ...]
    proxies: tuple[str, ...]
    user: str
    working_dir: str
    mounts: tuple[RunMount, ...]
    network: str
    script: bytes | None = None

    def identity(self) -> dict[str, Any]:
        """Return what the step depends on, but for the files that are mounted."""
        return {
            "run": self.arguments,
            "env": self.env,
            "user": self.user,
            "in": self.working_dir,
            "mounts": [(each.kind, each.options) for each in self.mounts],
            "network": self.network,
            "script": self.script.decode(errors="replace") if self.script is not None else None,
        }

    @property
    def takes_files(self) -> bool:
        """Whether it depends on files too: those that it mounts."""
        return any(each.kind == BIND for each in self.mounts)


@dataclass(frozen=True, slots=True)
class CopyStep:
    """
    Files to be copied.

    *origin* is the number of a stage, the reference of an image, or None for the build context.
    *sources* are expanded and may hold wildcards; *destination* is absolute, and ends with a slash
    where it must be a directory. *inline* are files that the Dockerfile itself brings, by name.
    *owner* is empty for root, *mode* None for that of each source.
    """

    line: Line
    created_by: str
    effects: Effects
    origin: int | str | None
    sources: tuple[str, ...]
    destination: str
    inline: tuple[tuple[str, bytes], ...]
    is_add: bool
    owner: str
    mode: str
    is_linked: bool
    keeps_parents: bool
    excludes: tuple[str, ...]
    ignored: IgnorePatterns
    checksum: str
    keeps_git_directory: bool
    unpacks: bool | None

    def identity(self) -> dict[str, Any]:
        """Return what the step depends on, but for the files that are copied."""
        return {
            "copy": self.sources,
            "to": self.destination,
            "inline": [(name, content.decode("latin-1")) for name, content in self.inline],
            "add": self.is_add,
            "owner": self.owner,
            "mode": self.mode,
            "parents": self.keeps_parents,
            "unpacks": self.unpacks,
        }

    @property
    def takes_files(self) -> bool:
        """Whether it depends on files too."""
        return True


Step = ConfigStep | DirectoryStep | RunStep | CopyStep
