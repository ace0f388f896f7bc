"""The rules that many settings share: how long, how many, between which bounds."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from engine.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LARGEST = 2**62
MAX_ENTRIES = 4096
# The kernel takes no longer argument or variable (MAX_ARG_STRLEN).
MAX_TEXT = 128 * 1024
MAX_NAME = 255
NOTHING: Mapping[str, str] = MappingProxyType({})


def check_text(name: str, text: str) -> None:
    """Raise `InvalidSetting` on *name* where *text* is more than the kernel would take."""
    if "\0" in text:
        raise InvalidSetting(name, "holds a NUL character")
    if len(text.encode(errors="surrogatepass")) >= MAX_TEXT:
        raise InvalidSetting(name, f"is longer than {MAX_TEXT // 1024} KiB")


def check_texts(name: str, texts: Iterable[str]) -> None:
    """Raise `InvalidSetting` on *name* where there are too many texts, or one is too long."""
    listed = tuple(texts)
    check_count(name, listed)
    for text in listed:
        check_text(name, text)


def check_characters(name: str, texts: Iterable[str]) -> None:
    """Raise `InvalidSetting` on *name* where one of *texts* cannot be written as UTF-8."""
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidSetting(name, "holds half of a character") from error


def check_count(name: str, entries: tuple[object, ...]) -> None:
    """Raise `InvalidSetting` on *name* where there are more entries than anybody needs."""
    if len(entries) > MAX_ENTRIES:
        raise InvalidSetting(name, f"has more than {MAX_ENTRIES} entries")


def check_mapping(name: str, mapping: Mapping[str, str], *, entry: str) -> None:
    """Raise `InvalidSetting` on *name* where a key or value cannot be; an *entry* needs a name."""
    check_texts(name, mapping)
    check_texts(name, mapping.values())
    if "" in mapping:
        raise InvalidSetting(name, f"{entry} needs a name")


def check_range(name: str, value: int, largest: int = LARGEST, *, smallest: int = 0) -> None:
    """Raise `InvalidSetting` on *name* where *value* lies outside the bounds."""
    if not smallest <= value <= largest:
        raise InvalidSetting(name, f"must be between {smallest} and {largest}")


def check_choice(name: str, value: str, choices: tuple[str, ...], refusal: str) -> None:
    """Raise `InvalidSetting` on *name*, saying *refusal*, where *value* is none of *choices*."""
    if value not in choices:
        shown = ", ".join(each for each in choices if each)
        raise InvalidSetting(name, f"{refusal}: {value[:80]}", remedy=f"Choose one of: {shown}.")


def check_absolute(name: str, path: str, refusal: str) -> None:
    """Raise `InvalidSetting` on *name* where *path* is not absolute."""
    check_text(name, path)
    if not path.startswith("/"):
        raise InvalidSetting(name, f"{refusal}: {path[:80]!r} must be absolute")
