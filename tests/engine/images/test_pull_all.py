"""Pulling every tag of a repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.errors import ImageNotFound
from tests.support.images import pack_image

if TYPE_CHECKING:
    from tests.support.registry import FakeRegistry
    from tests.support.world import World


def test_every_tag_comes_here(world: World, registry: FakeRegistry) -> None:
    names = [
        registry.put_image("team/web", pack_image(b"lower", label=tag), tag=tag)
        for tag in ("1", "2", "latest")
    ]

    pulled = world.all_tags_puller().pull_all(names[1], owner="ana")

    assert [each.image.tags for each in pulled] == [(name,) for name in names]
    assert pulled[0].fetched_bytes > 0
    assert pulled[1].fetched_bytes == 0


def test_a_repository_that_is_not_there_is_not_found(world: World, registry: FakeRegistry) -> None:
    with pytest.raises(ImageNotFound):
        world.all_tags_puller().pull_all(registry.reference("team/nothing"))
