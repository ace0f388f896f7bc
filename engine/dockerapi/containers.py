"""Routes of containers: what is here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from engine.dockerapi.answers import json_answer, json_bytes
from engine.dockerapi.create_body import attached_of, settings_of, warnings_of
from engine.dockerapi.images import driver_of
from engine.dockerapi.mounted import mounts_of
from engine.dockerapi.names import parse_platform
from engine.dockerapi.refusals import Refusal, refusal_of
from engine.dockerapi.routing import Route
from engine.dockerapi.selection import selected
from engine.dockerapi.shapes_containers import container_details
from engine.dockerapi.standing import Standings
from engine.errors import ImageNotFound, NotFound
from engine.oci.config import ProcessDefaults
from engine.system.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from aiohttp import web

    from engine.containers.record import ContainerRecord
    from engine.dockerapi.call import Call
    from engine.engine import Engine
    from engine.oci.platform import Platform


async def list_containers(call: Call) -> web.StreamResponse:
    """Answer `GET /containers/json`."""
    with_sizes = call.query.flag("size")
    choose = selected(call.query)

    def look() -> bytes:
        rows = call.views.rows(call.version)
        chosen = choose(call.engine, [each.record for each in rows.values()])
        now = SYSTEM_CLOCK.now()
        found = (rows[each.id].render(now) for each in chosen)
        if with_sizes:
            found = (
                _with_sizes(call.engine, row, each) for row, each in zip(found, chosen, strict=True)
            )
        return b"[" + b",".join(found) + b"]\n"

    ask = call.pools.long if with_sizes else call.pools.quick
    return json_bytes(await ask(look))


def _with_sizes(engine: Engine, row: bytes, record: ContainerRecord) -> bytes:
    """Return *row* with what the container takes; docker leaves out what is 0."""
    written, whole = _sizes(engine, record)
    shown = {"SizeRw": written, "SizeRootFs": whole}
    return json.dumps(json.loads(row) | {key: size for key, size in shown.items() if size}).encode()


async def inspect(call: Call) -> web.StreamResponse:
    """Answer `GET /containers/{id}/json`."""
    with_sizes = call.query.flag("size")

    def make() -> dict[str, Any]:
        record = call.engine.containers.get(call["id"])
        image = call.engine.images.find(str(record.image_id))
        execs = call.engine.containers.exec_list(record.id) if record.is_running else []
        return container_details(
            record,
            image.config.defaults if image else ProcessDefaults(),
            driver=driver_of(call.engine),
            directory=call.engine.paths.containers / record.id,
            standing=Standings(call.engine).of(record),
            mounts=mounts_of(call.engine, record.id),
            execs=[each.id for each in execs if each.exit_code is None],
            version=call.version,
            sizes=_sizes(call.engine, record) if with_sizes else None,
        )

    if with_sizes:
        return json_answer(await call.pools.long(make))
    asked = (call["id"], call.version)
    # Another thread would take longer than the answer.
    if ready := call.views.ready_details(asked):
        return json_bytes(ready)
    return json_bytes(await call.pools.quick(call.views.details, asked, make))


async def create(call: Call) -> web.StreamResponse:
    """Answer `POST /containers/create`."""
    body = await call.json(is_needed=True)
    if not body:
        raise Refusal(400, "Config cannot be empty in order to create a container")
    name = call.query.text("name").removeprefix("/") or None
    settings = settings_of(body, name=name)
    platform = parse_platform(call.query.text("platform"))
    try:
        if platform is not None:
            await call.pools.quick(_check_platform, call.engine, settings.image, platform)
        record = await call.pools.short(
            call.engine.containers.create,
            settings,
            owner=call.owner,
            attached=attached_of(body),
        )
    except NotFound as error:
        refusal = refusal_of(error)
        # A client that reads 404 here goes and pulls the image.
        status = refusal.status if isinstance(error, ImageNotFound) else 400
        raise Refusal(status, refusal.message) from error
    warnings = [*warnings_of(body), *call.engine.containers.warnings(settings)]
    return json_answer({"Id": record.id, "Warnings": warnings}, status=201)


def _check_platform(engine: Engine, name: str, wanted: Platform) -> None:
    """Raise the refusal that has a client pull, where the image is one of another platform."""
    image = engine.images.find(name)
    if image is not None and not _is_of(image.platform, wanted):
        raise Refusal(
            404,
            f"image with reference {name} was found but does not match the specified platform: "
            f"wanted {wanted}, actual: {image.platform}",
        )


def _is_of(actual: Platform, wanted: Platform) -> bool:
    is_same_kind = (actual.os, actual.architecture) == (wanted.os, wanted.architecture)
    return is_same_kind and (not wanted.variant or wanted.variant == actual.variant)


def _sizes(engine: Engine, record: ContainerRecord) -> tuple[int, int]:
    written = engine.containers.size(record.id)
    image = engine.images.find(str(record.image_id))
    return written, written + (image.size if image else 0)


ROUTES = (
    Route("GET", "/containers/json", list_containers),
    Route("POST", "/containers/create", create),
    Route("GET", "/containers/{id}/json", inspect),
)
