"""
The words of one Dockerfile instruction: split, unquoted, and variables put in.

Only what a change to an image's config needs of it; see Docker's "Dockerfile reference", "ENV" and
"Environment replacement".
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_VARIABLE = re.compile(
    r"\$(?:(?P<name>\w+)|\{(?P<braced>\w+)(?::(?P<kind>[-+])(?P<word>[^}]*))?\})"
)
_PAIR = re.compile(r"[^\s=\"'$]+=")
_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9}
_UNITS["h"] = 60 * _UNITS["m"]
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")


class BadWords(ValueError):
    """The words cannot be read; the message says why, whoever asked says where."""


def split_words(text: str, variables: Mapping[str, str]) -> tuple[str, ...]:
    """Return the words of *text* without their quotes; *variables* stand where they are named."""
    return tuple(_iter_words(text, lambda part: expand(part, variables)))


def split_pairs(text: str, variables: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """
    Return the pairs that `key=value key="other value"` spells, or the old `key the whole rest`.

    Raises `BadWords` for a word without `=`.
    """
    if not _PAIR.match(text.lstrip("\"'")):
        key, _, value = text.partition(" ")
        if not value.strip():
            raise BadWords(f"{text!r} has no value")
        return ((key, expand(value.strip(), variables)),)
    pairs = [word.partition("=") for word in split_words(text, variables)]
    for key, separator, _ in pairs:
        if not key or not separator:
            raise BadWords(f"{key!r} is no key=value")
    return tuple((key, value) for key, _, value in pairs)


def read_list(text: str) -> tuple[str, ...] | None:
    """Return the list that *text* spells in JSON, or None if it is no list of strings."""
    if not text.startswith("["):
        return None
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    is_list = isinstance(value, list) and all(isinstance(each, str) for each in value)
    return tuple(value) if is_list else None


def read_duration(text: str) -> int:
    """Return the nanoseconds that *text* spells as Go does (`1m30s`); raise `BadWords`."""
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise BadWords(f"{text!r} is no duration such as 1m30s")
    return sum(int(float(number) * _UNITS[unit]) for number, unit in parts)


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Return *text* with each `$name`, `${name}`, `${name:-or}` and `${name:+and}` put in."""

    def value(match: re.Match[str]) -> str:
        found = variables.get(match["name"] or match["braced"], "")
        if match["kind"] == "-":
            return found or match["word"]
        return (match["word"] if found else "") if match["kind"] == "+" else found

    return _VARIABLE.sub(value, text)


def _iter_words(text: str, expanded: Callable[[str], str]) -> Iterator[str]:
    at, word, is_open = 0, "", False
    while at < len(text):
        character = text[at]
        if character.isspace():
            if is_open:
                yield word
            word, is_open, at = "", False, at + 1
            continue
        part, at = _part(text, at, expanded)
        word, is_open = word + part, True
    if is_open:
        yield word


def _part(text: str, at: int, expanded: Callable[[str], str]) -> tuple[str, int]:
    """Return what one quoted stretch, escape or plain run stands for, and where it ends."""
    character = text[at]
    if character == "\\":
        return text[at + 1 : at + 2], at + 2
    if character == "'":
        end = _closing(text, at)
        return text[at + 1 : end], end + 1
    if character == '"':
        end = _closing(text, at)
        return _double_quoted(text[at + 1 : end], expanded), end + 1
    match = re.compile(r"(?:\$\{[^}]*\}|[^\s\\'\"])+").match(text, at)
    plain = match[0] if match else character
    return expanded(plain), at + len(plain)


def _double_quoted(text: str, expanded: Callable[[str], str]) -> str:
    pieces = re.split(r"(\\[\"\\$])", text)
    return "".join(each[1:] if n % 2 else expanded(each) for n, each in enumerate(pieces))


def _closing(text: str, start: int) -> int:
    quote, at = text[start], start + 1
    while at < len(text) and text[at] != quote:
        at += 2 if text[at] == "\\" and quote == '"' else 1
    if at >= len(text):
        raise BadWords(f"a quote {quote} is not closed")
    return at
