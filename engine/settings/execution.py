"""What a person may choose about a command that is run in a running container."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from engine.errors import InvalidSetting
from engine.settings.checks import MAX_NAME, check_characters, check_text, check_texts
from engine.settings.reading import read_value, write_value


@dataclass(frozen=True, kw_only=True)
class ExecSettings:
    """
    The options of one exec; what is left out is as the container has it.

    *stdin*, *stdout* and *stderr* are what is attached to, unless it is started detached.
    *detach_keys* are for whoever shows it; the engine only keeps them.
    """

    command: tuple[str, ...]
    env: tuple[str, ...] = ()
    user: str = ""
    working_dir: str = ""
    privileged: bool = False
    tty: bool = False
    stdin: bool = False
    stdout: bool = True
    stderr: bool = True
    detach_keys: str = ""

    def __post_init__(self) -> None:
        if not self.command or not self.command[0]:
            raise InvalidSetting("command", "No exec command specified")
        for each in ("command", "env"):
            check_texts(each, getattr(self, each))
            check_characters(each, getattr(self, each))
        for each in ("user", "working_dir", "detach_keys"):
            check_text(each, getattr(self, each))
            check_characters(each, [getattr(self, each)])
        self._check_user()

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Return the settings that a JSON object spells; raise `InvalidSetting` with the field."""
        return read_value(cls, value)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object from which `from_json` makes equal settings."""
        return write_value(self)

    def _check_user(self) -> None:
        if len(self.user) > MAX_NAME or self.user.count(":") > 1:
            raise InvalidSetting("user", "write it as user[:group], by name or number")
