from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from engine.errors import IndexMissing, LayerNotFound, LimitExceeded, NotFound
from engine.images.compare import ConfigDifference, compare_images
from engine.images.files import LayerFiles, WastedPath
from engine.images.stories import Change
from engine.layers.index import FileKind
from engine.oci.digest import ChainID, Digest
from tests.engine.images.test_stories import layer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.images.record import ImageRecord
    from engine.layers.index import LayerFile as IndexedFile
    from tests.support.world import World

CONTENT = Digest.of(b"content")


@dataclass(frozen=True)
class FakeIndex:
    """The index of a layer, in memory."""

    files: list[IndexedFile]

    def __iter__(self) -> Iterator[IndexedFile]:
        yield from self.files

    def find(self, path: bytes) -> IndexedFile | None:
        return next((each for each in self.files if each.path == path), None)

    def find_content(self, digest: Digest) -> Iterator[IndexedFile]:
        yield from (each for each in self.files if each.digest == digest)


class Indexed:
    """Images whose layers are described by words, see `layer`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.indexes: dict[ChainID, FakeIndex] = {}
        self.directory = world.paths.root / "files"
        self.files = LayerFiles(
            world.images,
            self.indexes.get,  # type: ignore[arg-type]
            lambda _: self.directory,
        )

    def image(self, *layers: list[IndexedFile], label: str = "") -> ImageRecord:
        tars = [repr(each).encode() for each in layers]
        image = self.world.add(*tars, label=label)
        for record, files in zip(image.layers, layers, strict=True):
            self.indexes[record.chain_id] = FakeIndex(files)
        return image


@pytest.fixture
def indexed(world: World) -> Indexed:
    return Indexed(world)


BASE = layer("d:etc", "f:etc/motd:10", "f:etc/old:20")
UPPER = layer("d:etc", "f:etc/motd:30", "w:etc/old", "f:new:5")


def test_what_a_layer_did(indexed: Indexed) -> None:
    image = indexed.image(BASE, UPPER)

    files = list(indexed.files.of_layer(image.layers[1].chain_id))

    assert [(each.change.value, each.path, each.size) for each in files] == [
        ("C", "/etc", 0),
        ("C", "/etc/motd", 30),
        ("D", "/etc/old", 0),
        ("A", "/new", 5),
    ]
    assert [each.change for each in indexed.files.of_layer(image.layers[0].chain_id)] == [
        Change.ADDED
    ] * 3


def test_what_an_image_wastes(indexed: Indexed) -> None:
    found = indexed.files.of_image(indexed.image(BASE, UPPER))

    lower, upper = found.layers
    assert (lower.added, lower.brought_bytes, lower.wasted_bytes) == (3, 30, 30)
    assert (upper.added, upper.changed, upper.removed, upper.wasted_bytes) == (1, 2, 1, 0)
    assert found.wasted == (WastedPath("/etc/old", 20), WastedPath("/etc/motd", 10))
    assert found.wasted_bytes == 30


def test_layers_are_found_by_path_and_by_content(indexed: Indexed) -> None:
    upper = [replace(each, digest=CONTENT) if each.path == b"new" else each for each in UPPER]
    image = indexed.image(BASE, upper)

    by_path = {(each.chain_id, each.size) for each in indexed.files.find(path="/etc/motd")}
    by_content = [(each.chain_id, each.path) for each in indexed.files.find(digest=CONTENT)]

    assert by_path == {(image.layers[0].chain_id, 10), (image.layers[1].chain_id, 30)}
    assert by_content == [(image.layers[1].chain_id, "/new")]
    assert list(indexed.files.find(path="/etc/old")) == [
        each for each in indexed.files.find(path="etc/old") if each.kind is FileKind.FILE
    ]


def test_a_layer_without_an_index_is_named(indexed: Indexed) -> None:
    image = indexed.image(BASE)
    indexed.indexes.clear()

    with pytest.raises(IndexMissing):
        list(indexed.files.of_layer(image.layers[0].chain_id))
    assert list(indexed.files.find(path="/etc")) == []


def test_an_unknown_layer_is_not_found(indexed: Indexed) -> None:
    with pytest.raises(LayerNotFound):
        list(indexed.files.of_layer(ChainID(Digest.of(b"nothing"))))


def test_a_small_file_of_a_layer_can_be_read(indexed: Indexed) -> None:
    chain_id = indexed.image(BASE).layers[0].chain_id
    (indexed.directory / "etc").mkdir(parents=True)
    (indexed.directory / "etc/motd").write_bytes(b"welcome!!\n")

    assert indexed.files.read(chain_id, "/etc/motd", limit=10) == b"welcome!!\n"
    with pytest.raises(LimitExceeded):
        indexed.files.read(chain_id, "/etc/motd", limit=9)
    for path in ("/etc", "/etc/shadow", "/../etc/passwd", ""):
        with pytest.raises(NotFound):
            indexed.files.read(chain_id, path, limit=10)


def test_images_are_compared(indexed: Indexed) -> None:
    before = indexed.image(BASE, label="one")
    after = indexed.image(BASE, UPPER, label="two")

    found = compare_images(before, after, indexed.files)

    assert [each.chain_id for each in found.shared] == [before.layers[0].chain_id]
    assert (found.only_before, len(found.only_after)) == ((), 1)
    assert found.config == (ConfigDifference("env", "LABEL", "one", "two"),)
    assert [tuple(each) for each in found.files] == [
        ("/etc/motd", Change.CHANGED, 10, 30),
        ("/etc/old", Change.REMOVED, 20, 0),
        ("/new", Change.ADDED, 0, 5),
    ]
    totals = {change.value: (each.paths, each.bytes) for change, each in found.totals.items()}
    assert totals == {"A": (1, 5), "C": (1, 20), "D": (1, -20)}
    assert not found.is_cut


def test_an_image_does_not_differ_from_itself(indexed: Indexed) -> None:
    image = indexed.image(BASE, UPPER)

    found = compare_images(image, image, indexed.files)

    assert (found.config, found.files, found.only_before, found.only_after) == ((), (), (), ())
