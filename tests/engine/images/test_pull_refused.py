"""Pulls of what is wrong, or from a registry that is: each has its error and leaves nothing."""

from __future__ import annotations

import gzip
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

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
    RateLimited,
    RegistryError,
    RegistryUnreachable,
    SizeMismatch,
    UnsupportedMediaType,
)
from engine.oci import media_types
from engine.oci.digest import Digest
from engine.oci.manifest import MAX_BYTES
from engine.registry.credentials import Credentials
from tests.support.images import PackedImage, pack_image
from tests.support.pulls import ELSEWHERE, LOWER, UPPER, assert_nothing_is_here
from tests.support.registry import FakeRegistry, Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.oci.reference import Reference
    from tests.support.world import World


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
