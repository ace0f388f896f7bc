"""Amounts as docker's flags write them: bytes, durations, numbers, `key=value`, files of lines."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from engine.errors import InvalidSetting
from engine.settings.docker_run.words import FIELD

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_BYTES = re.compile(r"(\d{1,20}(?:\.\d{1,20})?) ?([kmgtp]?)i?b?", re.ASCII | re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_PIECE = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)(ns|us|µs|ms|s|m|h)")
_NANOSECONDS = {
    "ns": 1,
    "us": 1000,
    "µs": 1000,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_NUMBER = re.compile(r"[+-]?\d{1,19}", re.ASCII)


def parse_bytes(name: str, text: str) -> int:
    """Return the bytes that `64m`, `1.5g` or `512` mean; raise `InvalidSetting` on *name*."""
    match = _BYTES.fullmatch(text.strip())
    if match is None:
        raise InvalidSetting(name, f"invalid size: '{text[:40]}'", remedy="Write it as 64m or 1g.")
    return int(Decimal(match[1]) * 1024 ** _POWERS[match[2].lower()])


def parse_duration(name: str, text: str) -> int:
    """Return the nanoseconds that `1m30s` means; raise `InvalidSetting` on *name*."""
    pieces = _PIECE.findall(text)
    if text == "0":
        return 0
    if not pieces or "".join(number + unit for number, unit in pieces) != text:
        raise InvalidSetting(
            name, f'time: invalid duration "{text[:40]}"', remedy="Write it as 30s or 1m30s."
        )
    return int(sum(Decimal(number) * _NANOSECONDS[unit] for number, unit in pieces))


def parse_number(name: str, text: str) -> int:
    """Return the whole number; raise `InvalidSetting` on *name*."""
    if not _NUMBER.fullmatch(text):
        raise InvalidSetting(name, f'invalid argument "{text[:40]}": not a whole number')
    return int(text)


def parse_cpus(text: str) -> int:
    """Return the billionths of a processor that `--cpus` says."""
    try:
        nano = Decimal(text) * 10**9
        is_whole = nano == nano.to_integral_value()
    except (InvalidOperation, ValueError) as error:
        raise InvalidSetting("nano_cpus", f"failed to parse {text[:40]} as a number") from error
    if not is_whole:
        raise InvalidSetting("nano_cpus", "value is too precise")
    return int(nano)


def parse_pairs(name: str, texts: Iterable[str], *, needs_value: bool = False) -> dict[str, str]:
    """Return `key=value` texts as a mapping; a key alone has an empty value."""
    pairs: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or (needs_value and not equals):
            raise InvalidSetting(name, f"{text[:80]!r} must be written key=value")
        pairs[key] = value
    return pairs


def file_of(files: Mapping[str, str], path: str, *, flag: str) -> str:
    """Return the content of a file that the line names, of those at hand."""
    if path not in files:
        raise InvalidSetting(
            FIELD,
            f"--{flag} names the file {path[:120]}, whose content is not known here",
            remedy="Give the content of the file too, or write its lines as flags.",
        )
    return files[path]


def lines_of(content: str) -> Iterator[str]:
    """Yield the lines of an env or label file that say something, as docker reads them."""
    for line in content.removeprefix("\ufeff").splitlines():
        stripped = line.lstrip()
        if stripped and not stripped.startswith("#"):
            yield stripped
