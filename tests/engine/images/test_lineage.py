from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.errors import ImageNotFound
from engine.images.lineage import find_lineage
from engine.oci.digest import Digest, ImageID

if TYPE_CHECKING:
    from engine.images.record import ImageRecord
    from tests.support.world import World


def names(images: tuple[ImageRecord, ...]) -> list[str]:
    return [each.tags[0].familiar for each in images]


def test_relatives_are_found_by_their_layers_nearest_first(world: World) -> None:
    world.add(b"os", tags=("os:1",))
    world.add(b"os", b"runtime", tags=("runtime:1",))
    app = world.add(b"os", b"runtime", b"app", tags=("app:1",))
    world.add(b"os", b"runtime", b"app", b"debug", tags=("debug:1",))
    world.add(b"os", b"other", tags=("other:1",))
    world.add(b"runtime", tags=("stranger:1",))

    lineage = find_lineage(world.images, app.id)

    assert names(lineage.bases) == ["runtime:1", "os:1"]
    assert names(lineage.derived) == ["debug:1"]


def test_images_of_one_stack_and_as_many_instructions_are_no_relatives(world: World) -> None:
    one = world.add(b"os", tags=("one:1",))
    world.add(b"os", tags=("two:1",), label="another config")

    lineage = find_lineage(world.images, one.id)

    assert (lineage.bases, lineage.derived) == ((), ())


def test_an_image_without_layers_has_none(world: World) -> None:
    empty = world.add(tags=("empty:1",))
    world.add(b"os", tags=("os:1",))

    lineage = find_lineage(world.images, empty.id)

    assert (lineage.bases, lineage.derived) == ((), ())


def test_an_unknown_image_is_not_found(world: World) -> None:
    with pytest.raises(ImageNotFound):
        find_lineage(world.images, ImageID(Digest.of(b"nothing")))


def test_a_tag_tells_what_it_named(world: World) -> None:
    old = world.add(b"old", tags=("web:1",))
    new = world.add(b"new", tags=("web:1",))

    moves = world.images.moves_of_tag(new.tags[0])

    assert [(move.previous, move.image_id) for move in moves] == [(old.id, new.id), (None, old.id)]
