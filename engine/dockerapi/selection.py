"""Which containers `docker ps` lists: states, filters, limit, before and since."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from engine.containers.health import HealthStatus
from engine.containers.state import ContainerState
from engine.dockerapi.query import Filters
from engine.dockerapi.refusals import Refusal
from engine.dockerapi.standing import Standing, Standings, port_rows
from engine.errors import InvalidSetting
from engine.oci.identity import chain_ids
from engine.settings.network import parse_exposed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.containers.record import ContainerRecord
    from engine.dockerapi.query import Query
    from engine.engine import Engine

KNOWN = (
    "ancestor",
    "before",
    "expose",
    "exited",
    "health",
    "id",
    "isolation",
    "is-task",
    "label",
    "name",
    "network",
    "publish",
    "since",
    "status",
    "volume",
)
STATES = frozenset(ContainerState)
HEALTH = frozenset({"none", *HealthStatus})
RUNNING = frozenset({ContainerState.RUNNING, ContainerState.PAUSED, ContainerState.RESTARTING})


def selected(query: Query) -> Callable[[Engine, Sequence[ContainerRecord]], list[ContainerRecord]]:
    """Return what chooses the containers that *query* asks for; it is checked at once."""
    filters = _with_old_ones(query, query.filters(*KNOWN))
    _check(filters)
    limit = query.number("limit", -1)
    shows_all = (
        query.flag("all")
        or limit > 0
        or any(filters.get(each) for each in ("status", "exited", "before", "since"))
    )

    def choose(engine: Engine, every: Sequence[ContainerRecord]) -> list[ContainerRecord]:
        records = [each for each in _between(every, filters) if shows_all or each.state in RUNNING]
        if filters.values:
            matches = _Matcher(engine, filters)
            records = [each for each in records if matches.matches(each)]
        return records[:limit] if limit > 0 else records

    return choose


def _with_old_ones(query: Query, filters: Filters) -> Filters:
    """Return *filters* with what clients of old wrote beside them."""
    old = {name: query.texts(name) for name in ("before", "since") if query.text(name)}
    return Filters({**filters.values, **old})


def _check(filters: Filters) -> None:
    for status in filters.get("status"):
        if status not in STATES:
            raise Refusal(400, f"Invalid filter 'status={status[:60]}'")
    for code in filters.get("exited"):
        if not re.fullmatch(r"-?\d{1,10}", code, re.ASCII):
            raise Refusal(400, f'strconv.Atoi: parsing "{code[:60]}": invalid syntax')
    for health in filters.get("health"):
        if health not in HEALTH:
            raise Refusal(400, f"Unrecognised filter value for health: {health[:60]}")
    filters.flag("is-task")
    for name in ("publish", "expose"):
        for text in filters.get(name):
            _check_port(name, text)


def _check_port(name: str, text: str) -> None:
    try:
        parse_exposed(text)
    except InvalidSetting as error:
        why = f'strconv.ParseUint: parsing "{text[:60]}": invalid syntax'
        words = f"error while looking up for {name} {text[:60]}: {why}"
        raise Refusal(400, words) from error


def _between(records: Sequence[ContainerRecord], filters: Filters) -> Sequence[ContainerRecord]:
    """Return those of *records*, the newest first, that lie between `since` and `before`."""
    for ref in filters.get("before"):
        records = records[_position(records, ref) + 1 :]
    for ref in filters.get("since"):
        records = records[: _position(records, ref)]
    return records


def _position(records: Sequence[ContainerRecord], ref: str) -> int:
    name = ref.removeprefix("/")
    for n, each in enumerate(records):
        if name in (each.name, each.id):
            return n
    for n, each in enumerate(records):
        if name and each.id.startswith(name):
            return n
    raise Refusal(404, f"no such container {ref}")


class _Matcher:
    """Tells whether a container passes every filter."""

    def __init__(self, engine: Engine, filters: Filters) -> None:
        self._engine = engine
        self._filters = filters
        self._standings: Standings | None = None
        self._networks: dict[str, str] = {}
        self._ancestors = _ancestors(engine, filters.get("ancestor"))
        self._names = [_name_pattern(each) for each in filters.get("name")]
        self._codes = frozenset(int(each) for each in filters.get("exited"))

    def matches(self, record: ContainerRecord) -> bool:
        """Whether *record* is one that is asked for."""
        filters = self._filters
        return (
            filters.matches("status", record.state)
            and filters.matches_labels(record.labels)
            and not filters.flag("is-task")
            and self._matches_id(record)
            and self._matches_name(record)
            and self._matches_exit(record)
            and filters.matches("health", _health_of(record))
            and self._matches_volume(record)
            and self._matches_network(record)
            and self._matches_ports(record)
            and (self._ancestors is None or str(record.image_id) in self._ancestors)
        )

    def _matches_volume(self, record: ContainerRecord) -> bool:
        wanted = self._filters.get("volume")
        mounts = self._engine.containers.mounts(record.id) if wanted else []
        return not wanted or any(
            each in (mount.source, mount.target.rstrip("/")) for mount in mounts for each in wanted
        )

    def _matches_network(self, record: ContainerRecord) -> bool:
        wanted = self._filters.get("network")
        if not wanted:
            return True
        names = {record.settings.network}
        names |= {each.network for each in self._engine.networks.endpoints(record.id)}
        return any(self._network_name(each) in names for each in wanted)

    def _network_name(self, text: str) -> str:
        if text not in self._networks:
            found = self._engine.networks.find(text)
            self._networks[text] = found.name if found else text
        return self._networks[text]

    def _matches_ports(self, record: ContainerRecord) -> bool:
        published, exposed = self._filters.get("publish"), self._filters.get("expose")
        if not published and not exposed:
            return True
        rows = port_rows(record, self._standing(record)) if record.is_running else []
        public = {(row.get("PublicPort"), row["Type"]) for row in rows}
        private = {(row["PrivatePort"], row["Type"]) for row in rows}
        return _has_port(published, public) and _has_port(exposed, private)

    def _standing(self, record: ContainerRecord) -> Standing:
        self._standings = self._standings or Standings(self._engine)
        return self._standings.of(record)

    def _matches_id(self, record: ContainerRecord) -> bool:
        wanted = self._filters.get("id")
        return not wanted or any(each and record.id.startswith(each) for each in wanted)

    def _matches_name(self, record: ContainerRecord) -> bool:
        if not self._names:
            return True
        name = record.name
        return any(each.search(name) or each.search(f"/{name}") for each in self._names)

    def _matches_exit(self, record: ContainerRecord) -> bool:
        if not self._codes:
            return True
        # What runs, or never did, has no code.
        return (
            not record.is_running
            and bool(record.started_at)
            and (record.exit_code or 0) in self._codes
        )


def _has_port(wanted: tuple[str, ...], ports: set[tuple[Any, Any]]) -> bool:
    return not wanted or any(
        (port, kind) in ports
        for text in wanted
        for numbers, kind in [parse_exposed(text)]
        for port in numbers
    )


def _health_of(record: ContainerRecord) -> str:
    return str(record.health.status) if record.health else "none"


def _name_pattern(text: str) -> re.Pattern[str]:
    if len(text) > 300:
        raise Refusal(400, "Invalid filter 'name': too long")
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError):
        return re.compile(re.escape(text))


def _ancestors(engine: Engine, names: tuple[str, ...]) -> frozenset[str] | None:
    """Return the IDs of the images that stand on one of *names*, None if none is asked for."""
    if not names:
        return None
    wanted = [each for each in map(engine.images.find, names) if each is not None]
    tops = {chain_ids(each.config.diff_ids)[-1] for each in wanted if each.config.diff_ids}
    found = {str(each.id) for each in wanted}
    for image in engine.images.list():
        if tops.intersection(layer.chain_id for layer in image.layers):
            found.add(str(image.id))
    return frozenset(found)
