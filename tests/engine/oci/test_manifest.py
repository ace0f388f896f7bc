from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidManifest, UnsupportedMediaType
from engine.oci import media_types
from engine.oci.descriptor import Descriptor
from engine.oci.digest import Digest
from engine.oci.manifest import (
    MAX_BYTES,
    MAX_LAYERS,
    Index,
    Manifest,
    parse_manifest,
    render_index,
    render_manifest,
)
from engine.oci.platform import Platform

DIGEST = str(Digest.of(b"x"))
CONFIG = {"mediaType": media_types.OCI_CONFIG, "digest": DIGEST, "size": 1}
LAYER = {"mediaType": media_types.OCI_LAYER_GZIP, "digest": DIGEST, "size": 2}
ENTRY = {
    "mediaType": media_types.OCI_MANIFEST,
    "digest": DIGEST,
    "size": 3,
    "platform": {"os": "linux", "architecture": "amd64"},
}


def manifest(**changes: Any) -> bytes:
    whole = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_MANIFEST,
        "config": CONFIG,
        "layers": [LAYER],
    }
    kept = {key: value for key, value in {**whole, **changes}.items() if value is not ...}
    return json.dumps(kept).encode()


def index(**changes: Any) -> bytes:
    whole = {"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": [ENTRY]}
    kept = {key: value for key, value in {**whole, **changes}.items() if value is not ...}
    return json.dumps(kept).encode()


@pytest.mark.parametrize("media_type", sorted(media_types.MANIFESTS))
def test_a_manifest_is_read(media_type: str) -> None:
    parsed = parse_manifest(manifest(mediaType=media_type), served_as=media_type)

    assert isinstance(parsed, Manifest)
    assert parsed.media_type == media_type
    assert parsed.config.digest == Digest.parse(DIGEST)
    assert [layer.size for layer in parsed.layers] == [2]


@pytest.mark.parametrize("media_type", sorted(media_types.INDEXES))
def test_an_index_is_read(media_type: str) -> None:
    parsed = parse_manifest(index(mediaType=media_type))

    assert isinstance(parsed, Index)
    assert parsed.platforms == (Platform("linux", "amd64"),)


def test_attestations_are_no_platform() -> None:
    unknown = {**ENTRY, "platform": {"os": "unknown", "architecture": "unknown"}}
    bare = {key: value for key, value in ENTRY.items() if key != "platform"}

    parsed = parse_manifest(index(manifests=[unknown, bare, ENTRY]))

    assert isinstance(parsed, Index)
    assert parsed.platforms == (Platform("linux", "amd64"),)


@pytest.mark.parametrize(
    ("content", "served_as", "kind"),
    [
        pytest.param(manifest(mediaType=...), media_types.OCI_MANIFEST, Manifest, id="served"),
        pytest.param(manifest(mediaType=...), "", Manifest, id="guessed"),
        pytest.param(index(mediaType=...), "", Index, id="guessed-index"),
        pytest.param(manifest(mediaType=...), "application/json", Manifest, id="served-as-json"),
        pytest.param(
            manifest(), f"{media_types.OCI_MANIFEST}; charset=utf-8", Manifest, id="charset"
        ),
    ],
)
def test_the_kind_may_be_said_elsewhere(content: bytes, served_as: str, kind: type) -> None:
    assert isinstance(parse_manifest(content, served_as=served_as), kind)


@pytest.mark.parametrize(
    ("content", "served_as", "field"),
    [
        pytest.param(b"", "", "manifest", id="empty"),
        pytest.param(b"null", "", "manifest", id="null"),
        pytest.param(b"{" * 100_000, "", "manifest", id="deep"),
        pytest.param(b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "", "manifest", id="deep-whole"),
        pytest.param(b" " * (MAX_BYTES + 1), "", "manifest", id="oversized"),
        pytest.param(manifest(manifests=[]), "", "manifests", id="layers-and-manifests"),
        pytest.param(index(layers=[]), "", "layers", id="manifests-and-layers"),
        pytest.param(index(config=CONFIG), "", "config", id="index-with-config"),
        pytest.param(manifest(), media_types.OCI_INDEX, "manifest", id="served-as-another"),
        pytest.param(manifest(config=...), "", "config", id="no-config"),
        pytest.param(manifest(config=5), "", "config", id="config-number"),
        pytest.param(manifest(layers={}), "", "layers", id="layers-object"),
        pytest.param(manifest(layers=[5]), "", "layers[0]", id="layer-number"),
        pytest.param(
            manifest(layers=[{**LAYER, "size": -1}]), "", "layers[0].size", id="negative-size"
        ),
        pytest.param(
            manifest(layers=[{**LAYER, "size": 2**63}]), "", "layers[0].size", id="huge-size"
        ),
        pytest.param(
            manifest(layers=[{**LAYER, "size": True}]), "", "layers[0].size", id="flag-size"
        ),
        pytest.param(
            manifest(layers=[{**LAYER, "digest": "sha256:x"}]),
            "",
            "layers[0].digest",
            id="bad-digest",
        ),
        pytest.param(
            manifest(layers=[{**LAYER, "mediaType": 1}]), "", "layers[0].mediaType", id="bad-type"
        ),
        pytest.param(manifest(layers=[LAYER] * (MAX_LAYERS + 1)), "", "layers", id="too-many"),
        pytest.param(manifest(mediaType=5), "", "mediaType", id="media-type-number"),
    ],
)
def test_what_is_no_manifest_is_refused_with_its_field(
    content: bytes, served_as: str, field: str
) -> None:
    with pytest.raises(InvalidManifest) as caught:
        parse_manifest(content, served_as=served_as)

    assert caught.value.field == field


@pytest.mark.parametrize(
    ("content", "served_as"),
    [
        pytest.param(b'{"schemaVersion": 1, "fsLayers": []}', "", id="schema-1"),
        pytest.param(
            b'{"schemaVersion": 1}',
            "application/vnd.docker.distribution.manifest.v1+prettyjws",
            id="schema-1-signed",
        ),
        pytest.param(b"{}", "", id="nothing-said"),
        pytest.param(manifest(mediaType="application/vnd.example+json"), "", id="something-else"),
    ],
)
def test_other_documents_are_not_supported(content: bytes, served_as: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        parse_manifest(content, served_as=served_as)


DIGESTS = st.binary(max_size=4).map(Digest.of)
SIZES = st.integers(0, 2**62)
LAYERS = st.builds(
    Descriptor,
    st.sampled_from(sorted(media_types.LAYER_COMPRESSION)),
    DIGESTS,
    SIZES,
    annotations=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
)
PLATFORMS = st.sampled_from(
    [None, Platform("linux", "amd64"), Platform("linux", "arm", "v6"), Platform("windows", "386")]
)


@given(st.lists(LAYERS, max_size=4), DIGESTS, SIZES)
def test_a_manifest_reads_as_it_is_written(
    layers: list[Descriptor], digest: Digest, size: int
) -> None:
    config = Descriptor(media_types.OCI_CONFIG, digest, size)
    written = Manifest(media_types.OCI_MANIFEST, config, tuple(layers))

    assert parse_manifest(render_manifest(written)) == written
    assert render_manifest(written) == render_manifest(written)


@given(st.lists(st.tuples(DIGESTS, SIZES, PLATFORMS), max_size=4))
def test_an_index_reads_as_it_is_written(
    entries: list[tuple[Digest, int, Platform | None]],
) -> None:
    described = tuple(Descriptor(media_types.OCI_MANIFEST, *entry) for entry in entries)
    written = Index(media_types.DOCKER_INDEX, described)

    assert parse_manifest(render_index(written)) == written


@given(st.binary(max_size=200))
def test_any_bytes_are_a_manifest_or_refused(content: bytes) -> None:
    with pytest.raises((InvalidManifest, UnsupportedMediaType)):
        parse_manifest(content)
