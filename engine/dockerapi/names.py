"""Names of images and platforms as clients write them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.dockerapi.refusals import Refusal
from engine.oci.platform import Platform
from engine.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_PATTERN = 1024


def wanted_reference(name: str, tag: str) -> Reference:
    """Return what `name` and `tag`, as clients split it, mean together."""
    if not name:
        raise Refusal(400, "invalid reference format: it is empty")
    if not tag:
        return Reference.parse(name)
    head, colon, last = name.rpartition(":")
    bare = head if colon and "/" not in last else name
    return Reference.parse(f"{bare}@{tag}" if ":" in tag else f"{bare}:{tag}")


def is_tagged(name: str) -> bool:
    """Return whether *name* has a tag or a digest of its own."""
    return "@" in name or ":" in name.rpartition("/")[2]


def parse_platform(text: str) -> Platform | None:
    """Return the platform that *text* spells, None for none."""
    return Platform.parse(text) if text else None


def matching(names: Iterable[Reference], patterns: tuple[str, ...]) -> tuple[Reference, ...]:
    """Return those of *names* that one of *patterns* fits: with their tag, or without."""
    compiled = [_glob(each) for each in patterns]
    return tuple(
        name
        for name in names
        if any(
            each.fullmatch(name.familiar) or each.fullmatch(name.familiar_name) for each in compiled
        )
    )


def _glob(text: str) -> re.Pattern[str]:
    """Return what matches as Go's path.Match does: `*` stops at a slash."""
    if len(text) > MAX_PATTERN:
        raise Refusal(400, "Invalid filter 'reference': too long")
    written, rest = "", text
    while rest:
        part = _GLOB.match(rest)
        if part is None:
            raise Refusal(400, f"Invalid filter 'reference={text[:100]}'")
        written += _REGEX[part[0]] if part[0] in _REGEX else _literal(part[0])
        rest = rest[part.end() :]
    try:
        return re.compile(written, re.DOTALL)
    except re.error as error:
        raise Refusal(400, f"Invalid filter 'reference={text[:100]}'") from error


_GLOB = re.compile(r"\*+|\?|\[\^?[^\]]+\]|\\.|[^*?\[\\]", re.DOTALL)
_REGEX = {"?": "[^/]"}


def _literal(part: str) -> str:
    if part.startswith("*"):
        return "[^/]*"
    if part.startswith("["):
        return part.replace("\\", "\\\\")
    return re.escape(part.removeprefix("\\") or "\\")
