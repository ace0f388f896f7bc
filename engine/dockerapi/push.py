"""The route that brings an image to its registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.dockerapi.answers import progress_from
from engine.dockerapi.credentials import HEADER, parse_credentials
from engine.dockerapi.names import wanted_reference
from engine.dockerapi.refusals import Refusal
from engine.dockerapi.routing import Route
from engine.errors import ImageNotFound
from engine.progress import LayerProgress

if TYPE_CHECKING:
    from aiohttp import web

    from engine.dockerapi.call import Call
    from engine.dockerapi.progress import JsonProgress
    from engine.engine import Engine
    from engine.images.record import Pushed
    from engine.oci.reference import Reference
    from engine.progress import Cancellation, ProgressEvent


async def push(call: Call) -> web.StreamResponse:
    """Answer `POST /images/{name}/push`: one tag, or without one all tags of the repository."""
    tag = call.query.text("tag")
    wanted = wanted_reference(call["name"], tag)
    credentials = parse_credentials(call.request.headers.get(HEADER))

    def work(progress: JsonProgress, cancellation: Cancellation) -> None:
        progress.say({"status": f"The push refers to repository [{wanted.name}]"})
        for reference in [wanted] if tag else _tags_of(call.engine, wanted):
            try:
                pushed = call.engine.images.push(
                    reference,
                    credentials=credentials,
                    progress=_LayersOnly(progress),
                    cancellation=cancellation,
                    owner=call.owner,
                )
            except ImageNotFound as error:
                raise _not_here(wanted) from error
            for line in _told(pushed):
                progress.say(line)

    return await progress_from(call, work, words={})


class _LayersOnly:
    """Passes on what happens to layers; the words around them are this route's own."""

    def __init__(self, progress: JsonProgress) -> None:
        self._progress = progress

    def emit(self, event: ProgressEvent) -> None:
        """Take note of *event*."""
        if isinstance(event, LayerProgress):
            self._progress.emit(event)


def _tags_of(engine: Engine, wanted: Reference) -> list[Reference]:
    tags = [tag for image in engine.images.list() for tag in image.tags if tag.name == wanted.name]
    if not tags:
        raise _not_here(wanted)
    return sorted(tags)


def _not_here(wanted: Reference) -> Refusal:
    return Refusal(404, f"An image does not exist locally with the tag: {wanted.familiar_name}")


def _told(pushed: Pushed) -> list[dict[str, Any]]:
    tag, manifest = pushed.reference.tag or "", pushed.manifest
    line = f"{tag}: digest: {manifest.digest} size: {manifest.size}"
    aux = {"Tag": tag, "Digest": str(manifest.digest), "Size": manifest.size}
    return [{"status": line}, {"progressDetail": {}, "aux": aux}]


ROUTES = (Route("POST", "/images/{name:path}/push", push),)
