"""Which images `docker images` lists, and what they share."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.dockerapi.names import matching
from engine.dockerapi.query import until_of
from engine.dockerapi.refusals import Refusal
from engine.dockerapi.versions import ApiVersion
from engine.errors import ImageNotFound
from engine.oci.timestamps import EPOCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from engine.dockerapi.query import Filters, Query
    from engine.engine import Engine
    from engine.images.record import ImageRecord
    from engine.oci.digest import ImageID

WITHOUT_FILTER = ApiVersion(1, 41)
KNOWN = ("before", "dangling", "label", "label!", "reference", "since", "until")


def chosen_images(
    query: Query, version: ApiVersion
) -> Callable[[Engine, Sequence[ImageRecord]], list[ImageRecord]]:
    """Return what chooses the images that *query* asks for; it is checked at once."""
    filters = query.filters(*KNOWN)
    old = query.texts("filter") if version < WITHOUT_FILTER else ()
    references = filters.get("reference") or old
    dangling = filters.flag("dangling")
    matching((), references)
    until = until_of(filters)

    def choose(engine: Engine, images: Sequence[ImageRecord]) -> list[ImageRecord]:
        earliest, latest = _bounds(engine, filters)
        found = [
            each
            for each in images
            if (dangling is None or each.is_dangling is dangling)
            and earliest < (each.created_at or EPOCH) < latest
            and (until is None or (each.created_at or EPOCH) < until)
            and filters.matches_labels(each.config.defaults.labels)
        ]
        return _named(found, references) if references else found

    return choose


def _bounds(engine: Engine, filters: Filters) -> tuple[datetime, datetime]:
    since = [_created(engine, each) for each in filters.get("since")]
    before = [_created(engine, each) for each in filters.get("before")]
    return max(since, default=BEFORE_ALL), min(before, default=AFTER_ALL)


BEFORE_ALL = EPOCH.replace(year=1)
AFTER_ALL = EPOCH.replace(year=9999)


def _created(engine: Engine, name: str) -> datetime:
    try:
        return engine.images.get(name).created_at or EPOCH
    except ImageNotFound as error:
        raise Refusal(404, f"No such image: {error.name}") from error


def _named(images: Iterable[ImageRecord], patterns: tuple[str, ...]) -> list[ImageRecord]:
    """Return the images of which a name fits, each with those names only."""
    narrowed = (
        replace(
            each,
            tags=matching(each.tags, patterns),
            repo_digests=matching(each.repo_digests, patterns),
        )
        for each in images
    )
    return [each for each in narrowed if each.tags or each.repo_digests]


def shared_sizes(images: Sequence[ImageRecord]) -> dict[ImageID, int]:
    """Return how many bytes of each image belong to layers that another image has too."""
    users = Counter(layer.chain_id for image in images for layer in image.layers)
    return {
        image.id: sum(layer.size for layer in image.layers if users[layer.chain_id] > 1)
        for image in images
    }
