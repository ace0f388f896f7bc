"""
Settings from JSON and back, by the types that their fields are annotated with.

A field's annotation is the only place that says what it holds; unknown names, missing ones and
values of another type are refused with the name of the outermost field.
"""

from __future__ import annotations

import enum
import types
from collections.abc import Hashable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from engine.errors import InvalidSetting

T = TypeVar("T")

_PLAIN = {
    str: "must be a string",
    bool: "must be true or false",
    int: "must be a whole number",
}


def read_value(kind: type[T], value: object, *, name: str = "") -> T:
    """Return the *kind* that the JSON object *value* spells; raise `InvalidSetting`."""
    if not isinstance(value, dict):
        raise InvalidSetting(name or "settings", "must be an object")
    hints = _hints(cast("Hashable", kind))
    for key in sorted(map(str, value)):
        if key not in hints:
            raise InvalidSetting(
                name or key[:60], f"{key[:60]} is not a setting that this engine knows"
            )
    for key in _required(cast("Hashable", kind)):
        if key not in value:
            raise InvalidSetting(name or key, "is missing" if not name else f"{key} is missing")
    return kind(**{key: _read(hints[key], item, name or key) for key, item in value.items()})


def write_value(value: Any, *, always: tuple[str, ...] = ()) -> dict[str, Any]:
    """
    Return the JSON object that `read_value` makes an equal value of.

    What is as the default has it is left out, but for the fields in *always*.
    """
    return {
        each.name: _plain(getattr(value, each.name))
        for each in fields(value)
        if each.name in always or getattr(value, each.name) != _default(each)
    }


@lru_cache(maxsize=64)
def _hints(kind: Hashable) -> dict[str, Any]:
    return get_type_hints(cast("type", kind))


@lru_cache(maxsize=64)
def _required(kind: Hashable) -> tuple[str, ...]:
    return tuple(each.name for each in fields(cast("Any", kind)) if _default(each) is MISSING)


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _read(annotation: Any, value: object, name: str) -> Any:
    origin = get_origin(annotation)
    if origin in {Union, types.UnionType}:
        wanted = next(each for each in get_args(annotation) if each is not types.NoneType)
        return None if value is None else _read(wanted, value, name)
    if origin is tuple:
        return _read_list(get_args(annotation)[0], value, name)
    if origin is Mapping:
        return _read_mapping(value, name)
    if is_dataclass(annotation):
        return read_value(annotation, value, name=name)  # type: ignore[arg-type]
    if issubclass(annotation, enum.StrEnum):
        return _read_choice(annotation, value, name)
    return _read_plain(annotation, value, name)


def _read_list(item: Any, value: object, name: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise InvalidSetting(name, "must be a list")
    return tuple(_read(item, each, name) for each in value)


def _read_mapping(value: object, name: str) -> Mapping[str, str]:
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise InvalidSetting(name, "must be an object of strings")
    return MappingProxyType({str(key): each for key, each in value.items()})


def _read_choice(kind: type[enum.StrEnum], value: object, name: str) -> enum.StrEnum:
    if value not in kind.__members__.values():
        raise InvalidSetting(name, "must be one of " + ", ".join(kind))
    return kind(str(value))


def _read_plain(kind: type, value: object, name: str) -> object:
    if type(value) is not kind:
        raise InvalidSetting(name, _PLAIN[kind])
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return dict(value)
    if is_dataclass(value):
        return write_value(value)
    return value
