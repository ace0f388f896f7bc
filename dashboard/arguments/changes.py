"""What the jobs that change a container, or make something of it, are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from dashboard.arguments.containers import ContainerArguments, TakesContainer
from dashboard.arguments.fields import (
    container_id_of,
    container_name_of,
    counted,
    flag_of,
    only,
    text_of,
    texts_of,
)
from engine.errors import InvalidSetting
from engine.oci.reference import Reference
from engine.settings import ContainerSettings, ResourceUpdate

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_PATHS = 1000
NO_UPDATE = ResourceUpdate()


@dataclass(frozen=True, slots=True)
class PauseContainer(TakesContainer):
    """Freeze every process of a container."""

    verb: ClassVar[str] = "Pause"


@dataclass(frozen=True, slots=True)
class UnpauseContainer(ContainerArguments):
    """Let a frozen container go on."""

    verb: ClassVar[str] = "Resume"


@dataclass(frozen=True, slots=True)
class RestartContainer(TakesContainer):
    """Stop a container and start it again."""

    verb: ClassVar[str] = "Restart"


@dataclass(frozen=True, slots=True)
class ResetContainer(TakesContainer):
    """Have a container's files as its image has them."""

    verb: ClassVar[str] = "Reset"


@dataclass(frozen=True, slots=True)
class RenameContainer(TakesContainer):
    """Give a container the name *name*."""

    name: str = ""
    verb: ClassVar[str] = "Rename"

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the renaming that *data* spells."""
        only(data, "container_id", "name")
        name = container_name_of(data, "name")
        if not name:
            raise InvalidSetting("name", "it is empty", remedy="Write the new name.")
        return cls(container_id_of(data), name)

    @property
    def title(self) -> str:
        """The short ID and the new name."""
        return f"Rename container {self.container_id[:12]} to {self.name}"[:255]


@dataclass(frozen=True, slots=True)
class RevertFiles(TakesContainer):
    """Have the files *paths* of a container as its image has them."""

    paths: tuple[str, ...] = ()
    verb: ClassVar[str] = "Revert"

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the revert that *data* spells."""
        only(data, "container_id", "paths")
        paths = texts_of(data, "paths") or ()
        if not paths:
            raise InvalidSetting("paths", "nothing is selected", remedy="Select a file.")
        for path in paths:
            if not path.startswith("/") or ".." in path.split("/"):
                raise InvalidSetting("paths", f"{path[:80]!r} is not a path in the container")
        return cls(container_id_of(data), paths[:MAX_PATHS])

    @property
    def title(self) -> str:
        """The files, or how many, and the short ID."""
        what = self.paths[0] if len(self.paths) == 1 else counted(len(self.paths), "file")
        return f"Revert {what} in container {self.container_id[:12]}"[:255]


@dataclass(frozen=True, slots=True)
class CommitContainer(ContainerArguments):
    """Make an image of a container's files; *changes* are Dockerfile instructions for it."""

    reference: str | None = None
    message: str = ""
    author: str = ""
    changes: tuple[str, ...] = ()
    pause: bool = True
    verb: ClassVar[str] = "Commit"

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the commit that *data* spells."""
        only(data, "container_id", "reference", "message", "author", "changes", "pause")
        reference = text_of(data, "reference", limit=1024).strip()
        return cls(
            container_id_of(data),
            str(Reference.parse(reference)) if reference else None,
            text_of(data, "message"),
            text_of(data, "author", limit=255),
            texts_of(data, "changes") or (),
            flag_of({"pause": data.get("pause", True)}, "pause"),
        )

    @property
    def title(self) -> str:
        """The short ID and the image's name."""
        named = f" to {Reference.parse(self.reference).familiar}" if self.reference else ""
        return f"Commit container {self.container_id[:12]}{named}"[:255]


@dataclass(frozen=True, slots=True)
class UpdateContainer(TakesContainer):
    """Change a container's limits as *update* says."""

    update: ResourceUpdate = NO_UPDATE
    verb: ClassVar[str] = "Update"

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the limits that *data* spells."""
        told = {name: value for name, value in data.items() if name != "container_id"}
        update = ResourceUpdate.from_json(told)
        # What is wrong whatever the container has is said at the door.
        update.applied_to(ContainerSettings(image="any"))
        return cls(container_id_of(data), update)

    @property
    def title(self) -> str:
        """What it does, and the short ID."""
        return f"Update the limits of container {self.container_id[:12]}"

    def to_json(self) -> dict[str, Any]:
        """Return what `parse` reads."""
        return {"container_id": self.container_id, **self.update.to_json()}
