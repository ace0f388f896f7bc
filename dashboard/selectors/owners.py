"""Whose things are, as the hosts have told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.arguments import Thing
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
