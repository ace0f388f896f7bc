from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import ImageHasSeveralNames, ImageInUse, ImageNotFound, TagMoved
from engine.images.prune_filters import PruneFilters
from engine.images.remove import plan_removal
from engine.images.resources import blob_resource, layer_resource
from engine.ledger import ledger_of
from engine.oci.digest import Digest
from engine.oci.reference import Reference

if TYPE_CHECKING:
    from engine.images.record import ImageRecord, ImageRemoval
    from tests.support.world import World

ONE, TWO = Reference.parse("team/web:1"), Reference.parse("team/web:2")
API = Reference.parse("team/api:1")
PINNED = ONE.with_digest(Digest.of(b"manifest"))
PINNED_API = API.with_digest(Digest.of(b"manifest"))


@pytest.fixture
def image(world: World) -> ImageRecord:
    return world.add(b"base", b"web")


# --- The decision -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tags", "digests", "name", "untagged", "takes_image"),
    [
        pytest.param((ONE,), (), ONE, (ONE,), True, id="last-tag"),
        pytest.param((ONE, TWO), (), ONE, (ONE,), False, id="one-of-two-tags"),
        pytest.param((ONE,), (PINNED,), ONE, (ONE, PINNED), True, id="last-tag-takes-digests"),
        pytest.param((ONE, TWO), (PINNED,), ONE, (ONE,), False, id="repository-still-tagged"),
        pytest.param((ONE, API), (PINNED,), ONE, (ONE, PINNED), False, id="repository-is-over"),
        pytest.param(
            (ONE, API), (PINNED, PINNED_API), ONE, (ONE, PINNED), False, id="other-repository-stays"
        ),
        pytest.param((), (PINNED,), PINNED, (PINNED,), True, id="last-digest"),
        pytest.param((ONE,), (PINNED,), PINNED, (PINNED,), False, id="digest-beside-a-tag"),
        pytest.param((), (), None, (), True, id="dangling-by-id"),
        pytest.param((ONE,), (PINNED,), None, (ONE, PINNED), True, id="one-tag-by-id"),
    ],
)
def test_what_a_removal_comes_to(
    image: ImageRecord,
    tags: tuple[Reference, ...],
    digests: tuple[Reference, ...],
    name: Reference | None,
    untagged: tuple[Reference, ...],
    takes_image: bool,
) -> None:
    named = replace(image, tags=tags, repo_digests=digests)

    plan = plan_removal(named, name, holders=(), force=False)

    assert (plan.untagged, plan.takes_image) == (untagged, takes_image)


def test_an_id_with_several_tags_needs_force(image: ImageRecord) -> None:
    named = replace(image, tags=(ONE, TWO))

    with pytest.raises(ImageHasSeveralNames, match="team/web:1, team/web:2"):
        plan_removal(named, None, holders=(), force=False)

    forced = plan_removal(named, None, holders=(), force=True)
    assert (forced.untagged, forced.takes_image) == ((ONE, TWO), True)


@pytest.mark.parametrize("force", [False, True])
def test_no_force_takes_an_image_from_under_a_container(image: ImageRecord, force: bool) -> None:
    with pytest.raises(ImageInUse) as caught:
        plan_removal(image, None, holders=("web", "api"), force=force)

    assert caught.value.holders == ("web", "api")
    assert "web, api" in str(caught.value)


def test_the_last_tag_of_an_image_in_use_goes_only_by_force(image: ImageRecord) -> None:
    named = replace(image, tags=(ONE,))

    with pytest.raises(ImageInUse):
        plan_removal(named, ONE, holders=("web",), force=False)

    forced = plan_removal(named, ONE, holders=("web",), force=True)
    assert (forced.untagged, forced.takes_image) == ((ONE,), False)


def test_one_of_several_tags_goes_although_a_container_runs(image: ImageRecord) -> None:
    named = replace(image, tags=(ONE, TWO))

    assert plan_removal(named, ONE, holders=("web",), force=False).untagged == (ONE,)


# --- The act ----------------------------------------------------------------------------------


def test_a_name_is_taken_from_the_image_that_was_meant_or_from_none(world: World) -> None:
    seen = world.add(b"base", b"old", tags=("team/web:1",))
    moved = world.add(b"base", b"new", tags=("team/web:1",))

    with pytest.raises(TagMoved):
        world.remover.remove("team/web:1", of=str(seen.id))

    assert world.images.get("team/web:1").id == moved.id
    assert world.remover.remove("team/web:1", of=str(moved.id)).deleted


def test_removing_the_last_tag_removes_all_of_it(world: World) -> None:
    image = world.add(b"base", b"web", tags=("team/web:1",))
    before = world.disk_bytes

    removal = world.remover.remove("team/web:1", owner="ben")

    assert removal.untagged == (ONE,)
    assert removal.deleted == (
        image.id,
        image.layers[1].chain_id,
        image.layers[0].chain_id,
    )
    assert removal.freed_bytes == before
    assert world.disk_bytes == 0
    assert world.images.list_all() == []
    assert world.happened()[-2:] == [("untag", "team/web:1"), ("delete", str(image.id))]
    assert world.images.tag_moves(image.id)[0].reason == "delete"


def test_removing_one_of_two_tags_only_untags(world: World) -> None:
    world.add(b"base", tags=("team/web:1", "team/web:2"))
    before = world.disk_bytes

    removal = world.remover.remove("team/web:1")

    assert (removal.deleted, removal.freed_bytes) == ((), 0)
    assert world.disk_bytes == before
    assert [tag.familiar for tag in world.images.get("team/web:2").tags] == ["team/web:2"]
    assert world.images.find("team/web:1") is None


def test_a_shared_layer_stays_until_its_last_image_goes(world: World) -> None:
    world.add(b"base", b"web", tags=("team/web:1",))
    world.add(b"base", b"api", tags=("team/api:1",))
    base = world.images.get("team/api:1").layers[0]

    first = world.remover.remove("team/web:1")
    assert base.chain_id not in first.deleted
    assert world.layers.find(str(base.chain_id)) is not None

    second = world.remover.remove("team/api:1")
    assert base.chain_id in second.deleted
    assert world.disk_bytes == 0


def test_a_refusal_changes_nothing(world: World) -> None:
    image = world.add(b"base", tags=("team/web:1",))
    world.holders.by_image[image.id] = ("web",)
    before, events = world.disk_bytes, world.events.last_sequence()

    with pytest.raises(ImageInUse, match="web"):
        world.remover.remove("team/web:1")

    assert world.images.get("team/web:1") == image
    assert (world.disk_bytes, world.events.last_sequence()) == (before, events)


def test_force_leaves_the_image_of_a_container_without_a_name(world: World) -> None:
    image = world.add(b"base", tags=("team/web:1",))
    world.holders.by_image[image.id] = ("web",)

    removal = world.remover.remove("team/web:1", force=True)

    assert (removal.untagged, removal.deleted, removal.freed_bytes) == ((ONE,), (), 0)
    assert world.images.get(str(image.id)).is_dangling


def test_what_is_not_here_cannot_be_removed(world: World) -> None:
    with pytest.raises(ImageNotFound):
        world.remover.remove("team/nothing")


def test_the_same_removal_twice_finds_nothing_the_second_time(world: World) -> None:
    world.add(b"base", tags=("team/web:1",))
    world.remover.remove("team/web:1")

    with pytest.raises(ImageNotFound):
        world.remover.remove("team/web:1")


def test_a_layer_that_a_pull_has_leased_stays(world: World) -> None:
    image = world.add(b"base", b"web", tags=("team/web:1",))
    base, top = image.layers

    with world.leases.held() as lease:
        lease.add(layer_resource(base.chain_id))
        removal = world.remover.remove("team/web:1")
        assert world.layers.find(str(base.chain_id)) is not None

    assert removal.deleted == (image.id, top.chain_id)
    assert removal.freed_bytes == top.size + image.documents[0].size
    assert world.collector.sweep().freed_bytes == base.size
    assert world.disk_bytes == 0


def test_a_document_that_a_pull_has_leased_stays(world: World) -> None:
    image = world.add(b"base", tags=("team/web:1",))

    with world.leases.held() as lease:
        lease.add(blob_resource(image.id))
        removal = world.remover.remove("team/web:1")
        assert world.store.has(image.id)

    assert removal.freed_bytes == image.size


def test_a_layer_under_a_container_stays(world: World) -> None:
    image = world.add(b"base", b"web", tags=("team/web:1",))
    world.layers.hold("container", parent=image.layers[0].chain_id)

    removal = world.remover.remove("team/web:1")

    assert removal.deleted == (image.id, image.layers[1].chain_id)
    assert world.layers.find(str(image.layers[0].chain_id)) is not None


def test_a_clean_up_takes_what_is_still_dangling(world: World) -> None:
    image = world.add(b"base")

    removal = world.remover.remove_unused(image, PruneFilters())

    assert removal is not None
    assert removal.deleted[0] == image.id
    assert world.disk_bytes == 0


def test_a_clean_up_leaves_what_got_a_tag_or_a_container_or_is_gone(world: World) -> None:
    tagged, used, gone = (world.add(b"base", label=name) for name in "abc")
    world.images.tag(str(tagged.id), ONE)
    world.holders.by_image[used.id] = ("web",)
    world.remover.remove(str(gone.id))

    removed = [world.remover.remove_unused(each, PruneFilters()) for each in (tagged, used, gone)]
    assert removed == [None] * 3
    assert {image.id for image in world.images.list_all()} == {tagged.id, used.id}


STACKS = st.lists(
    st.lists(st.sampled_from([b"a", b"bb", b"ccc"]), min_size=1, max_size=4), min_size=1, max_size=5
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None
)
@given(data=st.data())
def test_every_removal_frees_what_the_ledger_says_and_all_frees_everything(
    world: World, data: st.DataObject
) -> None:
    for image in world.images.list_all():  # of an example that was broken off
        world.remover.remove(str(image.id))
    stacks = data.draw(STACKS)
    images = {world.add(*stack, label=str(n)).id for n, stack in enumerate(stacks)}

    for image_id in data.draw(st.permutations(sorted(images))):
        ledger = ledger_of(world.images.list_all(), [], writable_sizes={})
        assert ledger.total == world.disk_bytes
        promised = ledger.reclaimable([str(image_id)])
        before = world.disk_bytes

        removal = world.remover.remove(str(image_id))

        assert removal.freed_bytes == promised == before - world.disk_bytes
    assert world.disk_bytes == 0


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None
)
@given(data=st.data())
def test_many_at_once_do_what_they_do_one_by_one(world: World, data: st.DataObject) -> None:
    stacks = data.draw(STACKS)
    order = data.draw(st.permutations(range(len(stacks))))
    count = data.draw(st.integers(0, len(stacks)))
    has_container = data.draw(st.booleans())

    outcomes = []
    for remove in (_removed_at_once, _removed_in_turn):
        images = [world.add(*stack, label=str(n)) for n, stack in enumerate(stacks)]
        ids = [str(images[each].id) for each in order]
        if has_container:
            world.layers.hold("container", parent=images[0].layers[-1].chain_id)
        before, events = world.disk_bytes, world.events.last_sequence()
        removals = remove(world, ids[:count])
        assert sum(each.freed_bytes for each in removals) == before - world.disk_bytes
        told = [(each.action, each.subject) for each in world.events.list_since(events)]
        outcomes.append((removals, told, world.images.list_chain_ids()))
        world.layers.remove("container")
        _removed_in_turn(world, ids)
        world.collector.sweep(keep_for=timedelta())

    assert outcomes[0] == outcomes[1]
    assert world.disk_bytes == 0


def _removed_at_once(world: World, ids: list[str]) -> list[ImageRemoval]:
    removed = world.remover.remove_each(ids, lambda *_: "")
    assert not removed.refused
    return list(removed.removals.values())


def _removed_in_turn(world: World, ids: list[str]) -> list[ImageRemoval]:
    found = [each for each in ids if world.images.find(each)]
    return [world.remover.remove(each) for each in found]


def test_of_many_those_stay_that_somebody_objects_to_or_needs(world: World) -> None:
    going, used, kept = (world.add(b"base", label=each, tags=(f"web:{each}",)) for each in "abc")
    world.holders.by_image[used.id] = ("web",)
    ids = [str(each.id) for each in (going, used, kept)]
    asked = []

    def objection(image: ImageRecord, users: tuple[str, ...], leased: frozenset[str]) -> str:
        asked.append((image.id, users, leased))
        return "is dear" if image == kept else ""

    removed = world.remover.remove_each([*ids, "sha256:gone"], objection, owner="ben")

    users = [(going.id, ()), (used.id, ("web",)), (kept.id, ())]
    assert asked == [(*each, frozenset()) for each in users]
    assert list(removed.removals) == ids[:1]
    assert removed.refused == {
        ids[1]: "came into use meanwhile",
        ids[2]: "is dear",
        "sha256:gone": "is gone already",
    }
    assert {each.id for each in world.images.list_all()} == {used.id, kept.id}
    (move, *_) = world.images.tag_moves(going.id)
    assert (move.previous, move.image_id, move.moved_by, move.reason) == (
        going.id,
        None,
        "ben",
        "delete",
    )
