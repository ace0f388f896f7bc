"""Pulling from a registry in this process, well behaved and not; layers are unpacked in memory."""

from __future__ import annotations

import gzip
import os
import subprocess
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from engine.content.local import LocalStore
from engine.errors import (
    AccessDenied,
    AuthenticationFailed,
    DiffIDMismatch,
    DigestMismatch,
    EngineError,
    ForeignLayer,
    ImageNotFound,
    InvalidImageConfig,
    InvalidLayer,
    InvalidManifest,
    LimitExceeded,
    NoMatchingPlatform,
    OutOfSpace,
    RateLimited,
    RegistryError,
    RegistryUnreachable,
    SizeMismatch,
    UnsupportedMediaType,
)
from engine.images.resources import layer_resource
from engine.oci import media_types
from engine.oci.digest import Digest
from engine.oci.manifest import MAX_BYTES
from engine.oci.platform import Platform
from engine.progress import Cancellation, Cancelled, LayerProgress, LayerStatus, Message
from engine.registry.credentials import Credentials
from engine.system.paths import EnginePaths
from tests.support.images import PackedImage, pack_image, pack_index
from tests.support.registry import FakeRegistry, Reply
from tests.support.world import Sink, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from engine.oci.reference import Reference
    from engine.progress import ProgressEvent

LOWER, UPPER = os.urandom(300_000), os.urandom(200_000)
ELSEWHERE = Platform("linux", "s390x")


@pytest.fixture
def image() -> PackedImage:
    return pack_image(LOWER, UPPER)


@pytest.fixture
def web(registry: FakeRegistry, image: PackedImage) -> Reference:
    return registry.put_image("team/web", image)


def assert_nothing_is_here(world: World) -> None:
    assert world.images.list_all() == []
    assert world.list_events() == []
    assert list(world.layers.iter_snapshots()) == []
    assert world.disk_bytes == 0


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


# --- Bad input: each with its error, and nothing is here afterwards ---------------------------


def refusing(status: int, **headers: str) -> Callable[[FakeRegistry], None]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda registry: registry.always("/manifests/", Reply(status, headers=named))


def serving_blob(number: int, change: Callable[[bytes], bytes]) -> Callable[[FakeRegistry], None]:
    def arrange(registry: FakeRegistry) -> None:
        blob = pack_image(LOWER, UPPER).layers[number]
        registry.always(str(Digest.of(blob)), Reply(body=change(blob)))

    return arrange


def serving_manifest(content: bytes) -> Callable[[FakeRegistry], None]:
    return lambda registry: registry.always("/manifests/", Reply(body=content))


def flipped(blob: bytes) -> bytes:
    return blob[:-1] + bytes([blob[-1] ^ 1])


BOTH = b'{"schemaVersion": 2, "mediaType": "%s", "config": {}, "layers": [], "manifests": []}'


@pytest.mark.parametrize(
    ("arrange", "error"),
    [
        pytest.param(refusing(401), AuthenticationFailed, id="401"),
        pytest.param(refusing(403), AccessDenied, id="403"),
        pytest.param(refusing(404), ImageNotFound, id="404"),
        pytest.param(refusing(429, retry_after="60"), RateLimited, id="429"),
        pytest.param(refusing(500), RegistryError, id="500"),
        pytest.param(
            refusing(302, location="/v2/"), UnsupportedMediaType, id="redirect-to-no-manifest"
        ),
        pytest.param(refusing(302, location="https:///"), RegistryError, id="redirect-to-nowhere"),
        pytest.param(serving_blob(0, flipped), DigestMismatch, id="digest-mismatch-lowest"),
        pytest.param(serving_blob(1, flipped), DigestMismatch, id="digest-mismatch-highest"),
        pytest.param(serving_blob(1, lambda blob: blob[:999]), SizeMismatch, id="truncated"),
        pytest.param(serving_blob(1, lambda blob: blob + b"!"), SizeMismatch, id="too-long"),
        pytest.param(serving_blob(1, lambda _: b""), SizeMismatch, id="empty"),
        pytest.param(serving_manifest(b" " * (MAX_BYTES + 1)), LimitExceeded, id="oversized"),
        pytest.param(serving_manifest(b"<html>"), InvalidManifest, id="no-json"),
        pytest.param(
            serving_manifest(BOTH % media_types.OCI_MANIFEST.encode()),
            InvalidManifest,
            id="layers-and-manifests",
        ),
    ],
)
def test_a_registry_that_misbehaves_leaves_nothing_here(
    world: World,
    registry: FakeRegistry,
    web: Reference,
    arrange: Callable[[FakeRegistry], None],
    error: type[EngineError],
) -> None:
    arrange(registry)

    with pytest.raises(error):
        world.puller.pull(web)

    assert_nothing_is_here(world)


def changed(image: PackedImage, **changes: object) -> PackedImage:
    """Return *image* with other bytes, and a manifest that vouches for them."""
    other = replace(image, **changes)
    manifest = image.manifest
    for old, new in zip((image.config, *image.layers), (other.config, *other.layers), strict=True):
        manifest = manifest.replace(str(Digest.of(old)).encode(), str(Digest.of(new)).encode())
        manifest = manifest.replace(b'"size":%d' % len(old), b'"size":%d' % len(new))
    return replace(other, manifest=manifest)


def cut(blob: bytes) -> bytes:
    return blob[: len(blob) // 2]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param(
            lambda image: changed(image, layers=(image.layers[0], cut(image.layers[1]))),
            InvalidLayer,
            id="layer-cut-off",
        ),
        pytest.param(
            lambda image: changed(image, layers=(b"no gzip", image.layers[1])),
            InvalidLayer,
            id="layer-no-gzip",
        ),
        pytest.param(
            lambda image: changed(image, layers=(image.layers[0], gzip.compress(b"else"))),
            DiffIDMismatch,
            id="layer-another",
        ),
        pytest.param(
            lambda image: changed(image, config=b"{}"), InvalidImageConfig, id="config-empty"
        ),
        pytest.param(
            lambda image: changed(image, config=pack_image(LOWER).config),
            InvalidManifest,
            id="config-of-fewer-layers",
        ),
        pytest.param(
            lambda image: replace(
                image, manifest=image.manifest.replace(b"layer.v1.tar+gzip", b"layer.v1.tar+xz")
            ),
            UnsupportedMediaType,
            id="layer-media-type",
        ),
        pytest.param(
            lambda image: replace(
                image,
                manifest=image.manifest.replace(b"layer.v1", b"layer.nondistributable.v1"),
            ),
            ForeignLayer,
            id="layer-foreign",
        ),
    ],
)
def test_an_image_that_was_made_wrongly_leaves_nothing_here(
    world: World,
    registry: FakeRegistry,
    image: PackedImage,
    change: Callable[[PackedImage], PackedImage],
    error: type[EngineError],
) -> None:
    reference = registry.put_image("team/wrong", change(image))

    with pytest.raises(error):
        world.puller.pull(reference)

    assert_nothing_is_here(world)


def test_a_registry_that_is_down_leaves_nothing_here(world: World, web: Reference) -> None:
    down = type(web).parse("127.0.0.1:1/team/web")

    with pytest.raises(RegistryUnreachable):
        world.puller.pull(down)

    assert_nothing_is_here(world)


def test_an_unknown_tag_leaves_nothing_here(
    world: World, registry: FakeRegistry, web: Reference
) -> None:
    with pytest.raises(ImageNotFound):
        world.puller.pull(registry.reference("team/web:unknown"))

    assert_nothing_is_here(world)


def test_a_platform_that_is_not_offered_leaves_nothing_here(world: World, web: Reference) -> None:
    with pytest.raises(NoMatchingPlatform):
        world.puller.pull(web, platform=ELSEWHERE)

    assert_nothing_is_here(world)


def test_a_refused_pull_leaves_what_was_here_before(
    world: World, registry: FakeRegistry, web: Reference, image: PackedImage
) -> None:
    before = world.puller.pull(web).image
    events, disk = world.events.last_sequence(), world.disk_bytes
    newer = pack_image(LOWER, b"newer")
    registry.put_image("team/web", newer)
    registry.always(str(Digest.of(newer.layers[1])), Reply(body=b"wrong"))

    with pytest.raises(SizeMismatch):
        world.puller.pull(web)

    assert world.images.list_all() == [before]
    assert (world.events.last_sequence(), world.disk_bytes) == (events, disk)


def test_the_right_credentials_open_a_closed_registry(
    world: World, registry: FakeRegistry, web: Reference
) -> None:
    registry.require_basic("ana", "secret")

    with pytest.raises(AuthenticationFailed):
        world.puller.pull(web)
    assert world.puller.pull(web, credentials=Credentials("ana", "secret")).is_new

    recorded = " ".join(str(event) for event in world.list_events())
    assert "secret" not in recorded
    assert b"secret" not in world.paths.database.read_bytes()


# --- Going on, stopping, sharing --------------------------------------------------------------


def test_a_broken_connection_is_gone_on_from(
    world: World, registry: FakeRegistry, web: Reference, image: PackedImage
) -> None:
    registry.drop(Digest.of(image.layers[0]), after=100_000)

    pulled = world.puller.pull(web)

    assert pulled.fetched_bytes == sum(map(len, image.layers))
    ranges = [each.headers.get("range", "") for each in registry.requests_for("/blobs/")]
    assert any(each.startswith("bytes=") for each in ranges)


@pytest.fixture
def failing_at_half(
    world: World, registry: FakeRegistry, web: Reference, image: PackedImage
) -> Digest:
    """Let a pull give up halfway through the lowest layer; returns that layer's digest."""
    digest = Digest.of(image.layers[0])
    half = Reply(body=image.layers[0], drop_after=len(image.layers[0]) // 2)
    registry.fail(str(digest), half, Reply(418))
    with pytest.raises(RegistryError):
        world.puller.pull(web)
    return digest


def test_the_next_pull_goes_on_where_one_broke(
    world: World,
    registry: FakeRegistry,
    web: Reference,
    image: PackedImage,
    failing_at_half: Digest,
) -> None:
    assert world.images.list_all() == []
    registry.received.clear()

    pulled = world.puller.pull(web)

    wanted = registry.requests_for(str(failing_at_half))[0].headers["range"]
    start = int(wanted.removeprefix("bytes=").rstrip("-"))
    assert 0 < start < len(image.layers[0])
    assert pulled.fetched_bytes <= sum(map(len, image.layers)) - start
    assert pulled.image.id == Digest.of(image.config)


class CancellingSink(Sink):
    """Asks to stop as soon as a layer has got so far."""

    def __init__(self, cancellation: Cancellation, status: LayerStatus) -> None:
        super().__init__()
        self._cancellation = cancellation
        self._status = status

    def emit(self, event: ProgressEvent) -> None:
        super().emit(event)
        is_reached = isinstance(event, LayerProgress) and event.status is self._status
        if is_reached and event.current:
            self._cancellation.cancel()


@pytest.mark.parametrize(
    "status", [LayerStatus.DOWNLOADING, LayerStatus.DOWNLOADED, LayerStatus.EXTRACTING]
)
def test_a_cancelled_pull_shows_nothing_and_can_be_gone_on_from(
    world: World, web: Reference, image: PackedImage, status: LayerStatus
) -> None:
    cancellation = Cancellation()

    with pytest.raises(Cancelled):
        world.puller.pull(
            web,
            progress=CancellingSink(cancellation, status),
            cancellation=cancellation,
        )

    assert world.images.list_all() == []
    assert world.list_events() == []
    assert world.store.blob_bytes() > 0
    assert world.puller.pull(web).fetched_bytes < sum(map(len, image.layers))


def test_a_pull_can_be_cancelled_while_the_registry_is_slow(
    world: World, registry: FakeRegistry, web: Reference, image: PackedImage
) -> None:
    gate = threading.Event()
    cancellation = Cancellation()
    blob = image.layers[0]
    registry.always(str(Digest.of(blob)), Reply(body=blob, gate=gate))

    def stop(event: ProgressEvent) -> None:
        if isinstance(event, LayerProgress) and event.status is LayerStatus.DOWNLOADING:
            cancellation.cancel()
            gate.set()

    sink = Sink()
    sink.emit = stop  # type: ignore[method-assign]

    with pytest.raises(Cancelled):
        world.puller.pull(web, progress=sink, cancellation=cancellation)

    assert world.images.list_all() == []


@pytest.fixture
def neighbour(world: World) -> Iterator[World]:
    """Another process, as far as locks and records can tell."""
    neighbour = World(world.paths, layers=world.layers)
    yield neighbour
    neighbour.close()


def test_two_pulls_of_one_image_share_each_download(
    world: World, neighbour: World, registry: FakeRegistry, web: Reference, image: PackedImage
) -> None:
    gate = threading.Event()
    for blob in image.layers:
        registry.fail(str(Digest.of(blob)), Reply(body=blob, gate=gate))
    results = []

    def pull(one: World) -> None:
        results.append(one.puller.pull(web))

    threads = [threading.Thread(target=pull, args=(each,)) for each in (world, neighbour)]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join()

    assert sum(result.fetched_bytes for result in results) == sum(map(len, image.layers))
    assert len(registry.requests_for(str(Digest.of(image.layers[0])))) == 1
    assert len({result.image.id for result in results}) == 1
    assert len(world.images.list_all()) == 1
    assert {blob.digest for blob in world.store.iter_blobs()} == {
        Digest.of(image.config),
        image.digest,
        *map(Digest.of, image.layers),
    }


def test_a_sweep_beside_a_pull_takes_nothing_from_it(
    world: World, web: Reference, image: PackedImage
) -> None:
    class SweepingSink(Sink):
        def emit(self, event: ProgressEvent) -> None:
            super().emit(event)
            world.collector.sweep(keep_for=world.clock.time - world.clock.time)

    pulled = world.puller.pull(web, progress=SweepingSink())

    assert all(world.layers.find(str(layer.chain_id)) for layer in pulled.image.layers)
    assert world.store.has(image.digest)


def test_a_removal_beside_a_pull_leaves_its_layers(
    world: World, registry: FakeRegistry, web: Reference
) -> None:
    world.puller.pull(web)
    newer = registry.put_image("team/newer", pack_image(LOWER, b"newer"))

    class RemovingSink(Sink):
        def emit(self, event: ProgressEvent) -> None:
            is_known = isinstance(event, LayerProgress) and event.status is LayerStatus.EXISTS
            if is_known:
                world.remover.remove(str(web))
            super().emit(event)

    pulled = world.puller.pull(newer, progress=RemovingSink())

    assert [image.id for image in world.images.list_all()] == [pulled.image.id]
    assert all(world.layers.find(str(layer.chain_id)) for layer in pulled.image.layers)


def test_no_lease_is_left(world: World, web: Reference) -> None:
    pulled = world.puller.pull(web)

    with world.database.write() as transaction:
        leased = world.leases.leased(transaction)
    assert layer_resource(pulled.image.layers[0].chain_id) not in leased
    assert leased == frozenset()


@pytest.mark.root
def test_a_full_disk_leaves_nothing_here(tmp_path: Path, registry: FakeRegistry) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=True)
    try:
        world = World(EnginePaths(tmp_path / "root", tmp_path / "run"))
        world.store = LocalStore(disk, world.locks)
        world.collector._store = world.puller._store = world.layers._store = world.store
        reference = registry.put_image(
            "team/large", pack_image(os.urandom(900_000), os.urandom(900_000))
        )

        with pytest.raises(OutOfSpace):
            world.puller.pull(reference)

        assert_nothing_is_here(world)
        assert world.puller.pull(registry.put_image("team/small", pack_image(b"small"))).is_new
        world.close()
    finally:
        subprocess.run(["umount", disk], check=True)
