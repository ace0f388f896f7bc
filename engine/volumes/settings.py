"""What a person may choose about a volume; settings that exist are valid."""

from __future__ import annotations

import re
from collections.abc import Mapping  # noqa: TC003  (read at run time, with the annotations)
from dataclasses import dataclass, field
from typing import Any, Self

from engine.errors import InvalidSetting
from engine.settings.checks import NOTHING, check_mapping
from engine.settings.reading import read_value, write_value

LOCAL = "local"
MOUNT_OPTIONS = frozenset({"type", "o", "device"})
# What docker marks volumes with that nobody named.
ANONYMOUS = "com.docker.volume.anonymous"
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{1,254}", re.ASCII)


@dataclass(frozen=True, slots=True)
class VolumeSettings:
    """
    The options of one volume; without a *name* one of 64 digits is made up.

    *options* are those of the driver `local`: `type`, `o` and `device` as mount(8) takes them,
    for a volume that is a file system of its own.
    """

    name: str = ""
    driver: str = LOCAL
    options: Mapping[str, str] = field(default_factory=lambda: NOTHING, hash=False)
    labels: Mapping[str, str] = field(default_factory=lambda: NOTHING, hash=False)

    def __post_init__(self) -> None:
        if len(self.name) > 1 and not _NAME.fullmatch(self.name):
            raise InvalidSetting(
                "name",
                f'create {self.name[:80]}: "{self.name[:80]}" includes invalid characters for a '
                'local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended '
                "to pass a host directory, use absolute path",
            )
        if len(self.name) == 1:
            raise InvalidSetting(
                "name",
                f"create {self.name}: volume name is too short, names should be at least two "
                "alphanumeric characters",
            )
        if self.driver != LOCAL:
            raise InvalidSetting(
                "driver",
                f'plugin "{self.driver[:80]}" not found',
                remedy="This engine has the driver local.",
            )
        check_mapping("options", self.options, entry="an option")
        check_mapping("labels", self.labels, entry="a label")
        self._check_options()

    def _check_options(self) -> None:
        for option in self.options:
            if option not in MOUNT_OPTIONS:
                raise InvalidSetting(
                    "options", f'create {self.name}: invalid option: "{option[:80]}"'
                )
        if self.options and not self.options.get("device"):
            raise InvalidSetting("options", self._lacks("device"))
        if self.options and not self.options.get("type") and not self.is_bind:
            raise InvalidSetting("options", self._lacks("type"))

    def _lacks(self, option: str) -> str:
        return f'create {self.name}: missing required option: "{option}"'

    @property
    def is_bind(self) -> bool:
        """Whether it shows a directory of the host."""
        return bool({"bind", "rbind"} & set(self.options.get("o", "").split(",")))

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Return the settings that a JSON object spells; raise `InvalidSetting` with the field."""
        return read_value(cls, value)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object from which `from_json` makes equal settings."""
        return write_value(self, always=("name", "driver"))
