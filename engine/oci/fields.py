"""
Typed access to JSON from outside.

A reader takes a parsed value and the place where it stood, and either returns it in its type or
raises what the document's own error builder makes, so that the message names the field.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.errors import InvalidInput

MAX_DEPTH_ERROR = "it is nested too deeply"


@dataclass(frozen=True, slots=True)
class Fields:
    """One JSON object, where it stood, and how to complain about it."""

    values: dict[str, Any]
    place: str
    complain: Callable[[str, str], InvalidInput]

    def error(self, key: str, reason: str) -> InvalidInput:
        """Return the error that says *reason* of the field *key*."""
        where = f"{self.place}.{key}" if self.place else key
        return self.complain(where, f"{where} {reason}")

    def text(self, key: str, default: str | None = None) -> str:
        """Return a string; without *default* it must be there."""
        value = self.values.get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            raise self.error(key, "must be a string")
        return value

    def integer(self, key: str, default: int | None = None) -> int:
        """Return an integer that is not negative and fits 63 bits; see `text` for *default*."""
        value = self.values.get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
            raise self.error(key, "must be a number that is not negative")
        return value

    def flag(self, key: str) -> bool:
        """Return a boolean, False where it is absent."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, bool):
            raise self.error(key, "must be true or false")
        return bool(value)

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of strings, empty where it is absent or null."""
        value = self.values.get(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self.error(key, "must be a list of strings")
        return tuple(value)

    def mapping(self, key: str) -> dict[str, str]:
        """Return an object of strings, empty where it is absent or null."""
        value = self.values.get(key)
        if value is None:
            return {}
        if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
            raise self.error(key, "must be an object of strings")
        return dict(value)

    def keys(self, key: str) -> tuple[str, ...]:
        """Return the keys of an object whose values are empty objects, as Docker writes sets."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, dict):
            raise self.error(key, "must be an object")
        return tuple(value or ())

    def child(self, key: str) -> Fields | None:
        """Return the object under *key*, or None where it is absent or null."""
        value = self.values.get(key)
        return None if value is None else self._fields(value, key)

    def children(self, key: str, *, limit: int) -> tuple[Fields, ...]:
        """Return the objects listed under *key*, at most *limit*; empty where absent or null."""
        value = self.values.get(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            raise self.error(key, "must be a list")
        if len(value) > limit:
            raise self.error(key, f"has more than {limit} entries")
        return tuple(self._fields(each, f"{key}[{index}]") for index, each in enumerate(value))

    def _fields(self, value: Any, key: str) -> Fields:
        if not isinstance(value, dict):
            raise self.error(key, "must be an object")
        return Fields(value, f"{self.place}.{key}" if self.place else key, self.complain)


def parse_object(
    content: bytes, *, limit: int, complain: Callable[[str, str], InvalidInput]
) -> Fields:
    """Return the JSON object in *content*, of at most *limit* bytes."""
    if len(content) > limit:
        raise complain("", f"it has more than {limit} bytes")
    try:
        value = json.loads(content)
    except RecursionError as error:
        raise complain("", MAX_DEPTH_ERROR) from error
    except ValueError as error:
        raise complain("", "it is not JSON") from error
    if not isinstance(value, dict):
        raise complain("", "it is not a JSON object")
    return Fields(value, "", complain)
