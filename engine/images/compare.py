"""Comparing two images: what they say of containers, what layers they share, what files differ."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from engine.images.stories import Change

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.images.files import FileDifference, LayerFiles
    from engine.images.record import ImageRecord, LayerRecord
    from engine.oci.healthcheck import Healthcheck

MOST_SHOWN = 5000


@dataclass(frozen=True, slots=True)
class ConfigDifference:
    """
    One thing that two images say differently, as words; empty where one says nothing.

    *key* names the variable, the label or the port where *field* has several.
    """

    field: str
    key: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class FileTotals:
    """How many paths differ in one way, and the bytes that are there more, or less."""

    paths: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """
    In what image *after* differs from image *before*.

    *files* are the first of the differing paths, *totals* count all of them, by change.
    """

    before: ImageRecord
    after: ImageRecord
    config: tuple[ConfigDifference, ...]
    shared: tuple[LayerRecord, ...]
    only_before: tuple[LayerRecord, ...]
    only_after: tuple[LayerRecord, ...]
    files: tuple[FileDifference, ...]
    totals: dict[Change, FileTotals]

    @property
    def is_cut(self) -> bool:
        """Whether more paths differ than *files* shows."""
        return sum(each.paths for each in self.totals.values()) > len(self.files)


def compare_images(before: ImageRecord, after: ImageRecord, files: LayerFiles) -> Comparison:
    """Return in what *after* differs from *before*; raise `IndexMissing`."""
    shown: list[FileDifference] = []
    paths = dict.fromkeys(Change, 0)
    sizes = dict.fromkeys(Change, 0)
    for each in files.differences(before, after):
        paths[each.change] += 1
        sizes[each.change] += each.size_after - each.size_before
        if len(shown) < MOST_SHOWN:
            shown.append(each)
    mine, theirs = _by_chain(before.layers), _by_chain(after.layers)
    return Comparison(
        before,
        after,
        config_differences(before, after),
        tuple(layer for key, layer in mine.items() if key in theirs),
        tuple(layer for key, layer in mine.items() if key not in theirs),
        tuple(layer for key, layer in theirs.items() if key not in mine),
        tuple(shown),
        {change: FileTotals(paths[change], sizes[change]) for change in Change},
    )


def config_differences(before: ImageRecord, after: ImageRecord) -> tuple[ConfigDifference, ...]:
    """Return what the two say differently, field by field."""
    found = [_told("platform", str(before.platform), str(after.platform))]
    found.append(_told("author", before.config.author, after.config.author))
    one, other = before.config.defaults, after.config.defaults
    for field in fields(one):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        if field.name in {"env", "labels", "exposed_ports", "volumes"}:
            found += _keyed(field.name, _mapping(mine), _mapping(theirs))
        else:
            found.append(_told(field.name, _words(mine), _words(theirs)))
    return tuple(each for each in found if each.before != each.after)


def _told(field: str, before: str, after: str) -> ConfigDifference:
    return ConfigDifference(field, "", before, after)


def _keyed(field: str, mine: dict[str, str], theirs: dict[str, str]) -> list[ConfigDifference]:
    keys = dict.fromkeys((*mine, *theirs))
    return [ConfigDifference(field, key, mine.get(key, ""), theirs.get(key, "")) for key in keys]


def _mapping(value: Any) -> dict[str, str]:
    if isinstance(value, tuple):
        pairs = (each.partition("=") for each in value)
        return {name: text if separator else "yes" for name, separator, text in pairs}
    return dict(value)


def _words(value: str | tuple[str, ...] | Healthcheck | None) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return " ".join(value if isinstance(value, tuple) else value.test)


def _by_chain(layers: Iterable[LayerRecord]) -> dict[str, LayerRecord]:
    return {str(layer.chain_id): layer for layer in layers}
