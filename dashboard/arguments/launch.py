"""What the launch of a container is told."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from dashboard.arguments.fields import HEX_64, only, text_of
from dashboard.arguments.kinds import Arguments
from engine.errors import InvalidReference, InvalidSetting
from engine.oci.reference import Reference
from engine.settings import ContainerSettings, reach_of

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class LaunchContainer(Arguments):
    """Create a container and start it."""

    settings: ContainerSettings
    object_kind: ClassVar[str] = "container"

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the launch that *data* spells."""
        only(data, "settings")
        settings = data.get("settings")
        if not isinstance(settings, dict):
            raise InvalidSetting("settings", "they must be names with values")
        told = {**settings, "image": image_of(settings), "name": settings.get("name") or None}
        return cls(ContainerSettings.from_json(told))

    @property
    def subject(self) -> str:
        """The name, if one was given."""
        return self.settings.name or ""

    @property
    def title(self) -> str:
        """Launch, the name and the image."""
        named = f"{self.settings.name} from " if self.settings.name else ""
        return f"Launch {named}{familiar(self.settings.image)}"[:255]

    @property
    def reach(self) -> tuple[str, ...]:
        """The settings that reach into the host."""
        return reach_of(self.settings)

    def to_json(self) -> dict[str, Any]:
        """Return what `parse` reads."""
        return {"settings": self.settings.to_json()}


def image_of(data: Mapping[str, Any]) -> str:
    """Return the image as a canonical reference or a whole ID."""
    text = text_of(data, "image", limit=1024).strip()
    if re.fullmatch(r"(?:sha256:)?[0-9a-f]{64}", text):
        return text
    try:
        return str(Reference.parse(text))
    except InvalidReference as error:
        raise InvalidSetting("image", error.message, remedy=error.remedy) from error


def familiar(image: str) -> str:
    """Return *image*, a reference or an ID, as docker shows it."""
    if HEX_64.fullmatch(image.removeprefix("sha256:")):
        return image.removeprefix("sha256:")[:12]
    return Reference.parse(image).familiar
