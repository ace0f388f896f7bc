"""The forms that the arguments of instructions take: words, pairs, JSON lists, durations, flags."""

from __future__ import annotations

import json
import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

from engine.dockerfile.instructions import Command, Pair, Word
from engine.dockerfile.words import iter_words
from engine.errors import DockerfileError, MissingArgument

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.dockerfile.parser import Flag, Line

MAX_NESTING = 4

_DURATION = re.compile(r"[+]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+|0", re.ASCII)
_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
MAX_DURATION = 2**63 - 1


class Flags:
    """The flags of one line, each to be asked for once; what nobody asked for is an error."""

    def __init__(self, line: Line, known: Iterable[str]) -> None:
        self._line = line
        self._known = tuple(known)
        self._found: dict[str, list[Flag]] = {}
        for flag in line.flags:
            if flag.name not in self._known:
                raise self._unknown(flag)
            self._found.setdefault(flag.name, []).append(flag)

    def text(self, name: str) -> str:
        """Return the value of *name*, empty where it is not given."""
        flag = self._single(name)
        if flag is not None and flag.value is None:
            raise self._error(flag, f"--{name} needs a value", f"Write --{name}=VALUE.")
        return flag.value or "" if flag else ""

    def texts(self, name: str) -> list[tuple[int, str]]:
        """Return every value of *name*, with its offset in the source's text."""
        return [(each.offset, each.value or "") for each in self._found.get(name, ())]

    def switch(self, name: str) -> bool | None:
        """Return whether *name* is switched on, None where it is not given."""
        flag = self._single(name)
        if flag is None:
            return None
        if flag.value is not None and flag.value.lower() not in {"true", "false", "1", "0"}:
            raise self._error(flag, f"--{name} must be true or false")
        return (flag.value or "true").lower() in {"true", "1"}

    def _single(self, name: str) -> Flag | None:
        found = self._found.get(name, [])
        if len(found) > 1:
            raise self._error(found[1], f"duplicate flag specified: --{name}")
        return found[0] if found else None

    def _unknown(self, flag: Flag) -> DockerfileError:
        remedy = suggestion(flag.name, self._known, prefix="--")
        if not self._known:
            remedy = f"{self._line.keyword} takes no flags."
        return self._error(flag, f"unknown flag: --{flag.name}", remedy)

    def _error(self, flag: Flag, reason: str, remedy: str = "") -> DockerfileError:
        return self._line.source.error(DockerfileError, reason, offset=flag.offset, remedy=remedy)


def suggestion(word: str, known: Iterable[str], *, prefix: str = "") -> str:
    """Return "Did you mean …?" for the nearest of *known*, or nothing."""
    near = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"Did you mean {prefix}{near[0]}?" if near else ""


def needs_rest(line: Line, what: str) -> str:
    """Return the arguments of *line*; raise `MissingArgument` where there are none."""
    if not line.rest.strip():
        raise missing(line, what)
    return line.rest


def missing(line: Line, what: str) -> DockerfileError:
    """Return the error for an instruction that lacks *what*."""
    return line.error(f"{line.keyword} requires {what}", kind=MissingArgument)


def words_of(line: Line, escape: str) -> list[Word]:
    """Return the raw words of the arguments."""
    return [Word(text, offset) for offset, text in iter_words(line.rest, escape=escape)]


def json_list(line: Line) -> tuple[str, ...] | None:
    """Return the strings of the JSON list that the arguments are, or None if they are none."""
    text = line.rest.strip()
    if not text.startswith("["):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, list):
        return None
    if not all(isinstance(each, str) for each in found):
        raise line.error("only string type is allowed in JSON form")
    return tuple(found)


def command_of(line: Line) -> Command:
    """Return the exec form or the shell form."""
    words = json_list(line)
    return Command((line.rest.strip(),), is_shell=True) if words is None else Command(words, False)  # noqa: FBT003


def list_of(line: Line, escape: str) -> list[Word]:
    """Return the words of a JSON list, or those between blanks."""
    found = json_list(line)
    return words_of(line, escape) if found is None else [Word(each) for each in found]


def pairs_of(line: Line, escape: str) -> tuple[Pair, ...]:
    """Return `name=value` pairs; of the old form `name value`, one pair."""
    words = words_of(line, escape)
    if not words:
        raise missing(line, "at least one argument")
    if "=" not in words[0].text:
        return (_old_pair(line, words),)
    return tuple(_pair(line, word) for word in words)


def _old_pair(line: Line, words: list[Word]) -> Pair:
    if len(words) < 2:
        raise line.error(
            f"{line.keyword} must have two arguments",
            at=words[0].offset,
            kind=MissingArgument,
            remedy=f"Write {line.keyword} name=value.",
        )
    begin = words[1].offset
    return Pair(words[0], Word(line.rest[begin:].rstrip(), begin))


def _pair(line: Line, word: Word) -> Pair:
    name, equals, value = word.text.partition("=")
    if not equals:
        reason = f"can't find = in {word.text!r}. Must be of the form: name=value"
        raise line.error(reason, at=word.offset)
    if not name:
        raise line.error(f"{line.keyword} names can not be blank", at=word.offset)
    return Pair(Word(name, word.offset), Word(value, word.offset + len(name) + 1))


def argument_pairs(line: Line, escape: str) -> tuple[Pair, ...]:
    """Return the names of ARG, each with its default if it has one."""
    pairs = []
    for word in words_of(line, escape):
        name, equals, value = word.text.partition("=")
        if not name:
            raise line.error("ARG names can not be blank", at=word.offset)
        default = Word(value, word.offset + len(name) + 1) if equals else None
        pairs.append(Pair(Word(name, word.offset), default))
    if not pairs:
        raise missing(line, "at least one argument")
    return tuple(pairs)


def duration(line: Line, flag: str, text: str) -> int:
    """Return the nanoseconds that *text* spells as Go does (`1m30s`); 0 for none."""
    if not text:
        return 0
    if not _DURATION.fullmatch(text):
        raise line.error(
            f"--{flag}: {text[:60]!r} is no duration", remedy="Write it as 30s, 1m30s or 500ms."
        )
    parts = _DURATION_PART.findall(text)
    total = sum(int(float(number) * _NANOSECONDS[unit]) for number, unit in parts)
    if total > MAX_DURATION:
        raise line.error(f"--{flag}: {text[:60]!r} is too long")
    if 0 < total < _NANOSECONDS["ms"]:
        raise line.error(f"--{flag} cannot be less than 1ms")
    return total
