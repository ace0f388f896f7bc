"""Reading a JSON object that a client sent: the kinds are checked, and what is missing is empty."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from engine.dockerapi.refusals import Refusal

MAX_SIDE = 65_535

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_INT = 2**63
MAX_ITEMS = 10_000


@dataclass(frozen=True)
class Fields:
    """
    An object of docker's JSON.

    What is null or not there is the empty value of its kind; another kind raises `Refusal` (400)
    that names the field, as Go's decoder does. *path* is where the object stands.
    """

    values: Mapping[str, Any]
    path: str = ""

    def value(self, name: str) -> Any:
        """Return what the field holds, whatever the case of its name; None where it is not."""
        if name in self.values:
            return self.values[name]
        # Go's decoder takes a name in any case, and some clients rely on it.
        return self._folded.get(name.lower())

    @cached_property
    def _folded(self) -> dict[str, Any]:
        return {key.lower(): value for key, value in self.values.items()}

    def text(self, name: str) -> str:
        """Return a string."""
        return str(self._typed(name, str, "", "string"))

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a truth value."""
        return bool(self._typed(name, bool, default, "bool"))

    def number(self, name: str) -> int:
        """Return a whole number."""
        return self.optional_number(name) or 0

    def optional_number(self, name: str) -> int | None:
        """Return a whole number, None where there is none."""
        value = self.value(name)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= MAX_INT:
            raise self.wrong(name, "int64")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of strings."""
        return self.optional_texts(name) or ()

    def optional_texts(self, name: str) -> tuple[str, ...] | None:
        """Return a list of strings, None where there is none."""
        value = self.value(name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self.wrong(name, "[]string")
        return tuple(value)

    def words(self, name: str) -> tuple[str, ...] | None:
        """Return a command: a list of strings, or a string that is the only word."""
        value = self.value(name)
        return (value,) if isinstance(value, str) else self.optional_texts(name)

    def mapping(self, name: str) -> dict[str, str]:
        """Return an object of strings."""
        value = self._typed(name, dict, {}, "map[string]string")
        if not all(isinstance(each, str) for each in value.values()):
            raise self.wrong(name, "map[string]string")
        return dict(value)

    def keys(self, name: str) -> tuple[str, ...]:
        """Return the names in an object whose values say nothing."""
        return tuple(self._typed(name, dict, {}, "map[string]struct {}"))

    def child(self, name: str) -> Fields:
        """Return an object, an empty one where there is none."""
        return Fields(self._typed(name, dict, {}, "object"), self._place(name))

    def optional_child(self, name: str) -> Fields | None:
        """Return an object, None where there is none."""
        return self.child(name) if self.value(name) is not None else None

    def children(self, name: str) -> tuple[Fields, ...]:
        """Return a list of objects."""
        value = self._typed(name, list, [], "[]object")
        if len(value) > MAX_ITEMS or not all(isinstance(each, dict) for each in value):
            raise self.wrong(name, "[]object")
        return tuple(Fields(each, self._place(name)) for each in value)

    def items(self, name: str) -> tuple[tuple[str, Fields], ...]:
        """Return an object of objects, null ones as empty."""
        value = self._typed(name, dict, {}, "map[string]object")
        if not all(each is None or isinstance(each, dict) for each in value.values()):
            raise self.wrong(name, "map[string]object")
        place = self._place(name)
        return tuple((key, Fields(each or {}, place)) for key, each in value.items())

    def size(self, name: str) -> tuple[int, int] | None:
        """Return the rows and columns of a terminal, None where they are not told or are 0."""
        size = self._typed(name, list, [], "[2]uint")
        if not size:
            return None
        are_sides = all(isinstance(each, int) and 0 <= each <= MAX_SIDE for each in size)
        if len(size) != 2 or not are_sides:
            raise self.wrong(name, "[2]uint")
        return (size[0], size[1]) if all(size) else None

    def is_set(self, name: str) -> bool:
        """Whether the field is there and says something: neither null, zero nor empty."""
        return bool(self.value(name))

    def wrong(self, name: str, kind: str) -> Refusal:
        """Return the refusal of a field that is not of *kind*."""
        return Refusal(
            400,
            f"invalid JSON: cannot unmarshal value into field {self._place(name)} of type {kind}",
        )

    def _place(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def _typed(self, name: str, kind: type, default: Any, word: str) -> Any:
        value = self.value(name)
        if value is None:
            return default
        if not isinstance(value, kind):
            raise self.wrong(name, word)
        return value
