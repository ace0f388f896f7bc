"""Routes of images: what is here, and bringing, naming and removing it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from engine.dockerapi.answers import json_answer, nothing, progress_from
from engine.dockerapi.credentials import HEADER, parse_credentials
from engine.dockerapi.events import tell_prune
from engine.dockerapi.image_selection import chosen_images, shared_sizes
from engine.dockerapi.names import is_tagged, parse_platform, wanted_reference
from engine.dockerapi.query import until_of
from engine.dockerapi.refusals import Refusal, refusal_of
from engine.dockerapi.routing import Route
from engine.dockerapi.shapes_images import (
    UNKNOWN,
    history_row,
    image_details,
    image_summary,
    removal_rows,
)
from engine.dockerapi.transfers import import_image
from engine.dockerapi.words import NEVER, go_time
from engine.errors import ImageInUse, ImageNotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from engine.dockerapi.call import Call
    from engine.dockerapi.progress import JsonProgress
    from engine.engine import Engine
    from engine.images.record import ImageRecord, ImageRemoval
    from engine.oci.platform import Platform
    from engine.oci.reference import Reference
    from engine.progress import Cancellation
    from engine.registry.credentials import Credentials


async def inspect(call: Call) -> web.StreamResponse:
    """Answer `GET /images/{name}/json`."""

    def look() -> dict[str, object]:
        image = _get(call.engine, call["name"])
        return image_details(
            image,
            call.version,
            driver=driver_of(call.engine),
            tagged_at=_tagged_at(call.engine, image),
        )

    return json_answer(await call.pools.quick(look))


async def history(call: Call) -> web.StreamResponse:
    """Answer `GET /images/{name}/history`."""

    def look() -> list[dict[str, object]]:
        image = call.engine.images.get(call["name"])
        tags = [each.familiar for each in image.tags] or None
        rows = call.engine.images.history(image.id)
        return [history_row(row, None if n else tags) for n, row in enumerate(rows)]

    return json_answer(await call.pools.quick(look))


async def create(call: Call) -> web.StreamResponse:
    """Answer `POST /images/create`: a pull, without a tag of all tags; with `fromSrc` an import."""
    if call.query.has("fromSrc"):
        return await import_image(call)
    name, tag = call.query.text("fromImage"), call.query.text("tag")
    reference = wanted_reference(name, tag)
    images = call.engine.images
    pull = images.pull if tag or is_tagged(name) else images.pull_all
    platform = parse_platform(call.query.text("platform"))
    credentials = parse_credentials(call.request.headers.get(HEADER))
    return await progress_from(
        call, partial(_pull, pull, reference, platform, credentials, call.owner)
    )


def _pull(
    pull: Callable[..., object],
    reference: Reference,
    platform: Platform | None,
    credentials: Credentials | None,
    owner: str,
    progress: JsonProgress,
    cancellation: Cancellation,
) -> None:
    pull(
        reference,
        platform=platform,
        credentials=credentials,
        progress=progress,
        cancellation=cancellation,
        owner=owner,
    )


async def tag(call: Call) -> web.StreamResponse:
    """Answer `POST /images/{name}/tag`."""
    reference = wanted_reference(call.query.text("repo"), call.query.text("tag"))
    if reference.digest is not None:
        raise Refusal(400, "refusing to create a tag with a digest reference")
    await call.pools.long(call.engine.images.tag, call["name"], reference, owner=call.owner)
    return nothing(status=201)


async def remove(call: Call) -> web.StreamResponse:
    """Answer `DELETE /images/{name}`."""

    def take() -> ImageRemoval:
        try:
            return call.engine.images.remove(
                call["name"], force=call.query.flag("force"), owner=call.owner
            )
        except ImageInUse as error:
            raise _in_use(call.engine, call["name"], error) from error

    return json_answer(removal_rows(await call.pools.long(take)))


def _in_use(engine: Engine, name: str, error: ImageInUse) -> Refusal:
    """Return docker's words for an image that a container was made from."""
    holder = engine.containers.find(error.holders[0])
    image = engine.images.find(name)
    if holder is None or image is None:
        return refusal_of(error)
    if str(image.id).removeprefix("sha256:").startswith(name.removeprefix("sha256:")):
        state, force = ("running", "cannot") if holder.is_running else ("stopped", "must")
        return Refusal(
            409,
            f"conflict: unable to delete {image.id.short} ({force} be forced) - image is being "
            f"used by {state} container {holder.short_id}",
        )
    return Refusal(
        409,
        f'conflict: unable to remove repository reference "{name}" (must force) - container '
        f"{holder.short_id} is using its referenced image {image.id.short}",
    )


async def prune(call: Call) -> web.StreamResponse:
    """Answer `POST /images/prune`: dangling images, or with `dangling=false` all unused ones."""
    filters = call.query.filters("dangling", "until", "label", "label!")
    is_dangling = filters.flag("dangling")
    pruned = await call.pools.long(
        call.engine.images.prune,
        dangling=is_dangling is not False,
        until=until_of(filters),
        labels=filters.get("label"),
        without_labels=filters.get("label!"),
        owner=call.owner,
    )
    rows = [row for removal in pruned.removals for row in removal_rows(removal)]
    await tell_prune(call, "image", pruned.freed_bytes)
    return json_answer({"ImagesDeleted": rows or None, "SpaceReclaimed": pruned.freed_bytes})


async def list_images(call: Call) -> web.StreamResponse:
    """Answer `GET /images/json`."""
    choose = chosen_images(call.query, call.version)
    with_shared = call.query.flag("shared-size")

    def look() -> list[dict[str, Any]]:
        images = call.engine.images.list()
        shared = shared_sizes(images) if with_shared else {}
        return [
            image_summary(each, call.version, shared=shared.get(each.id, UNKNOWN))
            for each in choose(call.engine, images)
        ]

    return json_answer(await call.pools.quick(look))


def driver_of(engine: Engine) -> str:
    """Return how layers are stacked here: `overlay` or `native`."""
    return engine.paths.snapshotter_note.read_text().strip()


def _get(engine: Engine, name: str) -> ImageRecord:
    try:
        return engine.images.get(name)
    except ImageNotFound as error:
        raise Refusal(404, f"no such image: {name}: No such image: {error.name}") from error


def _tagged_at(engine: Engine, image: ImageRecord) -> str:
    moves = engine.images.tag_moves(image.id)
    return go_time(moves[0].moved_at) if moves else NEVER


ROUTES = (
    Route("GET", "/images/json", list_images),
    Route("POST", "/images/create", create),
    Route("POST", "/images/prune", prune),
    Route("GET", "/images/{name:path}/json", inspect),
    Route("GET", "/images/{name:path}/history", history),
    Route("POST", "/images/{name:path}/tag", tag),
    Route("DELETE", "/images/{name:path}", remove),
)
