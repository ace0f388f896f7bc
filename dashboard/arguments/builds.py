"""What the job that builds an image is told."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from dashboard.arguments.fields import (
    flag_of,
    labels_of,
    matching,
    number_of,
    only,
    text_of,
    texts_of,
)
from dashboard.arguments.images_travel import UPLOAD
from dashboard.arguments.kinds import Arguments
from engine.errors import InvalidSetting
from engine.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Mapping

SOURCES = ("text", "git", "upload")
MAX_DOCKERFILE = 256 * 1024
MAX_TAGS = 20
# Never a path or `file:`: whoever builds sees what a repository holds, and a host's files are not.
GIT = re.compile(r"(?:https?|git|ssh)://[^\s/]+/\S+|git@[\w.-]+:[^\s-]\S*", re.ASCII)
ARGUMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*", re.ASCII)
SECRET = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", re.ASCII)
NETWORK = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}", re.ASCII)
HOST_NETWORK = "host"
MAX_SECRETS = 50
_PASSWORD = re.compile(r"\w+://[^/@\s]*:[^/@\s]*@", re.ASCII)


@dataclass(frozen=True, slots=True)
class BuildImage(Arguments):
    """
    Build an image of one of three things.

    `text` is a Dockerfile without files around it, `git` a repository, and `upload` a tar or zip
    that was sent to the host, called `upload_name` where it came from. `dockerfile` is a path in
    the latter two. `build_args` are no place for secrets: they stay in the image's history. Of
    `secrets` only the names stand here.
    """

    text: str = ""
    git: str = ""
    upload: str = ""
    upload_name: str = ""
    dockerfile: str = "Dockerfile"
    tags: tuple[str, ...] = ()
    target: str = ""
    build_args: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    network: str = ""
    no_cache: bool = False
    pull: bool = False
    credentials_id: int | None = None
    object_kind: ClassVar[str] = "build"

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the build that *data* spells."""
        only(data, *SOURCES, "upload_name", "dockerfile", "tags", "target", "build_args",
             "labels", "secrets", "network", "no_cache", "pull", "credentials_id")  # fmt: skip
        return cls(
            **_source_of(data),
            upload_name=text_of(data, "upload_name", limit=255),
            dockerfile=text_of(data, "dockerfile", limit=1024) or "Dockerfile",
            tags=_tags_of(data),
            target=text_of(data, "target", limit=255),
            build_args=_build_args_of(data),
            labels=_labels_of(data),
            secrets=_secrets_of(data),
            network=_network_of(data),
            no_cache=flag_of(data, "no_cache"),
            pull=flag_of(data, "pull"),
            credentials_id=number_of(data, "credentials_id", at_least=1),
        )

    @property
    def source(self) -> str:
        """Which of `SOURCES` it is built of."""
        return next(name for name in SOURCES if getattr(self, name))

    @property
    def reach(self) -> tuple[str, ...]:
        """The network, where it is the host's own."""
        return ("network",) if self.network == HOST_NETWORK else ()

    @property
    def subject(self) -> str:
        """The first name that the image gets; builds of one name can be compared."""
        return self.tags[0] if self.tags else ""

    @property
    def title(self) -> str:
        """Build, and what."""
        if self.tags:
            return f"Build {Reference.parse(self.tags[0]).familiar}"[:255]
        return {
            "text": "Build a Dockerfile",
            "git": f"Build {self.git}",
            "upload": f"Build {self.upload_name or 'an upload'}",
        }[self.source][:255]


def _source_of(data: Mapping[str, Any]) -> dict[str, str]:
    text = text_of(data, "text", limit=MAX_DOCKERFILE)
    git = text_of(data, "git", limit=2048).strip()
    upload = text_of(data, "upload")
    if sum(map(bool, (text.strip(), git, upload))) != 1:
        remedy = "Write a Dockerfile, name a repository, or choose a file: one of them."
        raise InvalidSetting("text", "there is nothing, or too much, to build", remedy=remedy)
    if _PASSWORD.match(git):
        remedy = "What a job is told can be read by the team. Let the host's git know it instead."
        raise InvalidSetting("git", "a password has no place in a URL", remedy=remedy)
    if git:
        remedy = "Write https://host/repository.git, with #branch:directory if need be."
        matching("git", git, GIT, "not the URL of a repository", remedy=remedy)
    if upload:
        matching("upload", upload, UPLOAD, "no upload")
    return {"text": text, "git": git, "upload": upload}


def _tags_of(data: Mapping[str, Any]) -> tuple[str, ...]:
    texts = texts_of(data, "tags") or ()
    if len(texts) > MAX_TAGS:
        raise InvalidSetting("tags", f"there are more than {MAX_TAGS}")
    found = [Reference.parse(text.strip()) for text in texts]
    if any(each.digest is not None for each in found):
        raise InvalidSetting("tags", "a name by digest cannot be given away")
    return tuple(dict.fromkeys(map(str, found)))


def _labels_of(data: Mapping[str, Any]) -> dict[str, str]:
    found = labels_of(data, "labels")
    if "" in found:
        raise InvalidSetting("labels", "a label needs a name")
    return found


def _secrets_of(data: Mapping[str, Any]) -> tuple[str, ...]:
    names = texts_of(data, "secrets") or ()
    if len(names) > MAX_SECRETS:
        raise InvalidSetting("secrets", f"there are more than {MAX_SECRETS}")
    return tuple(sorted({matching("secrets", name, SECRET, "no ID of a secret") for name in names}))


def _network_of(data: Mapping[str, Any]) -> str:
    network = text_of(data, "network", limit=128).strip()
    return matching("network", network, NETWORK, "no network") if network else ""


def _build_args_of(data: Mapping[str, Any]) -> dict[str, str]:
    found = labels_of(data, "build_args")
    for name in found:
        matching("build_args", name, ARGUMENT, "no name of a build argument")
    return found
