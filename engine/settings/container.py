"""
The settings of one container, all of them.

Settings that exist are valid: whatever breaks a rule raises `InvalidSetting` with the name of the
field, whether it came from a form, from a job's JSON or from code. They say nothing that only the
image or the host knows; the runtime spec joins all three.
"""

from __future__ import annotations

import re
from collections.abc import Mapping  # noqa: TC003  (read at run time, with the annotations)
from dataclasses import dataclass, field
from typing import Any, Self

from engine.errors import InvalidSetting
from engine.settings.checks import (
    MAX_NAME,
    MAX_TEXT,
    NOTHING,
    check_mapping,
    check_text,
    check_texts,
)
from engine.settings.lifetime import Lifetime
from engine.settings.mounts import Mounts
from engine.settings.network import Networking
from engine.settings.reading import read_value, write_value
from engine.settings.resources import Resources
from engine.settings.security import Security

MAX_HOSTNAME = 64
# What a default stands for may change; what a container was made with may not.
ALWAYS_WRITTEN = ("image", "network")

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", re.ASCII)
_HOSTNAME = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class ContainerSettings(Lifetime, Mounts, Networking, Resources, Security):
    """
    The options of one container; what is left out comes from the image or from the host.

    *command* and *entrypoint* replace the image's when they are not None; *env* are `NAME=value`
    over the image's. *stop_timeout*, in seconds, is how long `stop` waits before it kills, when it
    is not told. With *stdin_once*, standard input ends with the first who gave it.
    """

    image: str
    name: str | None = None
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    env: tuple[str, ...] = ()
    working_dir: str = ""
    user: str = ""
    group_add: tuple[str, ...] = ()
    hostname: str = ""
    domainname: str = ""
    labels: Mapping[str, str] = field(default_factory=lambda: NOTHING, hash=False)
    annotations: Mapping[str, str] = field(default_factory=lambda: NOTHING, hash=False)
    tty: bool = False
    open_stdin: bool = False
    stdin_once: bool = False
    read_only: bool = False
    init: bool = False

    def __post_init__(self) -> None:
        self._check_image()
        self._check_arguments()
        self._check_env()
        self._check_user()
        self._check_names()
        self.check_lifetime()
        self.check_mounts()
        self.check_networking()
        self.check_resources()
        self.check_security()

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Return the settings that a JSON object spells; raise `InvalidSetting` with the field."""
        return read_value(cls, value)

    def to_json(self) -> dict[str, Any]:
        """
        Return a JSON object from which `from_json` makes equal settings.

        What is as the default has it is left out.
        """
        return write_value(self, always=ALWAYS_WRITTEN)

    def _check_image(self) -> None:
        if not self.image or len(self.image) > MAX_TEXT:
            raise InvalidSetting("image", "name an image", remedy="For example alpine:3.20.")

    def _check_arguments(self) -> None:
        for name in ("command", "entrypoint"):
            check_texts(name, getattr(self, name) or ())
        if self.entrypoint is None and self.command and not self.command[0]:
            raise InvalidSetting("command", "its first word is empty")
        check_text("working_dir", self.working_dir)
        if self.working_dir and not self.working_dir.startswith("/"):
            raise InvalidSetting(
                "working_dir",
                f"the working directory {self.working_dir[:80]!r} is invalid, "
                "it needs to be an absolute path",
            )

    def _check_env(self) -> None:
        check_texts("env", self.env)
        for entry in self.env:
            name, equals, _ = entry.partition("=")
            if not name or not equals:
                raise InvalidSetting(
                    "env", f"{entry[:80]!r} is no variable", remedy="Write each as NAME=value."
                )

    def _check_user(self) -> None:
        check_text("user", self.user)
        if len(self.user) > MAX_NAME or self.user.count(":") > 1:
            raise InvalidSetting("user", "write it as user[:group], by name or number")
        check_texts("group_add", self.group_add)
        if "" in self.group_add:
            raise InvalidSetting("group_add", "a group needs a name or a number")

    def _check_names(self) -> None:
        if self.name is not None:
            check_name(self.name)
        check_host_name("hostname", self.hostname)
        check_host_name("domainname", self.domainname)
        if self.uts_mode == "host" and (self.hostname or self.domainname):
            raise InvalidSetting("hostname", "conflicting options: hostname and the UTS mode")
        if self.network.startswith("container:") and self.hostname:
            raise InvalidSetting("hostname", "conflicting options: hostname and the network mode")
        check_mapping("labels", self.labels, entry="a label")
        check_mapping("annotations", self.annotations, entry="an annotation")


def check_name(name: str) -> None:
    """Raise `InvalidSetting` unless *name* can be a container's name."""
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        raise InvalidSetting(
            "name",
            f"Invalid container name ({name[:80]}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
            remedy="Use at least two letters, digits, dots, dashes or underscores.",
        )


def check_host_name(field_name: str, name: str) -> None:
    """Raise `InvalidSetting` unless *name* can be a host's or a domain's name, or is empty."""
    if name and (len(name) > MAX_HOSTNAME or not _HOSTNAME.fullmatch(name)):
        raise InvalidSetting(
            field_name,
            f"{name[:80]!r} is no host name",
            remedy=f"Use letters, digits, dots and dashes, at most {MAX_HOSTNAME}.",
        )
