"""What a pull from a registry in this process leaves and tells; layers are unpacked in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.oci import media_types
from engine.oci.digest import Digest
from engine.oci.manifest import MAX_BYTES
from engine.progress import LayerProgress, LayerStatus, Message
from tests.support.images import PackedImage, pack_image, pack_index
from tests.support.pulls import ELSEWHERE, LOWER

if TYPE_CHECKING:
    from engine.oci.reference import Reference
    from tests.support.registry import FakeRegistry
    from tests.support.world import Sink, World

# --- What a pull leaves -----------------------------------------------------------------------


def test_a_pulled_image_is_here_as_the_registry_has_it(
    world: World, web: Reference, image: PackedImage
) -> None:
    pulled = world.puller.pull(web, owner="ana")

    assert pulled.is_new
    assert pulled.digest == image.digest
    assert pulled.fetched_bytes == sum(map(len, image.layers))
    assert pulled.image.id == Digest.of(image.config)
    assert pulled.image.tags == (web,)
    assert pulled.image.repo_digests == (web.with_digest(image.digest),)
    assert (pulled.image.added_by, pulled.image.source) == ("ana", "registry")
    assert [layer.digest for layer in pulled.image.layers] == [
        Digest.of(layer) for layer in image.layers
    ]
    assert world.images.get(str(web)) == pulled.image


def test_a_pull_is_told_in_one_event_after_its_tag(world: World, web: Reference) -> None:
    pulled = world.puller.pull(web, owner="ana")

    tag, pull = world.list_events()
    assert (tag.action, pull.action) == ("tag", "pull")
    assert pull.subject == str(pulled.image.id)
    assert pull.attributes == {
        "name": web.familiar,
        "by": "ana",
        "digest": str(pulled.digest),
    }


def test_documents_and_archives_stay_in_the_content_store(
    world: World, web: Reference, image: PackedImage
) -> None:
    pulled = world.puller.pull(web)

    kept = {blob.digest: blob.disk_bytes for blob in world.store.iter_blobs()}
    archives = {layer.digest: layer.archive_bytes for layer in pulled.image.layers}
    documents = {each.digest: each.size for each in pulled.image.documents}
    assert set(documents) == {Digest.of(image.config), image.digest}
    assert kept == {**archives, **documents}
    assert sum(kept.values()) == world.store.blob_bytes()


def test_a_second_pull_is_up_to_date(
    world: World, web: Reference, registry: FakeRegistry, sink: Sink
) -> None:
    world.puller.pull(web)
    registry.received.clear()

    again = world.puller.pull(web, progress=sink)

    assert (again.is_new, again.fetched_bytes) == (False, 0)
    assert registry.requests_for("/blobs/") == []
    assert Message(f"Status: Image is up to date for {web.familiar}") in sink.events


def test_only_missing_layers_are_brought(
    world: World, web: Reference, registry: FakeRegistry, sink: Sink
) -> None:
    world.puller.pull(web)
    newer = pack_image(LOWER, b"another upper layer")
    registry.put_image("team/web", newer)
    registry.received.clear()

    pulled = world.puller.pull(web, progress=sink)

    assert pulled.is_new
    assert pulled.fetched_bytes == len(newer.layers[1])
    assert registry.requests_for(str(Digest.of(newer.layers[0]))) == []
    statuses = {each.id: each.status for each in sink.events if isinstance(each, LayerProgress)}
    assert statuses[Digest.of(newer.layers[0]).short] is LayerStatus.EXISTS
    assert statuses[Digest.of(newer.layers[1]).short] is LayerStatus.COMPLETE


def test_the_image_that_a_tag_leaves_behind_is_dangling(
    world: World, web: Reference, registry: FakeRegistry
) -> None:
    old = world.puller.pull(web, owner="ana").image
    registry.put_image("team/web", pack_image(b"new"))

    new = world.puller.pull(web, owner="ben").image

    assert world.images.get(str(web)).id == new.id
    assert world.images.get(str(old.id)).is_dangling
    move = world.images.tag_moves(old.id)[0]
    assert (move.image_id, move.moved_by, move.reason) == (new.id, "ben", "pull")


def test_a_pull_by_digest_makes_no_tag(world: World, web: Reference, image: PackedImage) -> None:
    pulled = world.puller.pull(web.with_digest(image.digest))

    assert pulled.image.tags == ()
    assert world.images.get(str(web.with_digest(image.digest))).id == pulled.image.id


def test_an_index_is_kept_with_the_manifest_it_led_to(
    world: World, registry: FakeRegistry, image: PackedImage
) -> None:
    other = pack_image(b"other", platform=ELSEWHERE)
    index = pack_index(other, image)
    reference = registry.put_index("team/multi", index, other, image)

    pulled = world.puller.pull(reference)

    assert pulled.digest == Digest.of(index)
    assert pulled.image.manifest_digest == image.digest
    assert world.store.read_blob(Digest.of(index), limit=MAX_BYTES) == index


def test_another_platform_is_pulled_if_asked_for(
    world: World, registry: FakeRegistry, image: PackedImage
) -> None:
    other = pack_image(b"other", platform=ELSEWHERE)
    reference = registry.put_index("team/multi", pack_index(other, image), other, image)

    assert world.puller.pull(reference, platform=ELSEWHERE).image.platform == ELSEWHERE


def test_an_image_of_another_platform_is_pulled_with_a_word(
    world: World, registry: FakeRegistry, sink: Sink
) -> None:
    reference = registry.put_image("team/web", pack_image(b"other", platform=ELSEWHERE))

    world.puller.pull(reference, progress=sink)

    assert any("linux/s390x" in each.text for each in sink.events if isinstance(each, Message))


def test_an_image_without_layers_can_be_pulled(world: World, registry: FakeRegistry) -> None:
    pulled = world.puller.pull(registry.put_image("team/empty", pack_image()))

    assert pulled.image.layers == ()
    assert pulled.image.size == 0


def test_a_layer_that_occurs_twice_is_brought_once(world: World, registry: FakeRegistry) -> None:
    image = pack_image(b"same", b"other", b"same")
    reference = registry.put_image("team/twice", image)

    pulled = world.puller.pull(reference)

    assert len(pulled.image.layers) == 3
    assert len(registry.requests_for(str(Digest.of(image.layers[0])))) == 1


@pytest.mark.parametrize(
    "layer_type", [media_types.DOCKER_LAYER_GZIP, media_types.OCI_LAYER], ids=["docker", "plain"]
)
def test_other_kinds_of_layers_are_pulled(
    world: World, registry: FakeRegistry, layer_type: str
) -> None:
    image = pack_image(LOWER, layer_type=layer_type, media_type=media_types.DOCKER_MANIFEST)

    pulled = world.puller.pull(registry.put_image("team/web", image))

    assert pulled.image.layers[0].media_type == layer_type


# --- Progress ---------------------------------------------------------------------------------


def test_every_layer_tells_where_it_stands_in_dockers_words(
    world: World, web: Reference, image: PackedImage, sink: Sink
) -> None:
    world.puller.pull(web, progress=sink)

    for blob in image.layers:
        events = [
            each
            for each in sink.events
            if isinstance(each, LayerProgress) and each.id == Digest.of(blob).short
        ]
        statuses = list(dict.fromkeys(each.status for each in events))
        assert statuses == [
            LayerStatus.WAITING,
            LayerStatus.DOWNLOADING,
            LayerStatus.VERIFYING,
            LayerStatus.DOWNLOADED,
            LayerStatus.EXTRACTING,
            LayerStatus.COMPLETE,
        ]
        downloading = [each for each in events if each.status is LayerStatus.DOWNLOADING]
        assert all(each.total == len(blob) for each in downloading)
        assert [each.current for each in downloading] == sorted(
            each.current for each in downloading
        )
        assert downloading[-1].current == len(blob)


def test_the_log_reads_as_dockers(world: World, web: Reference, sink: Sink) -> None:
    pulled = world.puller.pull(web, progress=sink)

    assert [each.text for each in sink.events if isinstance(each, Message)] == [
        "latest: Pulling from team/web",
        f"Digest: {pulled.digest}",
        f"Status: Downloaded newer image for {web.familiar}",
    ]
