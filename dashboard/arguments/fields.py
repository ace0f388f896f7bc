"""Reading one field of a form or of a job's row: each reader returns a value within its limits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from engine.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_TEXT = 4096
MAX_ITEMS = 1000
MAX_CLEAN_UP = 10_000

HEX_64 = re.compile(r"[0-9a-f]{64}", re.ASCII)
IMAGE_ID = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
CONTAINER_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{1,254}", re.ASCII)
SIGNAL = re.compile(r"(?:SIG)?[A-Z][A-Z0-9+-]{1,15}|[0-9]{1,2}", re.ASCII)


def only(data: Mapping[str, Any], *known: str) -> None:
    """Refuse fields that nobody asked for, so that a misspelt one is never silently ignored."""
    for name in data:
        if name not in known:
            raise InvalidSetting(str(name)[:64], "there is no such field")


def text_of(data: Mapping[str, Any], name: str, *, limit: int = MAX_TEXT) -> str:
    """Return the text *name*, empty where it is missing."""
    value = data.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidSetting(name, "it must be text")
    if len(value) > limit:
        raise InvalidSetting(name, f"it is longer than {limit} characters")
    if "\0" in value:
        raise InvalidSetting(name, "it contains a NUL character")
    return value


def number_of(
    data: Mapping[str, Any], name: str, *, at_least: int, at_most: int = 2**53
) -> int | None:
    """Return the whole number *name*, None where it is missing."""
    value = data.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidSetting(name, "it must be a whole number")
    if not at_least <= value <= at_most:
        raise InvalidSetting(name, f"it must be between {at_least} and {at_most}")
    return value


def flag_of(data: Mapping[str, Any], name: str) -> bool:
    """Return the flag *name*, false where it is missing."""
    value = data.get(name, False)
    if not isinstance(value, bool):
        raise InvalidSetting(name, "it must be true or false")
    return value


def texts_of(data: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    """Return the texts *name*, None where they are missing."""
    values = data.get(name)
    if values is None:
        return None
    if not isinstance(values, list | tuple) or len(values) > MAX_ITEMS:
        raise InvalidSetting(name, f"it must be a list of at most {MAX_ITEMS} texts")
    return tuple(text_of({name: value}, name) for value in values)


def matching(
    name: str, value: str, pattern: re.Pattern[str], flaw: str, *, remedy: str = ""
) -> str:
    """Return *value* if all of it matches *pattern*."""
    if not pattern.fullmatch(value):
        raise InvalidSetting(name, f"{value[:80]!r} is {flaw}", remedy=remedy)
    return value


def image_id_of(data: Mapping[str, Any]) -> str:
    """Return the whole image ID, `sha256:…`."""
    return matching("image_id", text_of(data, "image_id"), IMAGE_ID, "not a whole image ID")


def container_id_of(data: Mapping[str, Any]) -> str:
    """Return the whole container ID."""
    value = text_of(data, "container_id")
    return matching("container_id", value, HEX_64, "not a whole container ID")


def container_name_of(data: Mapping[str, Any], field: str) -> str:
    """Return the container name *field*, empty where it is missing."""
    name = text_of(data, field)
    if not name:
        return ""
    remedy = "Use letters, digits, _ . and -, at least two, beginning with a letter or digit."
    return matching(field, name, CONTAINER_NAME, "not a container name", remedy=remedy)


def labels_of(data: Mapping[str, Any], name: str = "labels") -> dict[str, str]:
    """Return the names with their values that stand in the field *name*."""
    value = data.get(name) or {}
    if not isinstance(value, dict) or len(value) > MAX_ITEMS:
        raise InvalidSetting(name, "they must be names with values")
    return {text_of({name: key}, name): text_of({name: item}, name) for key, item in value.items()}


def ids_of(data: Mapping[str, Any], pattern: re.Pattern[str]) -> tuple[str, ...]:
    """Return the IDs *ids*, each once and in order; at least one."""
    values = data.get("ids")
    if not isinstance(values, list | tuple) or not values:
        raise InvalidSetting("ids", "nothing is selected", remedy="Select at least one row.")
    if len(values) > MAX_CLEAN_UP:
        raise InvalidSetting("ids", f"more than {MAX_CLEAN_UP} are selected")
    texts = [text_of({"ids": value}, "ids") for value in values]
    return tuple(sorted({matching("ids", text, pattern, "not a whole ID") for text in texts}))


def counted(count: int, noun: str) -> str:
    """Return *count* and *noun*, in the plural where it is one."""
    return f"{count} {noun}" + ("" if count == 1 else "s")
