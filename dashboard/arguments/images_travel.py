"""What the jobs that name images and carry them elsewhere are told."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from dashboard.arguments.fields import image_id_of, matching, number_of, only, text_of
from dashboard.arguments.kinds import Arguments
from engine.errors import InvalidSetting
from engine.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Mapping

HOST = re.compile(r"\S{1,64}")
UPLOAD = re.compile(r"[0-9a-f]{32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class TagImage(Arguments):
    """Let *reference* name an image."""

    image_id: str
    reference: str
    object_kind: ClassVar[str] = "image"

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the tagging that *data* spells."""
        only(data, "image_id", "reference")
        return cls(image_id_of(data), _tag_of(data, "reference"))

    @property
    def subject(self) -> str:
        """The image ID."""
        return self.image_id

    @property
    def title(self) -> str:
        """Tag, and the new name."""
        return f"Tag {_short(self.image_id)} as {_familiar(self.reference)}"[:255]


@dataclass(frozen=True, slots=True)
class PushImage(Arguments):
    """Bring the image that *reference* names on the host to its registry, under that tag."""

    image_id: str
    reference: str
    credentials_id: int | None = None
    object_kind: ClassVar[str] = "image"

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the push that *data* spells."""
        only(data, "image_id", "reference", "credentials_id")
        return cls(
            image_id_of(data),
            _tag_of(data, "reference"),
            number_of(data, "credentials_id", at_least=1),
        )

    @property
    def subject(self) -> str:
        """The image ID."""
        return self.image_id

    @property
    def title(self) -> str:
        """Push, and what."""
        return f"Push {_familiar(self.reference)}"[:255]


@dataclass(frozen=True, slots=True)
class CopyImage(Arguments):
    """Let *target* name at its registry what *source* does at its own, without the host."""

    source: str
    target: str
    source_credentials_id: int | None = None
    target_credentials_id: int | None = None
    object_kind: ClassVar[str] = "image"

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the copy that *data* spells."""
        numbers = ("source_credentials_id", "target_credentials_id")
        only(data, "source", "target", *numbers)
        return cls(
            str(Reference.parse(text_of(data, "source", limit=1024).strip())),
            _tag_of(data, "target"),
            *(number_of(data, name, at_least=1) for name in numbers),
        )

    @property
    def subject(self) -> str:
        """The name at the target."""
        return self.target[:512]

    @property
    def title(self) -> str:
        """Copy, from and to."""
        return f"Copy {_familiar(self.source)} to {_familiar(self.target)}"[:255]


@dataclass(frozen=True, slots=True)
class FetchImage(Arguments):
    """Take the image that *reference* names on the host *source* from there, under that tag."""

    source: str
    image_id: str
    reference: str
    object_kind: ClassVar[str] = "image"

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return what *data* spells."""
        only(data, "source", "image_id", "reference")
        source = text_of(data, "source", limit=64)
        matching("source", source, HOST, "no host")
        return cls(source, image_id_of(data), _tag_of(data, "reference"))

    @property
    def subject(self) -> str:
        """The image ID."""
        return self.image_id

    @property
    def title(self) -> str:
        """Fetch, what and from where."""
        return f"Fetch {_familiar(self.reference)} from {self.source}"[:255]


@dataclass(frozen=True, slots=True)
class LoadImages(Arguments):
    """Load the archive that was uploaded to the host as *upload*; *name* is its file's name."""

    upload: str
    name: str = ""
    object_kind: ClassVar[str] = "image"

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the load that *data* spells."""
        only(data, "upload", "name")
        upload = matching("upload", text_of(data, "upload"), UPLOAD, "no upload")
        return cls(upload, text_of(data, "name", limit=255))

    @property
    def subject(self) -> str:
        """The name of the file."""
        return self.name

    @property
    def title(self) -> str:
        """Load, and what."""
        return f"Load {self.name or 'an archive'}"[:255]


def _tag_of(data: Mapping[str, Any], field: str) -> str:
    reference = Reference.parse(text_of(data, field, limit=1024).strip())
    if reference.digest is not None:
        raise InvalidSetting(field, "a name by digest cannot be given away")
    return str(reference)


def _familiar(reference: str) -> str:
    return Reference.parse(reference).familiar


def _short(image_id: str) -> str:
    return image_id.removeprefix("sha256:")[:12]
