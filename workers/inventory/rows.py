"""Comparing what the engine says with what the models say, and writing only the difference."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.db.models import Model

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

M = TypeVar("M", bound=Model)
BATCH = 500
MOST_PUBLISHED = 100


@dataclass(slots=True)
class Difference(Generic[M]):
    """What has to be done to the rows of one kind."""

    new: list[M] = field(default_factory=list)
    changed: list[M] = field(default_factory=list)
    gone: list[M] = field(default_factory=list)

    @property
    def touched(self) -> list[M]:
        """The rows that exist afterwards and were not so before."""
        return [*self.new, *self.changed]

    def __bool__(self) -> bool:
        return bool(self.new or self.changed or self.gone)


def set_values(row: Model, values: Mapping[str, Any]) -> list[str]:
    """Give *row* the *values*, without saving it; return the names of the fields that changed."""
    names = [name for name, value in values.items() if getattr(row, name) != value]
    for name in names:
        setattr(row, name, values[name])
    return names


def difference(
    model: type[M],
    existing: Iterable[M],
    wanted: Mapping[str, Mapping[str, Any]],
    *,
    key: str,
    common: Mapping[str, Any],
) -> Difference[M]:
    """
    Return what turns the *existing* rows into the *wanted* ones, by the values of the field *key*.

    *common* values are given to new rows. Changed rows have their new values but are not saved.
    """
    found: Difference[M] = Difference()
    known: set[str] = set()
    for row in existing:
        name = getattr(row, key)
        known.add(name)
        if name not in wanted:
            found.gone.append(row)
        elif set_values(row, wanted[name]):
            found.changed.append(row)
    found.new = [
        model(**common, **{key: name}, **values)
        for name, values in wanted.items()
        if name not in known
    ]
    return found


def save(model: type[M], found: Difference[M], fields: Iterable[str]) -> None:
    """Write *found* in a bounded number of statements; *fields* are those that may have changed."""
    manager = model._default_manager  # noqa: SLF001  (Django's public way to any model's rows)
    if found.gone:
        manager.filter(pk__in=[row.pk for row in found.gone]).delete()
    if found.changed:
        manager.bulk_update(found.changed, list(fields), batch_size=BATCH)
    if found.new:
        manager.bulk_create(found.new, batch_size=BATCH)


def is_worth_publishing(found: Difference[M]) -> bool:
    """Whether pages should hear of *found* row by row, rather than be right at their next load."""
    return len(found.touched) + len(found.gone) <= MOST_PUBLISHED
