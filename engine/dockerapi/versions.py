"""Versions of the API: which are spoken, and what a client is told whose version is not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from engine.dockerapi.refusals import Refusal

_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})(?:\.\d{1,4})*", re.ASCII)
_PREFIX = re.compile(r"/v([0-9.]+)(/.*)", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True, order=True)
class ApiVersion:
    """A version of the Docker Engine API."""

    major: int
    minor: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the version that *text* spells; raise `Refusal` (400)."""
        match = _VERSION.fullmatch(text)
        if match is None:
            raise Refusal(400, f"invalid API version: {text[:40]}")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


NEWEST = ApiVersion(1, 47)
OLDEST = ApiVersion(1, 24)


def split_version(path: str) -> tuple[ApiVersion, str]:
    """
    Return the version that *path* begins with, and the rest; without one, the newest.

    Raises `Refusal` in docker's words for one that is not spoken here.
    """
    match = _PREFIX.fullmatch(path)
    if match is None:
        return NEWEST, path
    version = ApiVersion.parse(match[1])
    if version < OLDEST:
        raise Refusal(
            400,
            f"client version {version} is too old. Minimum supported API version is {OLDEST}, "
            "please upgrade your client to a newer version",
        )
    if version > NEWEST:
        raise Refusal(
            400,
            f"client version {version} is too new. Maximum supported API version is {NEWEST}",
        )
    return version, match[2]
