"""Shell patterns in substitutions: `*` is any text, `?` any character, the rest is itself."""

from __future__ import annotations

from engine.errors import InvalidExpansion

# Steps of matching; a hostile pattern over a long value is refused before it takes seconds.
MAX_STEPS = 20_000_000


def strip_prefix(value: str, pattern: str, *, escape: str, is_greedy: bool) -> str:
    """Return *value* without the shortest beginning that matches, or the longest if greedy."""
    ends = _match_ends(_tokens(pattern, escape), value)
    if not ends:
        return value
    return value[max(ends) if is_greedy else min(ends) :]


def strip_suffix(value: str, pattern: str, *, escape: str, is_greedy: bool) -> str:
    """Return *value* without the shortest end that matches, or the longest if greedy."""
    reversed_tokens = _tokens(pattern, escape)[::-1]
    ends = _match_ends(reversed_tokens, value[::-1])
    if not ends:
        return value
    return value[: len(value) - (max(ends) if is_greedy else min(ends))]


def substitute(
    value: str, pattern: str, replacement: str, *, escape: str, is_everywhere: bool
) -> str:
    """Return *value* with its first match replaced, or all of them; matches are the longest."""
    tokens = _tokens(pattern, escape)
    _check_effort(tokens, value)
    parts: list[str] = []
    position = 0
    while position < len(value):
        ends = _match_ends(tokens, value[position:]) if tokens else set()
        length = max(ends, default=0)
        if not length:
            parts.append(value[position])
            position += 1
            continue
        parts.append(replacement)
        position += length
        if not is_everywhere:
            break
    return "".join(parts) + value[position:]


def _check_effort(tokens: list[str], value: str) -> None:
    each_place = len(value) if _ANY_TEXT in tokens else 1
    if len(value) * len(tokens) * each_place > MAX_STEPS:
        raise InvalidExpansion("its value is too long to replace a pattern in")


# A token is one character to match, or one of these.
_ANY_TEXT = "any text"
_ANY_CHARACTER = "any character"


def _tokens(pattern: str, escape: str) -> list[str]:
    tokens: list[str] = []
    position = 0
    while position < len(pattern):
        character = pattern[position]
        if character == escape and position + 1 < len(pattern):
            position += 1
            tokens.append(pattern[position])
        elif character == "*":
            tokens += [_ANY_TEXT] if tokens[-1:] != [_ANY_TEXT] else []
        elif character == "?":
            tokens.append(_ANY_CHARACTER)
        else:
            tokens.append(character)
        position += 1
    return tokens


def _match_ends(tokens: list[str], value: str) -> set[int]:
    """
    Return the lengths of all beginnings of *value* that match.

    By states instead of by a regular expression, whose time may explode on hostile patterns.
    """
    ends = {0}
    for token in tokens:
        if token == _ANY_TEXT:
            ends = set(range(min(ends), len(value) + 1))
        else:
            ends = {
                end + 1
                for end in ends
                if end < len(value) and (token == _ANY_CHARACTER or value[end] == token)
            }
        if not ends:
            break
    return ends
