"""Routes of images that come and go as archives: save, load, import."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.dockerapi.answers import progress_from, stream_from
from engine.dockerapi.bodies import open_body, open_pieces, open_pipe
from engine.dockerapi.names import parse_platform, wanted_reference
from engine.dockerapi.refusals import Refusal
from engine.dockerapi.routing import Route
from engine.errors import ImageNotFound
from engine.progress import SILENT, Cancellation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp import web

    from engine.dockerapi.call import Call
    from engine.dockerapi.pipes import Pipe
    from engine.dockerapi.progress import JsonProgress
    from engine.images.load import Loaded
    from engine.images.record import ImageRecord

TAR = "application/x-tar"
URLS = ("http://", "https://")


async def save(call: Call) -> web.StreamResponse:
    """Answer `GET /images/get` and `GET /images/{name}/get`."""
    named = call.parameters.get("name")
    names = (named,) if named else call.query.texts("names")
    if not names:
        raise Refusal(400, "no image is named")

    def write(pipe: Pipe) -> None:
        cancellation = Cancellation()
        pipe.on_abandon(cancellation.cancel)
        with open_pipe(pipe) as out:
            try:
                call.engine.images.save(names, out, cancellation=cancellation)
                _tell(call, "save", filter(None, map(call.engine.images.find, names)))
            except ImageNotFound as error:
                # Docker tells the name as it was written, without a tag that was not.
                raise Refusal(404, f"No such image: {_written(names, error)}") from error

    return await stream_from(call, write, content_type=TAR, waits=True)


async def load(call: Call) -> web.StreamResponse:
    """Answer `POST /images/load`."""
    body = open_body(call)
    is_quiet = call.query.flag("quiet", default=False)

    def work(progress: JsonProgress, cancellation: Cancellation) -> None:
        loaded = call.engine.images.load(
            body,
            progress=SILENT if is_quiet else progress,
            cancellation=cancellation,
            owner=call.owner,
        )
        _tell(call, "load", loaded.images)
        for line in _told(loaded):
            progress.say({"stream": f"{line}\n"})

    return await progress_from(call, work, words=LOADING)


def _tell(call: Call, action: str, images: Iterable[ImageRecord]) -> None:
    for image_id in {str(each.id) for each in images}:
        call.engine.events.record("image", action, image_id, name=image_id)


def _written(names: tuple[str, ...], error: ImageNotFound) -> str:
    return next((name for name in names if f"{name}:latest" == error.name), error.name)


LOADING = {"Extracting": "Loading layer"}


def _told(loaded: Loaded) -> list[str]:
    lines = [f"Loaded image: {each.familiar}" for each in loaded.names]
    nameless = [each for each in loaded.images if not set(each.tags).intersection(loaded.names)]
    return lines + [f"Loaded image ID: {image.id}" for image in nameless]


async def import_image(call: Call) -> web.StreamResponse:
    """Answer `POST /images/create` with `fromSrc`: the files in a tar as an image."""
    query = call.query
    source = query.text("fromSrc")
    if source != "-" and not source.startswith(URLS):
        source = f"http://{source}"
    repository = query.text("repo")
    reference = wanted_reference(repository, query.text("tag")) if repository else None
    body = open_body(call) if source == "-" else None

    def work(progress: JsonProgress, cancellation: Cancellation) -> None:
        pieces = call.engine.downloads.open_url(source, cancellation=cancellation)
        image = call.engine.images.import_tar(
            body or open_pieces(pieces),
            reference=reference,
            changes=query.texts("changes"),
            message=query.text("message"),
            platform=parse_platform(query.text("platform")),
            cancellation=cancellation,
            owner=call.owner,
        )
        progress.say({"status": str(image.id)})

    return await progress_from(call, work)


ROUTES = (
    Route("GET", "/images/get", save),
    Route("GET", "/images/{name:path}/get", save),
    Route("POST", "/images/load", load),
)
