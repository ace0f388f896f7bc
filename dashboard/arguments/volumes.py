"""What the jobs about volumes are told."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from dashboard.arguments.fields import (
    counted,
    flag_of,
    ids_of,
    labels_of,
    matching,
    only,
    text_of,
)
from dashboard.arguments.kinds import Arguments, Thing

if TYPE_CHECKING:
    from collections.abc import Mapping

VOLUME_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{1,254}", re.ASCII)
_REMEDY = "Use at least two letters, digits, _ . and -, beginning with a letter or digit."


@dataclass(frozen=True, slots=True)
class CreateVolume(Arguments):
    """Make a volume; without a name it is anonymous."""

    name: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    object_kind: ClassVar[str] = "volume"

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the volume that *data* spells."""
        only(data, "name", "labels", "options")
        name = text_of(data, "name", limit=255)
        if name:
            matching("name", name, VOLUME_NAME, "not a volume name", remedy=_REMEDY)
        return cls(name, labels_of(data), labels_of(data, "options"))

    @property
    def subject(self) -> str:
        """The name."""
        return self.name

    @property
    def title(self) -> str:
        """Create, and the name."""
        return f"Create volume {self.name}".strip()[:255]

    @property
    def reach(self) -> tuple[str, ...]:
        """The options: as mount(8) takes them, they can name any directory or disk of the host."""
        return ("options",) if self.options else ()


@dataclass(frozen=True, slots=True)
class RemoveVolume(Arguments):
    """Remove a volume that no container uses, with all that it holds."""

    name: str
    force: bool = False
    is_removal: ClassVar[bool] = True
    object_kind: ClassVar[str] = "volume"

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the removal that *data* spells."""
        only(data, "name", "force")
        name = text_of(data, "name", limit=255)
        matching("name", name, VOLUME_NAME, "not a volume name")
        return cls(name, flag_of(data, "force"))

    @property
    def subject(self) -> str:
        """The name."""
        return self.name

    @property
    def takes(self) -> tuple[Thing, ...]:
        """The volume."""
        return (Thing("volume", self.name),)

    @property
    def title(self) -> str:
        """Remove, and the name."""
        return f"Remove volume {self.name[:64]}"


@dataclass(frozen=True, slots=True)
class TrashVolumes(Arguments):
    """Move volumes to the trash; whatever of them is in use is reported as kept."""

    ids: tuple[str, ...]
    is_removal: ClassVar[bool] = True
    object_kind: ClassVar[str] = "volume"
    is_selection: ClassVar[bool] = True

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the move that *data* spells."""
        only(data, "ids")
        return cls(ids_of(data, VOLUME_NAME))

    @property
    def subject(self) -> str:
        """The name where there is one only."""
        return self.ids[0] if len(self.ids) == 1 else ""

    @property
    def takes(self) -> tuple[Thing, ...]:
        """The volumes."""
        return tuple(Thing("volume", each) for each in self.ids)

    @property
    def title(self) -> str:
        """What moves."""
        what = f"volume {self.ids[0][:64]}" if self.subject else counted(len(self.ids), "volume")
        return f"Move {what} to the trash"
