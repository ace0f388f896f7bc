"""The verbs as the engine offers them; what each does is tested where it is done."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from engine.errors import ImageNotFound, InvalidReference
from engine.images.add import Adder
from engine.images.copy import Copier
from engine.images.files import LayerFiles
from engine.images.images import Images
from engine.images.places import BlobPlaces
from engine.oci.reference import Reference
from engine.registry.connector import RegistryConnector
from tests.support.images import pack_image
from tests.support.world import HASTY

if TYPE_CHECKING:
    from engine.images.store import ImageRecord
    from tests.support.registry import FakeRegistry
    from tests.support.world import World

STARTER = Reference.parse("shipshape/starter")
TAR = b"the files of the starter image"


@pytest.fixture
def images(world: World) -> Images:
    adder = Adder(
        images=world.images,
        store=world.store,
        snapshots=world.snapshots,
        unpacker=world.unpacker,
        leases=world.leases,
        collector=world.collector,
    )

    def make_starter(*, owner: str) -> ImageRecord:
        config = pack_image(TAR).config
        return adder.add(config, [TAR], tags=[STARTER], owner=owner, source="starter")

    copier = Copier(
        connect=RegistryConnector(world.transport, patience=HASTY),
        places=BlobPlaces(world.database, world.clock),
    )
    return Images(
        store=world.images,
        puller=world.puller,
        all_tags_puller=world.all_tags_puller(),
        pusher=world.pusher(),
        copier=copier,
        sender=world.sender(),
        receiver=world.receiver(),
        remover=world.remover,
        saver=world.saver(),
        loader=world.loader(),
        importer=world.importer(),
        files=LayerFiles(world.images, lambda _: None, lambda _: world.paths.root),
        collector=world.collector,
        make_starter=make_starter,
    )


def test_an_image_goes_all_the_way(images: Images, registry: FakeRegistry) -> None:
    registry.put_image("team/web", pack_image(b"files"))
    name = f"{registry.host}/team/web"

    pulled = images.pull(name, owner="ana")
    tagged = images.tag(name, "web:mine", owner="ben")

    assert images.list() == [tagged]
    assert images.get("web:mine").id == pulled.image.id
    assert [row.created_by for row in images.history(pulled.image.id)] == ["COPY layer 0"]
    assert [move.moved_by for move in images.tag_moves(pulled.image.id)] == ["ben", "ana"]
    assert images.remove("web:mine").deleted == ()
    assert images.remove(name).deleted[0] == pulled.image.id
    assert images.find(name) is None


def test_the_starter_image_is_made_once(images: Images) -> None:
    assert images.make_starter(owner="ana") == images.make_starter(owner="ben")
    assert images.get("shipshape/starter").added_by == "ana"


def test_the_last_use_is_remembered(images: Images) -> None:
    image = images.make_starter(owner="ana")

    images.mark_used(image.id)

    assert images.get(str(image.id)).last_used_at is not None


def test_an_unused_image_is_cleaned_up(images: Images, world: World) -> None:
    image = world.add(b"files")

    image_id = str(image.id)
    assert list(images.remove_each([image_id], lambda *_: "").removals) == [image_id]
    assert not images.remove_each([image_id], lambda *_: "").removals


def test_what_nothing_needs_is_swept(images: Images, world: World) -> None:
    world.store.put(b"left behind")

    assert images.sweep().blobs == 0
    world.clock.time += timedelta(days=100_000)
    assert images.sweep(keep_for=timedelta(seconds=1)).blobs == 1


@pytest.mark.parametrize("text", ["", "Upper", "a:b:c"])
def test_a_malformed_reference_is_refused_before_anything_is_asked(
    images: Images, registry: FakeRegistry, text: str
) -> None:
    with pytest.raises(InvalidReference):
        images.pull(text)

    assert registry.received == []


def test_the_history_of_what_is_not_here_is_not_found(images: Images, world: World) -> None:
    image = world.add(b"files")
    images.remove(str(image.id))

    with pytest.raises(ImageNotFound):
        images.history(image.id)


def test_images_travel_in_archives(images: Images) -> None:
    tar = io.BytesIO()
    made = images.import_tar(io.BytesIO(TAR), reference="team/made:1", owner="ana")

    images.save(["team/made:1"], tar)
    images.remove("team/made:1")
    loaded = images.load(io.BytesIO(tar.getvalue()), owner="ben")

    assert (loaded.images[0].id, loaded.images[0].added_by) == (made.id, "ben")
