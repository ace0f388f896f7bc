from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from engine.images.prune import Pruner
from engine.images.prune_filters import PruneFilters
from engine.oci.config import ProcessDefaults, render_config
from engine.oci.platform import Platform
from engine.oci.reference import Reference
from engine.progress import Cancellation
from tests.support.images import MADE_AT

if TYPE_CHECKING:
    from engine.images.record import ImageRecord
    from tests.support.world import World

TAG = Reference.parse("team/web:1")


@pytest.fixture
def image(world: World) -> ImageRecord:
    content = render_config(
        platform=Platform("linux", "amd64"),
        diff_ids=(),
        history=(),
        defaults=ProcessDefaults(labels={"team": "web", "keep": "yes"}),
        created_at=MADE_AT,
    )
    return replace(world.add(b"one"), config_content=content, created_at=MADE_AT)


@pytest.mark.parametrize(
    ("filters", "admitted"),
    [
        ({}, True),
        ({"until": MADE_AT}, False),
        ({"until": MADE_AT + timedelta(seconds=1)}, True),
        ({"labels": ("team",)}, True),
        ({"labels": ("team=web",)}, True),
        ({"labels": ("team=api",)}, False),
        ({"labels": ("team", "nobody")}, False),
        ({"without_labels": ("keep",)}, False),
        ({"without_labels": ("keep=no",)}, True),
    ],
)
def test_filters_judge_an_image(
    image: ImageRecord, filters: dict[str, Any], admitted: bool
) -> None:
    assert PruneFilters(**filters).admit(image) is admitted


def test_a_tag_keeps_an_image_only_from_the_prune_of_dangling_ones(image: ImageRecord) -> None:
    tagged = replace(image, tags=(TAG,))

    assert not PruneFilters().admit(tagged)
    assert PruneFilters(dangling=False).admit(tagged)


def test_what_goes_and_what_stays(world: World) -> None:
    world.add(b"base", b"dangling")
    used = world.add(b"base", b"used")
    tagged = world.add(b"base", b"tagged", tags=("team/web:1",))
    world.holders.by_image[used.id] = ("web",)
    before = world.disk_bytes

    pruned = Pruner(world.images, world.remover).prune(PruneFilters(), owner="ben")

    assert {each.id for each in world.images.list_all()} == {used.id, tagged.id}
    assert len(pruned.removals) == 1
    assert before - world.disk_bytes == pruned.freed_bytes


def test_all_unused_ones_go_with_their_tags(world: World) -> None:
    world.add(b"base", b"one", tags=("team/web:1", "team/web:2"))
    world.add(b"base", b"two")

    pruned = Pruner(world.images, world.remover).prune(PruneFilters(dangling=False))

    assert world.images.list_all() == []
    assert sum(len(each.untagged) for each in pruned.removals) == 2
    assert world.disk_bytes == 0


def test_an_image_that_came_into_use_meanwhile_stays(world: World) -> None:
    image = world.add(b"one")
    world.images.tag(str(image.id), TAG)

    assert world.remover.remove_unused(image, PruneFilters()) is None


def test_a_cancelled_prune_keeps_what_it_did(world: World) -> None:
    world.add(b"one")
    cancellation = Cancellation()
    cancellation.cancel()

    pruned = Pruner(world.images, world.remover).prune(PruneFilters(), cancellation=cancellation)

    assert pruned.removals == ()
    assert len(world.images.list_all()) == 1
