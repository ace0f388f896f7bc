"""Copying from registry to registry: both are in this process, and well behaved."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from engine.errors import ForeignLayer, InvalidManifest, LimitExceeded, NoMatchingPlatform
from engine.images import copy_plan
from engine.oci import media_types
from engine.oci.descriptor import Descriptor
from engine.oci.digest import Digest
from engine.oci.manifest import Index, parse_manifest, render_index
from engine.oci.platform import Platform
from engine.progress import LayerProgress, LayerStatus
from engine.registry.credentials import Credentials
from engine.registry.listing import referrers_tag
from tests.support.images import PackedImage, pack_image, pack_index
from tests.support.pulls import LOWER, UPPER
from tests.support.registry import FakeRegistry, Reply
from tests.support.world import Sink

if TYPE_CHECKING:
    from engine.images.copy import Copier
    from engine.oci.reference import Reference

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64", "v8")


@pytest.fixture
def platforms() -> tuple[PackedImage, PackedImage]:
    return pack_image(LOWER, platform=AMD64), pack_image(LOWER, UPPER, platform=ARM64)


@pytest.fixture
def multi(registry: FakeRegistry, platforms: tuple[PackedImage, PackedImage]) -> Reference:
    return registry.put_index("team/multi", pack_index(*platforms), *platforms, tag="1")


def test_an_image_is_at_the_target_as_it_was(
    copier: Copier, other: FakeRegistry, web: Reference, target: Reference, image: PackedImage
) -> None:
    copied = copier.copy(web, target)

    assert copied.digest == image.digest
    assert other.manifests["mirror/web", "1"] == (image.media_type, image.manifest)
    assert other.blobs[str(Digest.of(image.layers[1]))] == image.layers[1]
    assert copied.sent_bytes == sum(map(len, (image.config, *image.layers)))


def test_copying_again_moves_nothing(
    copier: Copier, registry: FakeRegistry, web: Reference, target: Reference
) -> None:
    copier.copy(web, target)
    registry.received.clear()

    assert copier.copy(web, target).sent_bytes == 0
    assert not registry.requests_for("/blobs/")


def test_an_index_keeps_every_platform(
    copier: Copier,
    other: FakeRegistry,
    multi: Reference,
    target: Reference,
    platforms: tuple[PackedImage, PackedImage],
) -> None:
    copied = copier.copy(multi, target)

    assert other.manifests["mirror/web", "1"][1] == pack_index(*platforms)
    for each in platforms:
        assert other.manifests["mirror/web", str(each.digest)][1] == each.manifest
    assert copied.blobs == 4  # two configs, and two layers of which one is in both


def test_one_platform_is_copied_as_its_manifest(
    copier: Copier,
    other: FakeRegistry,
    multi: Reference,
    target: Reference,
    platforms: tuple[PackedImage, PackedImage],
) -> None:
    assert copier.copy(multi, target, platforms=[ARM64]).digest == platforms[1].digest


def test_several_platforms_are_copied_as_an_index_of_them(
    copier: Copier, registry: FakeRegistry, other: FakeRegistry, target: Reference
) -> None:
    images = [
        pack_image(LOWER, platform=Platform("linux", each)) for each in ("amd64", "s390x", "arm")
    ]
    index = json.loads(pack_index(*images))
    about = {"vnd.docker.reference.digest": str(images[0].digest)}
    attestation = pack_image(b"sbom", platform=Platform("unknown", "unknown"))
    entry = {
        "mediaType": attestation.media_type,
        "digest": str(attestation.digest),
        "size": len(attestation.manifest),
        "annotations": about,
    }
    index["manifests"].append(entry)
    index["annotations"] = {"made": "by hand"}
    multi = registry.put_index("team/multi", json.dumps(index).encode(), *images, attestation)

    copier.copy(multi, target, platforms=[AMD64, Platform("linux", "s390x")])

    copied = json.loads(other.manifests["mirror/web", "1"][1])
    digests = [each["digest"] for each in copied["manifests"]]
    assert digests == [str(each.digest) for each in (*images[:2], attestation)]
    assert copied["annotations"] == {"made": "by hand"}


def test_a_platform_that_is_not_offered_is_named_with_those_that_are(
    copier: Copier, multi: Reference, target: Reference
) -> None:
    with pytest.raises(NoMatchingPlatform) as caught:
        copier.copy(multi, target, platforms=[Platform("linux", "s390x")])

    assert caught.value.offered == ("linux/amd64", "linux/arm64/v8")


def test_within_one_registry_blobs_are_mounted(
    copier: Copier, registry: FakeRegistry, web: Reference
) -> None:
    sink = Sink()

    copied = copier.copy(web, registry.reference("mirror/web:1"), progress=sink)

    assert copied.sent_bytes == 0
    statuses = [each.status for each in sink.events if isinstance(each, LayerProgress)]
    assert statuses.count(LayerStatus.MOUNTED) == 3


def test_a_registry_that_does_not_mount_gets_the_bytes(
    copier: Copier, registry: FakeRegistry, web: Reference
) -> None:
    registry.faults.append(lambda each: Reply(405) if "mount" in each.query else None)

    assert copier.copy(web, registry.reference("mirror/web:1")).sent_bytes > 500_000


def test_a_blob_is_mounted_from_where_an_earlier_copy_put_it(
    copier: Copier, other: FakeRegistry, web: Reference, target: Reference
) -> None:
    copier.copy(web, target)

    assert copier.copy(web, other.reference("second/web:1")).sent_bytes == 0
    assert {each.query["from"][0] for each in other.received if "from" in each.query} == {
        "mirror/web"
    }


def test_a_place_that_has_forgotten_a_blob_costs_no_more_than_a_question(
    copier: Copier, other: FakeRegistry, web: Reference, target: Reference, image: PackedImage
) -> None:
    copier.copy(web, target)
    other.holders.clear()

    assert copier.copy(web, other.reference("second/web:1")).digest == image.digest


def test_each_registry_sees_its_own_credentials(
    copier: Copier, registry: FakeRegistry, other: FakeRegistry, web: Reference, target: Reference
) -> None:
    registry.require_basic("ana", "secret")
    other.require_basic("ben", "hidden")
    ana, ben = Credentials("ana", "secret"), Credentials("ben", "hidden")

    copier.copy(web, target, source_credentials=ana, target_credentials=ben)

    assert {each.authorization for each in registry.received} == {"", ana.basic}
    assert {each.authorization for each in other.received} == {"", ben.basic}


def test_an_index_in_an_index_is_copied(
    copier: Copier, registry: FakeRegistry, other: FakeRegistry, multi: Reference, target: Reference
) -> None:
    inner = registry.manifests["team/multi", "1"][1]
    entry = Descriptor(media_types.OCI_INDEX, Digest.of(inner), len(inner))
    outer = render_index(Index(media_types.OCI_INDEX, (entry,)))
    nested = registry.put_index("team/multi", outer, tag="nested")

    copier.copy(nested, target)

    assert other.manifests["mirror/web", str(entry.digest)][1] == inner


def test_indexes_that_are_nested_without_end_are_refused(
    copier: Copier, registry: FakeRegistry, target: Reference
) -> None:
    content = render_index(Index(media_types.OCI_INDEX, ()))
    for _ in range(copy_plan.MAX_DEPTH + 2):
        registry.put_manifest("team/multi", content, media_types.OCI_INDEX)
        entry = Descriptor(media_types.OCI_INDEX, Digest.of(content), len(content))
        content = render_index(Index(media_types.OCI_INDEX, (entry,)))
    nested = registry.put_index("team/multi", content, tag="nested")

    with pytest.raises(InvalidManifest, match="nested"):
        copier.copy(nested, target)


def test_all_manifests_together_are_bounded(
    copier: Copier, multi: Reference, target: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copy_plan, "MAX_DOCUMENT_BYTES", 1000)

    with pytest.raises(LimitExceeded):
        copier.copy(multi, target)


def test_a_foreign_layer_is_refused_before_anything_is_sent(
    copier: Copier, registry: FakeRegistry, other: FakeRegistry, target: Reference
) -> None:
    foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    windows = registry.put_image("team/windows", pack_image(LOWER, layer_type=foreign))

    with pytest.raises(ForeignLayer):
        copier.copy(windows, target)

    assert other.received == []


@pytest.mark.parametrize("is_known", [True, False], ids=["by-the-api", "by-the-tag"])
def test_what_refers_to_the_image_comes_along_when_it_is_asked_for(
    copier: Copier,
    registry: FakeRegistry,
    other: FakeRegistry,
    web: Reference,
    target: Reference,
    image: PackedImage,
    is_known: bool,
) -> None:
    blob = b"a list of parts"
    signature = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_MANIFEST,
        "artifactType": "application/vnd.example.sbom",
        "config": {
            "mediaType": "application/vnd.oci.empty.v1+json",
            "digest": str(registry.put_blob(b"{}")),
            "size": 2,
        },
        "layers": [
            {"mediaType": "text/plain", "digest": str(registry.put_blob(blob)), "size": len(blob)}
        ],
        "subject": {
            "mediaType": image.media_type,
            "digest": str(image.digest),
            "size": len(image.manifest),
        },
    }
    content = json.dumps(signature).encode()
    digest = registry.put_manifest("team/web", content, media_types.OCI_MANIFEST, tag="sbom")
    other.knows_referrers = is_known

    assert copier.copy(web, target, with_referrers=True).referrers == 1

    assert other.manifests["mirror/web", str(digest)][1] == content
    assert other.blobs[str(Digest.of(blob))] == blob
    tag = referrers_tag(image.digest)
    assert (("mirror/web", tag) in other.manifests) is not is_known
    if not is_known:
        listed = parse_manifest(other.manifests["mirror/web", tag][1])
        assert isinstance(listed, Index)
        assert [each.artifact_type for each in listed.manifests] == [signature["artifactType"]]
