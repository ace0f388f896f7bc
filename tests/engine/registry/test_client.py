"""The client against a registry that misbehaves: manifests, and rate limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.errors import (
    DigestMismatch,
    EngineError,
    ImageNotFound,
    InvalidManifest,
    LimitExceeded,
    NoMatchingPlatform,
    SizeMismatch,
    UnsupportedMediaType,
)
from engine.oci import media_types
from engine.oci.descriptor import Descriptor
from engine.oci.digest import Digest
from engine.oci.manifest import MAX_BYTES, Index, render_index
from engine.oci.platform import Platform
from engine.registry.ratelimit import RateLimit, parse_rate_limit
from tests.support.images import PackedImage, pack_image, pack_index
from tests.support.registry import FakeRegistry, Reply

if TYPE_CHECKING:
    from engine.oci.reference import Reference
    from engine.registry.client import RegistryClient

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")


# --- Manifests --------------------------------------------------------------------------------


def test_a_tag_is_resolved(client: RegistryClient, web: Reference, image: PackedImage) -> None:
    resolved = client.resolve(web)

    assert resolved.digest == resolved.manifest_digest == image.digest
    assert resolved.documents == (image.manifest,)
    assert resolved.manifest.config.digest == Digest.of(image.config)
    assert [layer.digest for layer in resolved.manifest.layers] == [
        Digest.of(layer) for layer in image.layers
    ]


def test_a_digest_is_resolved(client: RegistryClient, web: Reference, image: PackedImage) -> None:
    assert client.resolve(web.with_digest(image.digest)).digest == image.digest


def test_an_index_leads_to_the_wanted_platform(
    client: RegistryClient, registry: FakeRegistry
) -> None:
    amd64, arm64 = pack_image(b"a", platform=AMD64), pack_image(b"b", platform=ARM64)
    index = pack_index(amd64, arm64)
    reference = registry.put_index("team/multi", index, amd64, arm64)

    resolved = client.resolve(reference, ARM64)

    assert resolved.digest == Digest.of(index)
    assert resolved.manifest_digest == arm64.digest
    assert resolved.documents == (index, arm64.manifest)


def test_a_manifest_that_is_known_here_is_not_asked_for_again(
    client: RegistryClient, registry: FakeRegistry
) -> None:
    amd64 = pack_image(b"a", platform=AMD64)
    reference = registry.put_index("team/multi", pack_index(amd64), amd64)

    resolved = client.resolve(reference, AMD64, known={amd64.digest: amd64.manifest}.get)

    assert resolved.manifest_digest == amd64.digest
    assert len(registry.received) == 1


def test_a_platform_that_is_not_offered_is_named_with_those_that_are(
    client: RegistryClient, registry: FakeRegistry
) -> None:
    amd64 = pack_image(b"a", platform=AMD64)
    reference = registry.put_index("team/multi", pack_index(amd64), amd64)

    with pytest.raises(NoMatchingPlatform) as caught:
        client.resolve(reference, Platform("linux", "s390x"))

    assert caught.value.offered == ("linux/amd64",)
    assert "linux/amd64" in caught.value.remedy


def test_attestations_in_an_index_are_no_platform(
    client: RegistryClient, registry: FakeRegistry
) -> None:
    image = pack_image(b"a", platform=Platform("unknown", "unknown"))
    reference = registry.put_index("team/multi", pack_index(image), image)

    with pytest.raises(NoMatchingPlatform):
        client.resolve(reference, Platform("unknown", "unknown"))


def test_an_index_that_leads_to_an_index_is_refused(
    client: RegistryClient, registry: FakeRegistry
) -> None:
    inner = render_index(Index(media_types.OCI_INDEX, ()))
    registry.put_manifest("team/multi", inner, media_types.OCI_INDEX)
    entry = Descriptor(media_types.OCI_INDEX, Digest.of(inner), len(inner), AMD64)
    outer = render_index(Index(media_types.OCI_INDEX, (entry,)))
    reference = registry.put_index("team/multi", outer)

    with pytest.raises(InvalidManifest):
        client.resolve(reference, AMD64)


def test_a_manifest_of_another_size_than_its_index_says_is_refused(
    client: RegistryClient, registry: FakeRegistry
) -> None:
    image = pack_image(b"a", platform=AMD64)
    entry = Descriptor(image.media_type, image.digest, len(image.manifest) + 1, AMD64)
    outer = render_index(Index(media_types.OCI_INDEX, (entry,)))
    reference = registry.put_index("team/multi", outer, image)

    with pytest.raises(SizeMismatch):
        client.resolve(reference, AMD64)


def test_an_unknown_image_is_not_found_at_the_registry(
    client: RegistryClient, registry: FakeRegistry
) -> None:
    with pytest.raises(ImageNotFound, match=f"at {registry.host}"):
        client.resolve(registry.reference("team/nothing:1"))


def test_an_unknown_tag_is_not_found(client: RegistryClient, web: Reference) -> None:
    with pytest.raises(ImageNotFound, match="team/web:unknown"):
        client.resolve(type(web)(web.registry, web.repository, "unknown"))


def test_other_bytes_than_the_digest_asked_for_are_refused(
    client: RegistryClient, registry: FakeRegistry, web: Reference, image: PackedImage
) -> None:
    registry.always("/manifests/", Reply(body=image.manifest + b" "))

    with pytest.raises(DigestMismatch):
        client.resolve(web.with_digest(image.digest))


def test_other_bytes_than_the_registry_announced_are_refused(
    client: RegistryClient, registry: FakeRegistry, web: Reference, image: PackedImage
) -> None:
    headers = {"Docker-Content-Digest": str(Digest.of(b"else")), "Content-Type": image.media_type}
    registry.always("/manifests/", Reply(body=image.manifest, headers=headers))

    with pytest.raises(DigestMismatch):
        client.resolve(web)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        pytest.param(b" " * (MAX_BYTES + 1), LimitExceeded, id="oversized"),
        pytest.param(b"not json", InvalidManifest, id="no-json"),
        pytest.param(b'{"schemaVersion": 1, "fsLayers": []}', UnsupportedMediaType, id="schema-1"),
        pytest.param(
            b'{"schemaVersion": 2, "mediaType": "%s", "config": {}, "layers": [], "manifests": []}'
            % media_types.OCI_MANIFEST.encode(),
            InvalidManifest,
            id="layers-and-manifests",
        ),
    ],
)
def test_a_bad_manifest_is_refused(
    client: RegistryClient,
    registry: FakeRegistry,
    web: Reference,
    body: bytes,
    error: type[EngineError],
) -> None:
    registry.always("/manifests/", Reply(body=body))

    with pytest.raises(error):
        client.resolve(web)


# --- Rate limits ------------------------------------------------------------------------------


def test_what_a_registry_says_about_its_rate_limit_is_kept(
    client: RegistryClient, registry: FakeRegistry, web: Reference, image: PackedImage
) -> None:
    headers = {"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "76;w=21600"}
    registry.always("/manifests/", Reply(body=image.manifest, headers=headers))
    assert client.rate_limit is None

    client.resolve(web)

    assert client.rate_limit == RateLimit(100, 76, 21600)
    assert str(client.rate_limit) == "76 of 100 requests in 6 hours are left"


@pytest.mark.parametrize(
    ("headers", "limit"),
    [
        pytest.param({}, None, id="nothing"),
        pytest.param({"ratelimit-limit": "100"}, None, id="half"),
        pytest.param({"ratelimit-limit": "x", "ratelimit-remaining": "1"}, None, id="no-number"),
        pytest.param(
            {"ratelimit-limit": "9", "ratelimit-remaining": "1"}, RateLimit(9, 1), id="no-window"
        ),
        pytest.param(
            {"ratelimit-limit": "9" * 40, "ratelimit-remaining": "1;w=90"},
            RateLimit(999999999, 1, 90),
            id="huge",
        ),
    ],
)
def test_a_rate_limit_is_read(headers: dict[str, str], limit: RateLimit | None) -> None:
    assert parse_rate_limit(headers) == limit
