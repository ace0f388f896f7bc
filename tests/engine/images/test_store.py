from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.errors import AmbiguousID, ImageNotFound, InvalidReference
from engine.images.store import LayerRecord
from engine.oci.digest import Digest
from engine.oci.identity import chain_ids
from engine.oci.reference import Reference
from tests.support.images import pack_image

if TYPE_CHECKING:
    from engine.oci.config import ImageConfig
    from tests.support.world import World

WEB = Reference.parse("team/web:1")


def test_an_image_is_recorded_with_who_when_and_from_where(world: World) -> None:
    image = world.add(b"a", b"b", tags=("team/web:1",))

    assert image.tags == (WEB,)
    assert (image.added_by, image.source, image.last_used_at) == ("ana", "build", None)
    assert image.added_at < world.clock.now()
    assert [layer.size for layer in image.layers] == [4096, 4096]
    assert image.size == 8192
    assert image.documents[0].digest == image.id
    assert world.images.get(str(image.id)) == image


def test_an_image_that_is_known_keeps_how_it_came(world: World) -> None:
    first = world.add(b"a", tags=("team/web:1",))
    second = world.add(b"a", tags=("team/web:2",))

    assert second.id == first.id
    assert second.added_at == first.added_at
    assert [tag.tag for tag in second.tags] == ["1", "2"]


def test_a_layer_is_recorded_once_for_all_its_images(world: World) -> None:
    one, other = world.add(b"a", b"b"), world.add(b"a", b"c")

    assert one.layers[0] == other.layers[0]
    assert one.layers[1] != other.layers[1]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("team/web:1", id="familiar"),
        pytest.param("docker.io/team/web:1", id="canonical"),
        pytest.param("index.docker.io/team/web:1", id="old-host"),
    ],
)
def test_an_image_is_found_by_any_spelling_of_its_tag(world: World, text: str) -> None:
    image = world.add(b"a", tags=("team/web:1",))

    assert world.images.get(text) == image
    assert world.images.find(text) == image


def test_an_image_is_found_by_its_id_and_the_beginning_of_it(world: World) -> None:
    image = world.add(b"a")

    for text in (str(image.id), image.id.hex, image.id.short, f"sha256:{image.id.hex[:6]}"):
        assert world.images.get(text) == image


def test_a_name_wins_over_the_beginning_of_an_id(world: World) -> None:
    by_id = world.add(b"a")
    by_name = world.add(b"b", tags=(by_id.id.short,))

    assert world.images.get(by_id.id.short).id == by_name.id


def test_the_beginning_of_two_ids_is_ambiguous(world: World) -> None:
    found: dict[str, int] = {}
    for number in range(40):
        image = world.add(b"a", label=str(number))
        found[image.id.hex[0]] = found.get(image.id.hex[0], 0) + 1
    shared = next(digit for digit, count in found.items() if count > 1)

    with pytest.raises(AmbiguousID):
        world.images.get(f"sha256:{shared}")


def test_a_name_by_digest_finds_what_was_pulled_as_it(world: World) -> None:
    image, digest = world.add(b"a"), Digest.of(b"manifest")
    world.images.note_pull(WEB, digest, image.id, owner="ben")

    found = world.images.get(f"team/web@{digest}")

    assert found.id == image.id
    assert found.repo_digests == (WEB.with_digest(digest),)
    assert world.images.get(f"team/web:other@{digest}").id == image.id
    assert world.images.find(f"team/api@{digest}") is None


@pytest.mark.parametrize(
    "text", ["nothing", "team/nothing:1", "0" * 64, "sha256:" + "0" * 64, "ab"]
)
def test_what_is_not_here_is_not_found(world: World, text: str) -> None:
    world.add(b"a", tags=("team/web:1",))

    with pytest.raises(ImageNotFound):
        world.images.get(text)
    assert world.images.find(text) is None


@pytest.mark.parametrize("text", ["", "Upper", "a:b:c", "-x", "a@sha256:beef"])
def test_what_names_no_image_is_said_to_be_malformed(world: World, text: str) -> None:
    with pytest.raises(InvalidReference):
        world.images.get(text)
    assert world.images.find(text) is None


def test_an_image_without_tag_is_dangling(world: World) -> None:
    world.add(b"a", tags=("team/web:1",))
    old = world.add(b"b")
    world.images.note_pull(WEB, Digest.of(b"manifest"), old.id, owner="")

    assert [image.id for image in world.images.list_dangling()] == [old.id]
    assert not world.images.get("team/web:1").is_dangling


def test_all_images_are_listed(world: World) -> None:
    made = {world.add(b"a", label=str(number)).id for number in range(3)}

    assert {image.id for image in world.images.list_all()} == made


def test_no_image_is_an_empty_list(world: World) -> None:
    assert world.images.list_all() == []


def test_tagging_adds_a_name_and_tells_of_it(world: World) -> None:
    image = world.add(b"a", tags=("team/web:1",))

    tagged = world.images.tag("team/web:1", Reference.parse("team/web:2"), owner="ben")

    assert [tag.familiar for tag in tagged.tags] == ["team/web:1", "team/web:2"]
    event = world.list_events()[-1]
    assert (event.noun, event.action, event.subject) == ("image", "tag", str(image.id))
    assert event.attributes == {"name": "team/web:2", "by": "ben", "previous": ""}


def test_moving_a_tag_leaves_the_old_image_dangling_with_its_story(world: World) -> None:
    old, new = world.add(b"a", tags=("team/web:1",)), world.add(b"b")

    world.images.tag(str(new.id), WEB, owner="ben")

    assert world.images.get("team/web:1").id == new.id
    assert world.images.get(str(old.id)).is_dangling
    latest, first = world.images.tag_moves(old.id)
    assert (first.previous, first.image_id, first.reason) == (None, old.id, "build")
    assert (latest.previous, latest.image_id, latest.moved_by) == (old.id, new.id, "ben")
    assert first.moved_at < latest.moved_at
    assert world.list_events()[-1].attributes["previous"] == str(old.id)


def test_tagging_what_has_the_tag_already_changes_nothing(world: World) -> None:
    world.add(b"a", tags=("team/web:1",))
    before = world.events.last_sequence()

    world.images.tag("team/web:1", WEB)

    assert world.events.last_sequence() == before
    assert len(world.images.tag_moves(world.images.get("team/web:1").id)) == 1


def test_a_name_by_digest_cannot_be_given(world: World) -> None:
    world.add(b"a", tags=("team/web:1",))

    with pytest.raises(InvalidReference):
        world.images.tag("team/web:1", WEB.with_digest(Digest.of(b"x")))


def test_tagging_an_unknown_image_changes_nothing(world: World) -> None:
    with pytest.raises(ImageNotFound):
        world.images.tag("nothing", WEB)

    assert world.events.last_sequence() == 0


def test_the_last_use_is_remembered(world: World) -> None:
    image = world.add(b"a")

    world.images.mark_used(image.id)

    used = world.images.get(str(image.id)).last_used_at
    assert used is not None
    assert used > image.added_at


def test_an_event_is_not_told_when_the_record_is_not_made(world: World) -> None:
    image = world.add(b"a")
    before = world.events.last_sequence()

    def fail() -> None:
        with world.database.write():
            world.images.move_tag(WEB, image.id, owner="", reason="tag")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert world.events.last_sequence() == before
    assert world.images.find("team/web:1") is None


def test_listing_many_images_asks_no_more_questions_than_listing_few(world: World) -> None:
    few = _questions_of_a_list(world, 2)

    assert _questions_of_a_list(world, 200) == few


def _questions_of_a_list(world: World, count: int) -> int:
    """Have *count* images and return how many statements it takes to list them."""
    with world.database.write():
        for number in range(count):
            world.images.ensure_image(
                _config(number), _layers(number), tags=[_tag(number)], source="build"
            )
    asked: list[str] = []
    with world.database.read() as view:
        view.connection.set_trace_callback(asked.append)
        assert len(world.images.list_all()) == count
        view.connection.set_trace_callback(None)
    return len(asked)


def _config(number: int) -> ImageConfig:
    return pack_image(b"base", b"%d" % number).parsed_config


def _layers(number: int) -> list[LayerRecord]:
    config = _config(number)
    return [
        LayerRecord(chain, diff_id, diff_id, 1, 1, "tar")
        for chain, diff_id in zip(chain_ids(config.diff_ids), config.diff_ids, strict=True)
    ]


def _tag(number: int) -> Reference:
    return Reference.parse(f"team/web:{number}")
