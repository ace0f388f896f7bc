"""Whose things are, as the hosts have told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, overload

from django.urls import reverse

from dashboard.arguments import Thing
from dashboard.errors import ThingUnknown
from dashboard.models import Container, Image, Network, Volume

if TYPE_CHECKING:
    from collections.abc import Iterable

# What lies in the trash has no table here; the host itself knows whose it is.
# By kind: the table, the column with the ID, and the one with the owner.
_TABLES = {
    "container": (Container, "container_id", "owner"),
    "image": (Image, "image_id", "added_by"),
    "volume": (Volume, "name", "owner"),
    "network": (Network, "network_id", "owner"),
}


def owners_of(host: str, things: Iterable[Thing]) -> dict[Thing, str]:
    """Return the owner of each of *things* that is known to be on *host*, empty for nobody's."""
    found: dict[Thing, str] = {}
    ids: dict[str, list[str]] = {}
    for thing in things:
        ids.setdefault(thing.kind, []).append(thing.id)
    for kind in ids.keys() & _TABLES.keys():
        (model, key, owner), wanted = _TABLES[kind], ids[kind]
        rows = model._default_manager.filter(host_id=host, **{f"{key}__in": wanted})  # noqa: SLF001
        found |= {Thing(kind, each): whose for each, whose in rows.values_list(key, owner)}
    return found


@dataclass(frozen=True, slots=True)
class Owned:
    """One thing on one host, whose it is, and where it is shown and removed."""

    host: str
    thing: Thing
    name: str
    owner: str
    url: str
    remove_url: str


@overload
def find_owned(host: str, thing: Thing) -> Owned: ...
@overload
def find_owned(host: str, thing: Thing, *, miss: Literal[True]) -> Owned | None: ...
def find_owned(host: str, thing: Thing, *, miss: bool = False) -> Owned | None:
    """Return *thing* on *host*; where there is none raise `ThingUnknown`, or with *miss* None."""
    model, key, owner = _TABLES.get(thing.kind, _TABLES["container"])
    rows = model._default_manager.filter(host_id=host, **{key: thing.id})  # noqa: SLF001
    row: Any = rows.first() if thing.kind in _TABLES else None
    if row is None:
        if miss:
            return None
        raise ThingUnknown(thing.kind, thing.short_id)
    # As it stands in addresses.
    address = thing.id.removeprefix("sha256:")
    return Owned(
        host,
        thing,
        _name_of(row),
        getattr(row, owner),
        row.get_absolute_url(),
        reverse(f"{thing.kind}_remove", args=(host, address)),
    )


def _name_of(row: Any) -> str:
    if isinstance(row, Image):
        tag = row.tags.first()
        return str(tag) if tag else row.short_id
    return row.shown_name if isinstance(row, Volume) else row.name
