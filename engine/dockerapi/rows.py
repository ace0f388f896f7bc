"""
The rows of `docker ps`, kept ready: all of a row but what time alone changes.

They are made of all records at once, and made again when any record has changed; between changes a
list of ten thousand containers is put together from bytes that are there.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.containers.status import status_words
from engine.dockerapi.kept import Kept
from engine.dockerapi.mounted import mount_shape
from engine.dockerapi.shapes_containers import container_summary
from engine.dockerapi.standing import Standing, Standings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from engine.containers.record import ContainerRecord
    from engine.dockerapi.versions import ApiVersion
    from engine.engine import Engine

# No text of a record holds it, so it marks the place of the status in what is rendered.
PLACE = "\0"
MARK = json.dumps(PLACE).encode()


@dataclass(frozen=True, slots=True)
class Row:
    """One container: what comes before and after its status."""

    record: ContainerRecord
    before: bytes
    after: bytes

    def render(self, now: datetime) -> bytes:
        """Return the row as JSON at the moment *now*."""
        return self.before + json.dumps(status_words(self.record, now)).encode() + self.after


class Views:
    """What one server keeps of its engine's containers, as long as nothing changes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._rows = Kept[dict[str, Row]](engine.version)
        self._details = Kept[bytes](engine.version)

    def rows(self, version: ApiVersion) -> dict[str, Row]:
        """Return the rows of all containers by ID, the newest first."""
        self._engine.containers.settle()
        return self._rows.get(version, lambda: make_rows(self._engine, version))

    def ready_details(self, asked: tuple[str, ApiVersion]) -> bytes | None:
        """Return what `details` would, if that takes no longer than a look."""
        return self._details.ready(asked) if self._engine.containers.is_settled else None

    def details(self, asked: tuple[str, ApiVersion], make: Callable[[], dict[str, Any]]) -> bytes:
        """Return the answer to an `inspect` as bytes."""
        self._engine.containers.settle()
        return self._details.get(asked, lambda: json.dumps(make()).encode(errors="replace"))


def make_rows(engine: Engine, version: ApiVersion) -> dict[str, Row]:
    """Return the rows of all containers by ID, the newest first."""
    names, standings = ImageNames(engine), _AllStandings(engine)
    mounts = engine.containers.list_mounts()
    rows = {}
    for record in engine.containers.list():
        summary = container_summary(
            record,
            PLACE,
            image=names.of(record),
            standing=standings.of(record),
            mounts=[mount_shape(engine, each) for each in mounts.get(record.id, ())],
            version=version,
        )
        before, _, after = json.dumps(summary).encode(errors="replace").partition(MARK)
        rows[record.id] = Row(record, before, after)
    return rows


class ImageNames:
    """The IMAGE column: the name as given, or the ID once that name is another image's."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[tuple[str, str], str] = {}

    def of(self, record: ContainerRecord) -> str:
        """Return what to show for *record*."""
        key = (record.settings.image, str(record.image_id))
        if key not in self._known:
            image = self._engine.images.find(key[0])
            is_same = image is not None and image.id == record.image_id
            self._known[key] = key[0] if is_same else str(record.image_id)
        return self._known[key]


class _AllStandings(Standings):
    """Where all containers stand, read at once."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._endpoints = _grouped(
            (each.container_id, each) for each in engine.networks.active_endpoints()
        )
        self._ports = _grouped(engine.networks.list_ports())
        self._names = engine.networks.list_members()

    def of(self, record: ContainerRecord) -> Standing:
        """Return where *record* stands; of one that does not run, only in which networks."""
        if not record.is_running:
            return Standing(networks=self.networks, names=self._names.get(record.id, ()))
        return Standing(
            endpoints=tuple(self._endpoints.get(record.id, ())),
            ports=tuple(self._ports.get(record.id, ())),
            exposed=self.exposed(record),
            networks=self.networks,
        )


def _grouped(pairs: Iterable[tuple[str, Any]]) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return groups
