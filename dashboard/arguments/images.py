"""What the jobs about images are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from dashboard.arguments.fields import (
    flag_of,
    image_id_of,
    number_of,
    only,
    text_of,
)
from dashboard.arguments.kinds import Arguments, Thing
from engine.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class PullImage(Arguments):
    """Pull *reference* (canonical), with a stored credential or anonymously."""

    reference: str
    credentials_id: int | None = None
    object_kind: ClassVar[str] = "image"

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the pull that *data* spells."""
        only(data, "reference", "credentials_id")
        return cls(
            str(Reference.parse(text_of(data, "reference", limit=1024).strip())),
            number_of(data, "credentials_id", at_least=1),
        )

    @property
    def subject(self) -> str:
        """The reference."""
        return self.reference[:512]

    @property
    def title(self) -> str:
        """Pull and the name as docker shows it."""
        return f"Pull {Reference.parse(self.reference).familiar}"


@dataclass(frozen=True, slots=True)
class MakeStarterImage(Arguments):
    """Make the offline starter image from the host's own busybox."""

    object_kind: ClassVar[str] = "image"

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the value; there is nothing to say."""
        only(data)
        return cls()

    @property
    def title(self) -> str:
        """What it does."""
        return "Make the starter image"


@dataclass(frozen=True, slots=True)
class RemoveImage(Arguments):
    """Remove an image, or only its name *reference*; with *force* all its names at once."""

    image_id: str
    reference: str | None = None
    force: bool = False
    is_removal: ClassVar[bool] = True
    object_kind: ClassVar[str] = "image"

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the removal that *data* spells."""
        only(data, "image_id", "reference", "force")
        reference = text_of(data, "reference", limit=1024)
        return cls(
            image_id_of(data),
            str(Reference.parse(reference)) if reference else None,
            flag_of(data, "force"),
        )

    @property
    def subject(self) -> str:
        """The image ID."""
        return self.image_id

    @property
    def takes(self) -> tuple[Thing, ...]:
        """The image, also where only a name of it goes."""
        return (Thing("image", self.image_id),)

    @property
    def title(self) -> str:
        """Remove or untag, and what."""
        if self.reference:
            return f"Untag {Reference.parse(self.reference).familiar}"[:255]
        return f"Remove image {self.image_id.removeprefix('sha256:')[:12]}"
