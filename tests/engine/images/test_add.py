from __future__ import annotations

import io
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


def test_a_tar_becomes_a_layer_on_what_is_here(world: World, adder: Adder) -> None:
    base = adder.add(pack_image(LOWER).config, [LOWER], source="build")

    with adder.adding() as work:
        work.keep(base.layers)
        tar = work.stage(io.BytesIO(UPPER))
        image = work.make(IMAGE.config, [tar], base=base.layers, tags=[TAG], source="build")

    assert (tar.diff_id, tar.tar_bytes) == (Digest.of(UPPER), len(UPPER))
    assert image.layers[0] == base.layers[0]
    assert image.layers[1].digest == image.layers[1].diff_id == tar.diff_id
    assert world.images.get("team/made:1") == image


def test_a_layer_that_is_here_is_not_there_twice(world: World, adder: Adder) -> None:
    image = adder.add(IMAGE.config, [LOWER, UPPER], source="build")
    before = world.disk_bytes

    with adder.adding() as work:
        work.keep(image.layers)
        tar = work.stage(io.BytesIO(UPPER))
        again = work.make(IMAGE.config, [tar], base=image.layers[:1], source="build")

    assert again == image
    assert world.disk_bytes == before


def test_tars_that_become_no_layer_are_gone(world: World, adder: Adder) -> None:
    with adder.adding() as work:
        work.stage(io.BytesIO(LOWER))
    with pytest.raises(InvalidManifest), adder.adding() as work:
        work.make(IMAGE.config, [work.stage(io.BytesIO(UPPER))], source="build")

    assert world.disk_bytes == 0
