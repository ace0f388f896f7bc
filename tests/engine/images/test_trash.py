"""Images in the trash: as they were when they come back, and whole if anybody dies midway."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import pytest

from engine.errors import ImageInUse, ImageNotFound, RestoreConflict
from engine.images.trash import ImageTrash
from engine.oci.digest import Digest
from engine.oci.reference import Reference
from tests.support.crashes import Countdown, Died, Fallible
from tests.support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.images.record import ImageRecord
    from engine.oci.digest import ImageID
    from engine.system.paths import EnginePaths

TAG, OTHER = "team/web:1", "team/web:2"


class Users:
    """Says which containers there are, as a test wants it."""

    def __init__(self) -> None:
        self.present: tuple[str, ...] = ()
        self.trashed: tuple[str, ...] = ()

    def present_holders(self, _: ImageID) -> tuple[str, ...]:
        return self.present

    def trashed_holders(self, _: ImageID) -> tuple[str, ...]:
        return self.trashed


@pytest.fixture
def users() -> Users:
    return Users()


@pytest.fixture
def trash(world: World, users: Users) -> ImageTrash:
    return trash_of(world, users)


def trash_of(world: World, users: Users, countdown: Countdown | None = None) -> ImageTrash:
    parts: dict[str, Any] = {
        "images": world.images,
        "snapshots": world.snapshots,
        "collector": world.collector,
    }
    if countdown is not None:
        parts = {name: Fallible(name, each, countdown) for name, each in parts.items()}
    return ImageTrash(
        database=world.database,
        leases=world.leases,
        users=users,
        clock=cast("Any", world.clock),
        **parts,
    )


def made(world: World) -> ImageRecord:
    image = world.add(b"base", b"web", tags=(TAG, OTHER))
    world.images.note_pull(Reference.parse(TAG), Digest.of(b"m"), image.id, owner="ana")
    world.images.mark_used(image.id)
    return world.images.get(str(image.id))


def test_in_the_trash_an_image_has_no_name_and_keeps_its_bytes(
    world: World, trash: ImageTrash
) -> None:
    image = made(world)
    trash.put(str(image.id), owner="bob")
    world.collector.sweep()
    world.collector.collect_blobs(each.digest for each in image.documents)

    assert world.images.list_all() == []
    (item,) = trash.list()
    assert (item.record.id, item.record.tags, item.trashed_by) == (image.id, image.tags, "bob")
    (sketch,) = trash.sketches()
    assert (sketch.id, sketch.tags, sketch.owner) == (str(image.id), image.tags, image.added_by)
    assert (sketch.trashed_at, sketch.trashed_by) == (item.trashed_at, "bob")
    assert all(world.store.has(each.digest) for each in image.documents)
    assert all(world.layers.find(str(each.chain_id)) for each in image.layers)


def test_it_comes_back_with_every_tag_layer_and_date(world: World, trash: ImageTrash) -> None:
    image = made(world)
    trash.put(str(image.id))

    assert trash.restore(str(image.id)) == image
    assert world.images.get(OTHER) == image
    assert trash.list() == []


def test_one_without_a_tag_is_told_of_when_it_comes_back(world: World, trash: ImageTrash) -> None:
    image = world.add(b"base")
    trash.put(str(image.id))
    before = world.events.last_sequence()
    trash.restore(str(image.id), owner="bob")

    (event,) = world.events.list_since(before)
    assert (event.noun, event.action, event.subject) == ("image", "load", str(image.id))


def test_a_tag_that_moved_on_is_told_with_a_free_one(world: World, trash: ImageTrash) -> None:
    image = made(world)
    trash.put(str(image.id))
    newer = world.add(b"base", b"newer", tags=(TAG,))

    with pytest.raises(RestoreConflict) as caught:
        trash.restore(str(image.id))
    assert str(caught.value) == f"{TAG} is by now the name of image {newer.id.short}"
    assert caught.value.free == f"{TAG}-restored"
    assert world.images.list_all() == [newer]

    back = trash.restore(str(image.id), tags=[Reference.parse(caught.value.free)])
    assert [each.familiar for each in back.tags] == [f"{TAG}-restored"]
    assert world.images.get(TAG).id == newer.id


def test_one_that_was_brought_anew_meanwhile_becomes_one_with_it(
    world: World, trash: ImageTrash
) -> None:
    image = made(world)
    trash.put(str(image.id))
    world.add(b"base", b"web", tags=("team/web:3",))

    back = trash.restore(str(image.id))

    assert {each.familiar for each in back.tags} == {TAG, OTHER, "team/web:3"}
    assert back.added_at == image.added_at
    assert len(world.images.list_all()) == 1


def test_one_that_goes_once_more_loses_neither_names_nor_owner(
    world: World, trash: ImageTrash
) -> None:
    image = made(world)
    trash.put(str(image.id), owner="ana")
    world.add(b"base", b"web", tags=("team/web:3",))
    trash.put(str(image.id), owner="bob")

    (item,) = trash.list()

    assert {each.familiar for each in item.record.tags} == {TAG, OTHER, "team/web:3"}
    assert (item.record.added_at, item.record.added_by) == (image.added_at, image.added_by)
    assert item.record.repo_digests == image.repo_digests
    assert trash.restore(str(image.id)).added_at == image.added_at


def test_an_image_under_a_container_does_not_go(
    world: World, trash: ImageTrash, users: Users
) -> None:
    image = made(world)
    users.present = ("web",)

    with pytest.raises(ImageInUse, match="web"):
        trash.put(str(image.id))

    assert world.images.get(TAG) == image


def test_it_outlives_its_containers_in_the_trash(
    world: World, trash: ImageTrash, users: Users
) -> None:
    image = made(world)
    users.trashed = ("web",)
    trash.put(str(image.id))

    with pytest.raises(ImageInUse):
        trash.discard(str(image.id))
    users.trashed = ()

    assert trash.discard(str(image.id)) > 0


def test_emptied_it_frees_what_nobody_else_needs(world: World, trash: ImageTrash) -> None:
    image = made(world)
    kept = world.add(b"base", b"api", tags=("team/api:1",))
    trash.put(str(image.id))

    freed = trash.discard(str(image.id))

    assert freed == image.layers[1].size + sum(each.size for each in image.documents)
    assert world.images.list_all() == [kept]
    assert world.layers.find(str(image.layers[0].chain_id)) is not None
    assert world.layers.find(str(image.layers[1].chain_id)) is None
    with pytest.raises(ImageNotFound):
        trash.restore(str(image.id))


def test_of_many_each_goes_or_says_why_not(world: World, trash: ImageTrash, users: Users) -> None:
    images = [world.add(b"base", b"%d" % number, tags=(f"t/{number}:1",)) for number in range(4)]
    ids = [str(each.id) for each in images]

    refused = trash.put_each(
        [*ids, "sha256:gone"],
        owner="bob",
        objection=lambda image: "is wanted" if str(image.id) == ids[3] else "",
    )

    assert refused == {ids[3]: "is wanted", "sha256:gone": "is gone already"}
    assert [each.id for each in world.images.list_all()] == [images[3].id]
    assert {each.trashed_by for each in trash.list()} == {"bob"}

    users.present = ("web",)
    assert "web" in trash.put_each(ids[3:], objection=lambda _: "")[ids[3]]
    users.present, users.trashed = (), ("web",)
    assert list(trash.discard_each(ids[:1]).refused) == ids[:1]
    users.trashed = ()

    emptied = trash.discard_each([*ids[:3], ids[3]])

    assert emptied.ids == tuple(ids[:3])
    assert emptied.refused == {ids[3]: "is gone already"}
    # What all of them stand on is still needed by the last one.
    own = sum(image.layers[1].size for image in images[:3])
    assert emptied.freed_bytes == own + sum(
        each.size for image in images[:3] for each in image.documents
    )
    assert world.layers.find(str(images[0].layers[0].chain_id)) is not None
    assert world.layers.find(str(images[0].layers[1].chain_id)) is None


ACTS: dict[str, Callable[[ImageTrash, str], object]] = {
    "put": lambda it, image: it.put(image),
    "restore": lambda it, image: it.restore(image),
    "discard": lambda it, image: it.discard(image),
    "put-each": lambda it, image: it.put_each([image], objection=lambda _: ""),
    "discard-each": lambda it, image: it.discard_each([image]),
}


@pytest.mark.parametrize("act", ACTS)
def test_death_at_any_step_loses_nothing_and_doubles_nothing(
    paths: EnginePaths, users: Users, act: str
) -> None:
    world = World(paths)
    image = made(world)
    for step in range(100):
        if not act.startswith("put"):
            trash_of(world, users).put(str(image.id))
        countdown = Countdown(step)
        with suppress(Died):
            ACTS[act](trash_of(world, users, countdown), str(image.id))
        trash = trash_of(world, users)
        world.collector.sweep()
        where = [each.id for each in world.images.list_all()]
        where += [each.record.id for each in trash.list()]

        if act.startswith("discard") and not where:
            world.collector.collect_blobs(each.digest for each in image.documents)
            assert list(world.store.iter_blobs()) == []
            assert not any(world.layers.find(str(each.chain_id)) for each in image.layers)
            image = made(world)
        else:
            assert where == [image.id], f"died at step {step}, {countdown.died_at}"
            if trash.list():
                trash.restore(str(image.id))
            back = world.images.get(str(image.id))
            assert (back.tags, back.layers, back.documents) == (
                image.tags,
                image.layers,
                image.documents,
            )
        if not countdown.died_at:
            assert step > 1
            return
    pytest.fail(f"{act} never ended")
