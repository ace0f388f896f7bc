"""What the launch of a container is told."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Self

from dashboard.arguments.fields import (
    HEX_64,
    MAX_ITEMS,
    SIGNAL,
    flag_of,
    matching,
    number_of,
    only,
    text_of,
    texts_of,
)
from dashboard.arguments.kinds import Arguments
from engine.errors import InvalidReference, InvalidSetting
from engine.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Mapping

MIN_MEMORY = 6 * 1024 * 1024

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{1,254}", re.ASCII)
_HOSTNAME = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9.-]{0,62})", re.ASCII)
_FLAGS = ("tty", "open_stdin", "read_only", "auto_remove")


@dataclass(frozen=True, slots=True)
class LaunchSettings:
    """How a container is to be: the engine's `ContainerSettings`, field by field."""

    image: str
    name: str | None = None
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    env: tuple[str, ...] = ()
    working_dir: str | None = None
    user: str | None = None
    hostname: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    tty: bool = False
    open_stdin: bool = False
    memory_bytes: int | None = None
    nano_cpus: int | None = None
    pids_limit: int | None = None
    read_only: bool = False
    auto_remove: bool = False
    stop_signal: str | None = None
    stop_timeout: int | None = None

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the settings that *data* spells; raise `InvalidInput` naming the field."""
        only(data, *(f.name for f in fields(cls)))
        return cls(
            image=image_of(data),
            command=texts_of(data, "command") or None,
            entrypoint=texts_of(data, "entrypoint"),
            env=env_of(data),
            labels=labels_of(data),
            **_names(data),
            **_limits(data),
            **_flags(data),
        )

    def to_json(self) -> dict[str, Any]:
        """Return what `parse` reads, leaving out what was not said."""
        return {
            key: value for key, value in asdict(self).items() if value not in (None, (), {}, False)
        }


def _flags(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: flag_of(data, name) for name in _FLAGS}


def _names(data: Mapping[str, Any]) -> dict[str, Any]:
    name, hostname = text_of(data, "name"), text_of(data, "hostname")
    signal, working_dir = text_of(data, "stop_signal"), text_of(data, "working_dir")
    if name:
        remedy = "Use letters, digits, _ . and -, at least two, beginning with a letter or digit."
        matching("name", name, _NAME, "not a container name", remedy=remedy)
    if hostname:
        matching("hostname", hostname, _HOSTNAME, "not a host name")
    if signal:
        matching("stop_signal", signal, SIGNAL, "not a signal")
    if working_dir and not working_dir.startswith("/"):
        raise InvalidSetting("working_dir", "it must be an absolute path")
    return {
        "name": name or None,
        "hostname": hostname or None,
        "stop_signal": signal or None,
        "working_dir": working_dir or None,
        "user": text_of(data, "user", limit=128) or None,
    }


def _limits(data: Mapping[str, Any]) -> dict[str, Any]:
    memory = number_of(data, "memory_bytes", at_least=0)
    if memory is not None and memory < MIN_MEMORY:
        remedy = "Give it at least 6 MiB, or leave the field empty for no limit."
        raise InvalidSetting("memory_bytes", "the smallest memory limit is 6 MiB", remedy=remedy)
    return {
        "memory_bytes": memory,
        "nano_cpus": number_of(data, "nano_cpus", at_least=10_000_000),
        "pids_limit": number_of(data, "pids_limit", at_least=1, at_most=4_194_304),
        "stop_timeout": number_of(data, "stop_timeout", at_least=0, at_most=3600),
    }


def image_of(data: Mapping[str, Any]) -> str:
    """Return the image as a canonical reference or a whole ID."""
    text = text_of(data, "image", limit=1024).strip()
    if re.fullmatch(r"(?:sha256:)?[0-9a-f]{64}", text):
        return text
    try:
        return str(Reference.parse(text))
    except InvalidReference as error:
        raise InvalidSetting("image", error.message, remedy=error.remedy) from error


def env_of(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the environment, each `NAME=value`."""
    lines = texts_of(data, "env") or ()
    for line in lines:
        if line.find("=") < 1:
            remedy = "Write each variable as NAME=value."
            raise InvalidSetting("env", f"{line[:80]!r} has no name or no =", remedy=remedy)
    return lines


def labels_of(data: Mapping[str, Any]) -> dict[str, str]:
    """Return the labels."""
    value = data.get("labels") or {}
    if not isinstance(value, dict) or len(value) > MAX_ITEMS:
        raise InvalidSetting("labels", "they must be names with values")
    return {
        text_of({"labels": key}, "labels"): text_of({"labels": item}, "labels")
        for key, item in value.items()
    }


@dataclass(frozen=True, slots=True)
class LaunchContainer(Arguments):
    """Create a container and start it."""

    settings: LaunchSettings
    object_kind: ClassVar[str] = "container"

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the launch that *data* spells."""
        only(data, "settings")
        settings = data.get("settings")
        if not isinstance(settings, dict):
            raise InvalidSetting("settings", "they must be names with values")
        return cls(LaunchSettings.parse(settings))

    @property
    def subject(self) -> str:
        """The name, if one was given."""
        return self.settings.name or ""

    @property
    def title(self) -> str:
        """Launch, the name and the image."""
        named = f"{self.settings.name} from " if self.settings.name else ""
        return f"Launch {named}{familiar(self.settings.image)}"[:255]

    def to_json(self) -> dict[str, Any]:
        """Return what `parse` reads."""
        return {"settings": self.settings.to_json()}


def familiar(image: str) -> str:
    """Return *image*, a reference or an ID, as docker shows it."""
    if HEX_64.fullmatch(image.removeprefix("sha256:")):
        return image.removeprefix("sha256:")[:12]
    return Reference.parse(image).familiar
