"""Pushing to a registry in this process, well behaved and not."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from engine.errors import (
    AccessDenied,
    AuthenticationFailed,
    DigestMismatch,
    EngineError,
    ImageNotFound,
    InvalidReference,
    RateLimited,
    RegistryError,
    RegistryUnreachable,
)
from engine.oci import media_types
from engine.oci.digest import Digest
from engine.oci.manifest import Manifest, parse_manifest
from engine.progress import Cancellation, Cancelled, LayerProgress, LayerStatus, Message
from engine.registry.credentials import Credentials
from tests.support.images import pack_image, pack_index
from tests.support.registry import FakeRegistry, Received, Reply, TokenServer, serving

if TYPE_CHECKING:
    from engine.images.record import ImageRecord
    from engine.oci.reference import Reference
    from tests.support.world import Sink, World

LOWER, UPPER = os.urandom(300_000), os.urandom(200_000)
ANA = Credentials("ana", "secret")


@pytest.fixture
def target(registry: FakeRegistry) -> Reference:
    return registry.reference("team/copy:2")


def pulled(world: World, registry: FakeRegistry, target: Reference) -> ImageRecord:
    """Return an image that was pulled from another repository of the registry."""
    image = world.puller.pull(registry.put_image("team/web", pack_image(LOWER, UPPER))).image
    world.images.tag(str(image.id), target)
    registry.received.clear()
    return image


def statuses(sink: Sink, layer: bytes) -> list[LayerStatus]:
    of_layer = [
        each.status
        for each in sink.events
        if isinstance(each, LayerProgress) and each.id == Digest.of(layer).short
    ]
    return list(dict.fromkeys(of_layer))


def uploads(registry: FakeRegistry) -> int:
    return len([each for each in registry.received if each.method == "PUT" and each.body])


def test_an_image_that_was_pulled_has_the_same_digest_when_it_is_pushed(
    world: World, registry: FakeRegistry, target: Reference
) -> None:
    image = pulled(world, registry, target)

    pushed = world.pusher().push(target)

    assert pushed.digest == image.manifest_digest
    assert registry.manifests["team/copy", "2"] == registry.manifests["team/web", "latest"]


def test_an_image_that_was_made_here_is_packed_and_pushed(
    world: World, registry: FakeRegistry, target: Reference
) -> None:
    image = world.add(LOWER, UPPER, tags=(str(target),))

    pushed = world.pusher().push(target)

    media_type, content = registry.manifests["team/copy", "2"]
    manifest = parse_manifest(content, served_as=media_type)
    assert isinstance(manifest, Manifest)
    assert manifest.config.digest == image.id
    assert pushed.digest == Digest.of(content)
    assert pushed.manifest.size == len(content)
    assert pushed.sent_bytes == sum(each.size for each in (*manifest.layers, manifest.config))


def test_what_was_pushed_can_be_pulled_by_another_host(
    world: World, registry: FakeRegistry, target: Reference
) -> None:
    image = world.add(LOWER, UPPER, LOWER, tags=(str(target),))
    pushed = world.pusher().push(target)
    world.remover.remove(str(target))

    assert world.puller.pull(target).image.id == image.id
    assert world.images.get(str(target)).manifest_digest == pushed.digest


def test_pushing_again_sends_nothing(
    world: World, registry: FakeRegistry, target: Reference, sink: Sink
) -> None:
    world.add(LOWER, tags=(str(target),))
    first = world.pusher().push(target)
    registry.received.clear()

    second = world.pusher().push(target, progress=sink)

    assert (second.digest, second.sent_bytes) == (first.digest, 0)
    assert [each.method for each in registry.received if each.method != "HEAD"] == ["PUT"]
    assert statuses(sink, LOWER) == [LayerStatus.PREPARING, LayerStatus.THERE]


def test_a_layer_is_mounted_from_where_the_image_came(
    world: World, registry: FakeRegistry, target: Reference, sink: Sink
) -> None:
    pulled(world, registry, target)

    pushed = world.pusher().push(target, progress=sink)

    mounted = [
        each
        for each in sink.events
        if isinstance(each, LayerProgress) and each.status is LayerStatus.MOUNTED
    ]
    assert [each.detail for each in mounted] == ["team/web", "team/web"]
    assert pushed.sent_bytes < 2000


def test_the_words_are_dockers(
    world: World, registry: FakeRegistry, target: Reference, sink: Sink
) -> None:
    world.add(LOWER, tags=(str(target),))

    pushed = world.pusher().push(target, progress=sink)

    messages = [each.text for each in sink.events if isinstance(each, Message)]
    assert messages == [
        f"The push refers to repository [{registry.host}/team/copy]",
        f"2: digest: {pushed.digest} size: {pushed.manifest.size}",
    ]
    assert statuses(sink, LOWER) == [
        LayerStatus.PREPARING,
        LayerStatus.PUSHING,
        LayerStatus.PUSHED,
    ]


def test_layers_beyond_those_that_go_at_once_wait(
    world: World, registry: FakeRegistry, target: Reference, sink: Sink
) -> None:
    tars = [os.urandom(1000) for _ in range(7)]
    world.add(*tars, tags=(str(target),))

    world.pusher().push(target, progress=sink)

    assert LayerStatus.WAITING not in statuses(sink, tars[0])
    assert LayerStatus.WAITING in statuses(sink, tars[6])


def test_a_push_is_recorded(world: World, registry: FakeRegistry, target: Reference) -> None:
    image = world.add(LOWER, tags=(str(target),))

    pushed = world.pusher().push(target, owner="ben")

    assert world.images.get(str(image.id)).repo_digests == (target.with_digest(pushed.digest),)
    event = world.list_events()[-1]
    assert (event.action, event.attributes["by"]) == ("push", "ben")
    assert event.attributes["name"] == target.familiar


def test_the_image_of_an_index_is_pushed_as_its_one_manifest(
    world: World, registry: FakeRegistry, target: Reference
) -> None:
    one = pack_image(LOWER)
    index = registry.put_index("team/multi", pack_index(one), one)
    image = world.puller.pull(index).image
    world.images.tag(str(image.id), target)

    assert world.pusher().push(target).digest == one.digest


def test_a_layer_that_was_pulled_packed_in_another_way_is_sent_as_it_is_here(
    world: World, registry: FakeRegistry, target: Reference
) -> None:
    packed = registry.put_image("team/web", pack_image(LOWER))
    plain = registry.put_image(
        "team/plain", pack_image(LOWER, label="other", layer_type=media_types.OCI_LAYER)
    )
    world.puller.pull(packed)
    image = world.puller.pull(plain).image
    world.images.tag(str(image.id), target)
    registry.holders[str(Digest.of(LOWER))].clear()

    world.pusher().push(target)

    document = json.loads(registry.manifests["team/copy", "2"][1])
    assert [each["mediaType"] for each in document["layers"]] == [media_types.OCI_LAYER_GZIP]
    assert world.puller.pull(target).image.id == image.id


def test_a_layer_that_the_registry_has_as_it_was_keeps_the_digest(
    world: World, registry: FakeRegistry
) -> None:
    world.puller.pull(registry.put_image("team/web", pack_image(LOWER)))
    other = pack_image(LOWER, label="other", layer_type=media_types.OCI_LAYER)
    plain = registry.put_image("team/plain", other)
    world.puller.pull(plain)

    assert world.pusher().push(plain).digest == other.digest


def test_a_tag_that_names_nothing_here_is_not_found(world: World, target: Reference) -> None:
    with pytest.raises(ImageNotFound):
        world.pusher().push(target)


def test_a_digest_cannot_be_pushed(world: World, target: Reference) -> None:
    with pytest.raises(InvalidReference):
        world.pusher().push(target.with_digest(Digest.of(b"")))


def test_credentials_open_the_registry(
    world: World, registry: FakeRegistry, target: Reference
) -> None:
    world.add(LOWER, UPPER, tags=(str(target),))
    registry.require_basic("ana", "secret")

    world.pusher().push(target, credentials=ANA)

    refused = [each for each in registry.received if not each.authorization]
    assert len(refused) == 1


def test_one_token_serves_for_the_whole_push(
    world: World, registry: FakeRegistry, target: Reference
) -> None:
    world.add(LOWER, UPPER, tags=(str(target),))
    with serving(TokenServer("ana", "secret")) as tokens:
        assert isinstance(tokens, TokenServer)
        registry.require_token(tokens)

        world.pusher().push(target, credentials=ANA)

    assert len(tokens.received) == 1
    assert "repository:team/copy:pull,push" in tokens.received[0].query["scope"]


def test_a_token_that_runs_out_in_the_middle_is_renewed(
    world: World, registry: FakeRegistry, target: Reference
) -> None:
    world.add(LOWER, tags=(str(target),))
    with serving(TokenServer()) as tokens:
        assert isinstance(tokens, TokenServer)
        registry.require_token(tokens)
        expired: list[Received] = []

        def expiring(received: Received) -> Reply | None:
            if not received.body or expired:
                return None
            expired.append(received)
            return challenge

        challenge = registry.faults[0](Received("GET", "/v2/", {}, {}))
        registry.faults.append(expiring)

        world.pusher().push(target)

    assert len(tokens.received) == 2


@pytest.mark.parametrize(
    ("part", "reply", "error"),
    [
        pytest.param("/blobs/", Reply(401), AuthenticationFailed, id="login"),
        pytest.param("/uploads/", Reply(403), AccessDenied, id="denied"),
        pytest.param("/manifests/", Reply(403), AccessDenied, id="tag-denied"),
        pytest.param("/uploads/", Reply(500), RegistryError, id="broken"),
        pytest.param(
            "/uploads/", Reply(429, headers={"Retry-After": "999"}), RateLimited, id="too-many"
        ),
        pytest.param(
            "/manifests/",
            Reply(201, headers={"Docker-Content-Digest": str(Digest.of(b"x"))}),
            DigestMismatch,
            id="other-manifest",
        ),
        pytest.param("/manifests/", Reply(400), RegistryError, id="invalid-manifest"),
    ],
)
def test_each_refusal_has_its_error_and_records_nothing(
    world: World,
    registry: FakeRegistry,
    target: Reference,
    part: str,
    reply: Reply,
    error: type[EngineError],
) -> None:
    image = world.add(LOWER, UPPER, tags=(str(target),))
    registry.always(part, reply)

    with pytest.raises(error):
        world.pusher().push(target)

    assert world.images.get(str(image.id)).repo_digests == ()
    assert ("team/copy", "2") not in registry.manifests


def test_a_push_that_breaks_off_is_gone_on_with(
    world: World, registry: FakeRegistry, target: Reference
) -> None:
    world.add(LOWER, UPPER, tags=(str(target),))
    registry.cut(*[0] * 30)
    with pytest.raises(RegistryUnreachable):
        world.pusher().push(target)

    registry.cuts.clear()

    assert world.pusher().push(target).image.tags == (target,)


def test_a_push_can_be_cancelled(world: World, registry: FakeRegistry, target: Reference) -> None:
    world.add(LOWER, UPPER, tags=(str(target),))
    cancellation = Cancellation()

    def cancelling(received: Received) -> None:
        if received.method == "POST":
            cancellation.cancel()

    registry.faults.append(cancelling)

    with pytest.raises(Cancelled):
        world.pusher().push(target, cancellation=cancellation)

    assert ("team/copy", "2") not in registry.manifests


def test_no_secret_is_written_anywhere(
    world: World, registry: FakeRegistry, target: Reference, caplog: pytest.LogCaptureFixture
) -> None:
    world.add(LOWER, tags=(str(target),))
    caplog.set_level("DEBUG")
    with serving(TokenServer("ana", "secret")) as tokens:
        assert isinstance(tokens, TokenServer)
        registry.require_token(tokens)

        world.pusher().push(target, credentials=ANA)

    records = "".join(f"{record.__dict__}{record.getMessage()}" for record in caplog.records)
    told = "".join(str(event) for event in world.list_events())
    for secret in ("secret", ANA.basic, tokens.token):
        assert secret not in records
        assert secret not in told
