"""Routes of containers: what is here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.dockerapi.answers import json_answer
from engine.dockerapi.create_body import settings_of, warnings_of
from engine.dockerapi.images import driver_of
from engine.dockerapi.mounted import mounts_of
from engine.dockerapi.routing import Route
from engine.dockerapi.selection import selected
from engine.dockerapi.shapes_containers import container_details, container_summary
from engine.dockerapi.standing import Standings
from engine.system.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from aiohttp import web

    from engine.containers.record import ContainerRecord
    from engine.dockerapi.call import Call
    from engine.engine import Engine


async def list_containers(call: Call) -> web.StreamResponse:
    """Answer `GET /containers/json`."""
    with_sizes = call.query.flag("size")
    choose = selected(call.query)

    def look() -> list[dict[str, Any]]:
        now = SYSTEM_CLOCK.now()
        names, standings = _ImageNames(call.engine), Standings(call.engine)
        return [
            container_summary(
                each,
                now,
                image=names.of(each),
                standing=standings.of(each),
                mounts=mounts_of(call.engine, each.id),
                version=call.version,
                sizes=_sizes(call.engine, each) if with_sizes else None,
            )
            for each in choose(call.engine)
        ]

    ask = call.pools.long if with_sizes else call.pools.quick
    return json_answer(await ask(look))


class _ImageNames:
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


async def inspect(call: Call) -> web.StreamResponse:
    """Answer `GET /containers/{id}/json`."""
    with_sizes = call.query.flag("size")

    def look() -> dict[str, Any]:
        record = call.engine.containers.get(call["id"])
        return container_details(
            record,
            driver=driver_of(call.engine),
            directory=call.engine.paths.containers / record.id,
            standing=Standings(call.engine).of(record),
            mounts=mounts_of(call.engine, record.id),
            version=call.version,
            sizes=_sizes(call.engine, record) if with_sizes else None,
        )

    ask = call.pools.long if with_sizes else call.pools.quick
    return json_answer(await ask(look))


async def create(call: Call) -> web.StreamResponse:
    """Answer `POST /containers/create`."""
    body = await call.json(is_needed=True)
    name = call.query.text("name").removeprefix("/") or None
    settings = settings_of(body, name=name)
    record = await call.pools.long(call.engine.containers.create, settings, owner=call.owner)
    return json_answer({"Id": record.id, "Warnings": warnings_of(body)}, status=201)


def _sizes(engine: Engine, record: ContainerRecord) -> tuple[int, int]:
    written = engine.containers.size(record.id)
    image = engine.images.find(str(record.image_id))
    return written, written + (image.size if image else 0)


ROUTES = (
    Route("GET", "/containers/json", list_containers),
    Route("POST", "/containers/create", create),
    Route("GET", "/containers/{id}/json", inspect),
)
