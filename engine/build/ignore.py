"""
Ignore patterns: `.dockerignore`, and `--exclude` of COPY and ADD.

A pattern is matched against a whole path and against each directory above it. `*` and `?` stay
within a name, `**` crosses any number, `[…]` is a class, a backslash takes what follows as it is.
The last pattern that matches decides; one that begins with `!` lets back in.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from itertools import pairwise

from engine.errors import InvalidInput

MAX_PATTERNS = 10_000
MAX_PATTERN = 4096
# Each may be tried at every depth of a path; so many occur in no honest pattern.
MAX_DEPTHS = 4

_STAR = "[^/]*"
_DEPTHS = ("(?:.*/)?", ".*")


@dataclass(frozen=True, slots=True)
class _Pattern:
    expression: re.Pattern[str]
    is_exception: bool


@dataclass(frozen=True, slots=True)
class IgnorePatterns:
    """Patterns in their order; without any, nothing is ignored."""

    patterns: tuple[_Pattern, ...] = ()

    @property
    def has_exceptions(self) -> bool:
        """Whether something below an ignored directory may be let back in."""
        return any(each.is_exception for each in self.patterns)

    def ignores(self, path: str) -> bool:
        """Whether *path*, relative and with single slashes, is ignored."""
        above = _with_parents(path)
        is_ignored = False
        for pattern in self.patterns:
            if pattern.is_exception == is_ignored and any(
                pattern.expression.fullmatch(each) for each in above
            ):
                is_ignored = not is_ignored
        return is_ignored


NOTHING = IgnorePatterns()


def parse_ignore_file(content: bytes) -> IgnorePatterns:
    """Return the patterns that an ignore file lists; raise `InvalidInput` with the line."""
    text = content.removeprefix(b"\xef\xbb\xbf").decode(errors="replace")
    lines = [(n, each.strip()) for n, each in enumerate(text.splitlines(), 1) if each[:1] != "#"]
    return _compile([(number, text) for number, text in lines if text])


def parse_patterns(patterns: list[str]) -> IgnorePatterns:
    """Return *patterns* in their order; raise `InvalidInput`."""
    return _compile(list(enumerate(patterns, 1)))


def _compile(lines: list[tuple[int, str]]) -> IgnorePatterns:
    if len(lines) > MAX_PATTERNS:
        raise InvalidInput(f"there are more than {MAX_PATTERNS} ignore patterns", field="ignore")
    compiled = (_pattern(number, text) for number, text in lines)
    return IgnorePatterns(tuple(each for each in compiled if each is not None))


def _pattern(number: int, text: str) -> _Pattern | None:
    is_exception = text.startswith("!")
    body = text[1:].strip() if is_exception else text
    if is_exception and not body:
        raise _complain(number, text, 'an exception needs a pattern after "!"')
    cleaned = posixpath.normpath(body).lstrip("/") if body else ""
    if cleaned in {"", "."}:
        return None
    if len(cleaned) > MAX_PATTERN or cleaned.count("**") > MAX_DEPTHS:
        raise _complain(number, text, "it is too long or has too many **")
    try:
        return _Pattern(re.compile(expression_of(cleaned), re.DOTALL), is_exception)
    except re.error as error:
        raise _complain(number, text, "syntax error in pattern") from error


def _complain(number: int, text: str, reason: str) -> InvalidInput:
    return InvalidInput(f"ignore pattern {number}, {text[:80]!r}: {reason}", field="ignore")


def expression_of(pattern: str) -> str:
    """Return a regular expression for the whole of what *pattern* matches."""
    parts: list[str] = []
    position = 0
    while position < len(pattern):
        part, position = _part(pattern, position)
        parts.append(part)
    return "".join(_without_backtracking(parts))


def _without_backtracking(parts: list[str]) -> list[str]:
    """
    Let each `*` that another one follows take the least that lets what is between them match.

    What is more can be left to the other one; so there is one way to try, instead of all of them.
    """
    stars = [index for index, part in enumerate(parts) if part == _STAR]
    found = list(parts)
    for star, following in pairwise(stars):
        if not any(part in _DEPTHS for part in parts[star:following]):
            found[star] = f"(?>{_STAR}?"
            found[following - 1] += ")"
    return found


def _part(pattern: str, position: int) -> tuple[str, int]:
    character = pattern[position]
    if pattern.startswith("**", position):
        return _any_depth(pattern, position + 2)
    if character == "*":
        return _STAR, position + 1
    if character == "?":
        return "[^/]", position + 1
    if character == "[":
        return _class(pattern, position)
    if character == "\\" and position + 1 < len(pattern):
        return re.escape(pattern[position + 1]), position + 2
    return re.escape(character), position + 1


def _any_depth(pattern: str, position: int) -> tuple[str, int]:
    while pattern.startswith("*", position):
        position += 1
    if pattern.startswith("/", position):
        return _DEPTHS[0], position + 1
    return _DEPTHS[1], position


def _class(pattern: str, position: int) -> tuple[str, int]:
    end = position + 1
    is_negated = pattern.startswith("^", end)
    end += is_negated
    begin = end
    while end < len(pattern) and (pattern[end] != "]" or end == begin):
        end += 2 if pattern[end] == "\\" else 1
    if end >= len(pattern):
        raise re.error("a class is not closed")
    inner = pattern[begin:end].replace("[", r"\[").replace("&&", r"&\&").replace("||", r"|\|")
    return f"(?!/)[{'^' if is_negated else ''}{inner}]", end + 1


def _with_parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
