from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.errors import DiffIDMismatch, EngineError, InvalidImageConfig, InvalidManifest
from engine.images.add import Adder
from engine.oci.digest import Digest
from engine.oci.reference import Reference
from tests.support.images import pack_image

if TYPE_CHECKING:
    from tests.support.world import World

TAG = Reference.parse("team/made:1")
LOWER, UPPER = b"lower" * 1000, b"upper" * 1000
IMAGE = pack_image(LOWER, UPPER)


@pytest.fixture
def adder(world: World) -> Adder:
    return Adder(
        images=world.images,
        store=world.store,
        snapshots=world.layers,
        unpacker=world.layers,
        leases=world.leases,
        collector=world.collector,
    )


def test_an_image_made_here_is_here(world: World, adder: Adder) -> None:
    image = adder.add(IMAGE.config, [LOWER, UPPER], tags=[TAG], owner="ana", source="starter")

    assert world.images.get("team/made:1") == image
    assert (image.added_by, image.source, image.manifest_digest) == ("ana", "starter", None)
    assert [layer.digest for layer in image.layers] == [Digest.of(LOWER), Digest.of(UPPER)]
    assert {blob.digest for blob in world.store.iter_blobs()} == {image.id}


def test_adding_it_again_changes_nothing(world: World, adder: Adder) -> None:
    first = adder.add(IMAGE.config, [LOWER, UPPER], tags=[TAG], source="starter")
    before = world.disk_bytes

    assert adder.add(IMAGE.config, [LOWER, UPPER], tags=[TAG], source="starter") == first
    assert world.disk_bytes == before
    assert len(world.layers.staged) == 2


@pytest.mark.parametrize(
    ("config", "tars", "error"),
    [
        pytest.param(IMAGE.config, [LOWER, b"else"], DiffIDMismatch, id="another-layer"),
        pytest.param(IMAGE.config, [LOWER], InvalidManifest, id="too-few-layers"),
        pytest.param(b"{}", [LOWER], InvalidImageConfig, id="no-config"),
    ],
)
def test_what_does_not_belong_together_leaves_nothing(
    world: World, adder: Adder, config: bytes, tars: list[bytes], error: type[EngineError]
) -> None:
    with pytest.raises(error):
        adder.add(config, tars, tags=[TAG], source="starter")

    assert world.images.list_all() == []
    assert world.list_events() == []
    assert world.disk_bytes == 0
