"""The bytes of layers come back, whether an archive was kept or has to be made."""

from __future__ import annotations

import gzip
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from engine.errors import CorruptStore
from engine.images.add import Adder
from engine.images.layer_bytes import LayerBytes
from engine.oci.digest import Digest
from engine.oci.media_types import OCI_LAYER_GZIP
from engine.system.paths import EnginePaths
from tests.support.builders import directory, file, layer_tar
from tests.support.images import pack_image
from tests.support.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.images.record import ImageRecord
    from tests.support.registry import FakeRegistry

pytestmark = pytest.mark.root
BASE = layer_tar(directory("d"), file("d/a", b"a" * 100_000), file("d/a", b"twice"))
TOP = layer_tar(file("d/b", b"b" * 3_000_000))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with closing(World(EnginePaths(tmp_path / "root", tmp_path / "run"), on_disk=True)) as world:
        yield world


@pytest.fixture
def layers(world: World) -> LayerBytes:
    files = world.snapshotter
    return LayerBytes(world.images, world.store, files, spools=world.paths.content)


@pytest.fixture
def made(world: World) -> ImageRecord:
    """An image whose layers came as plain tars."""
    adder = Adder(**world.parts)
    return adder.add(pack_image(BASE, TOP).config, [BASE, TOP], source="build")


@pytest.fixture
def pulled(world: World, registry: FakeRegistry) -> ImageRecord:
    return world.puller.pull(registry.put_image("team/web", pack_image(BASE, TOP))).image


def read(stream: Any) -> bytes:
    with stream:
        return stream.read()


def test_plain_tars_leave_no_archive(world: World, made: ImageRecord) -> None:
    assert [layer.archive_bytes for layer in made.layers] == [0, 0]
    assert {blob.digest for blob in world.store.iter_blobs()} == {made.id}


def test_tars_come_back(layers: LayerBytes, made: ImageRecord) -> None:
    assert [read(layers.open_tar(layer)) for layer in made.layers] == [BASE, TOP]


def test_tars_come_back_out_of_archives(layers: LayerBytes, pulled: ImageRecord) -> None:
    assert [read(layers.open_tar(layer)) for layer in pulled.layers] == [BASE, TOP]


def test_a_kept_archive_is_what_the_registry_had(layers: LayerBytes, pulled: ImageRecord) -> None:
    for layer in pulled.layers:
        descriptor, stream = layers.open_archive(layer)

        assert descriptor == layers.find_archive(layer)
        assert (descriptor.digest, descriptor.size) == (layer.digest, layer.compressed_size)
        assert Digest.of(read(stream)) == layer.digest


def test_an_archive_that_is_made_is_always_the_same(
    world: World, layers: LayerBytes, made: ImageRecord
) -> None:
    layer = made.layers[1]
    assert layers.find_archive(layer) is None

    first, stream = layers.open_archive(layer)
    content = read(stream)
    recorded = world.images.get(str(made.id)).layers[1]
    second, stream = layers.open_archive(recorded)

    assert gzip.decompress(content) == TOP
    assert (first.digest, first.size) == (Digest.of(content), len(content))
    assert first.media_type == OCI_LAYER_GZIP
    assert read(stream) == content
    assert second == first == layers.find_archive(recorded)
    assert replace(recorded, digest=layer.digest, compressed_size=0, media_type="") == replace(
        layer, compressed_size=0, media_type=""
    )


def test_changed_content_is_found_out(world: World, layers: LayerBytes, made: ImageRecord) -> None:
    (top, *_) = world.snapshotter.layer_directories(made.layers[1].chain_id)
    (top / "d/b").write_bytes(b"B" * 3_000_000)

    with pytest.raises(CorruptStore):
        read(layers.open_tar(made.layers[1]))
    with pytest.raises(CorruptStore):
        layers.open_archive(made.layers[1])


def test_a_rotten_archive_is_found_out(
    world: World, layers: LayerBytes, pulled: ImageRecord
) -> None:
    layer = pulled.layers[1]
    path = world.paths.content / "blobs/sha256" / layer.digest.hex
    path.write_bytes(path.read_bytes()[:-1] + b"x")

    with pytest.raises(CorruptStore):
        read(layers.open_archive(layer)[1])
