"""The client against a registry that misbehaves."""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING

import pytest

from engine.errors import (
    AccessDenied,
    AuthenticationFailed,
    DigestMismatch,
    EngineError,
    ImageNotFound,
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
from engine.oci.descriptor import Descriptor
from engine.oci.digest import Digest
from engine.oci.manifest import MAX_BYTES, Index, render_index
from engine.oci.platform import Platform
from engine.progress import Cancellation, Cancelled
from engine.registry.client import RegistryClient
from engine.registry.credentials import Credentials
from engine.registry.ratelimit import RateLimit, parse_rate_limit
from engine.registry.retry import Patience
from engine.registry.transport import HttpTransport
from tests.support.images import PackedImage, pack_image, pack_index
from tests.support.registry import FakeRegistry, Reply, TokenServer, lying_about_length, serving

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.oci.reference import Reference

    NewClient = Callable[..., RegistryClient]

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")
BLOB = bytes(range(256)) * 2000
ANA = Credentials("ana", "secret")


@pytest.fixture
def image() -> PackedImage:
    return pack_image(b"lower", b"upper")


@pytest.fixture
def web(registry: FakeRegistry, image: PackedImage) -> Reference:
    return registry.put_image("team/web", image)


@pytest.fixture
def blob(registry: FakeRegistry) -> Descriptor:
    return Descriptor(media_types.OCI_LAYER, registry.put_blob(BLOB), len(BLOB))


def fetched(
    client: RegistryClient, reference: Reference, blob: Descriptor, offset: int = 0
) -> bytes:
    return b"".join(client.fetch_blob(reference, blob, offset=offset))


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


# --- Refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "error"),
    [
        pytest.param(403, AccessDenied, id="forbidden"),
        pytest.param(429, RateLimited, id="too-many"),
        pytest.param(500, RegistryError, id="broken"),
        pytest.param(503, RegistryError, id="unavailable"),
        pytest.param(418, RegistryError, id="odd"),
    ],
)
def test_each_refusal_has_its_error(
    client: RegistryClient,
    registry: FakeRegistry,
    web: Reference,
    status: int,
    error: type[EngineError],
) -> None:
    registry.always("/manifests/", Reply(status))

    with pytest.raises(error):
        client.resolve(web)


def test_the_registrys_own_words_are_passed_on(
    client: RegistryClient, registry: FakeRegistry, web: Reference
) -> None:
    body = b'{"errors": [{"code": "X", "message": "closed for\\u001b[31m stocktaking"}]}'
    registry.always("/manifests/", Reply(418, body))

    with pytest.raises(RegistryError, match=r"closed for \[31m stocktaking"):
        client.resolve(web)


def test_a_long_wait_is_told_and_not_waited_for(
    client: RegistryClient, registry: FakeRegistry, web: Reference
) -> None:
    registry.always("/manifests/", Reply(429, headers={"Retry-After": "120"}))

    with pytest.raises(RateLimited) as caught:
        client.resolve(web)

    assert caught.value.retry_after == 120
    assert "120 s" in caught.value.remedy
    assert len(registry.received) == 1


def test_a_registry_under_maintenance_says_how_long_it_takes(
    client: RegistryClient, registry: FakeRegistry, web: Reference, image: PackedImage
) -> None:
    registry.fail("/manifests/", Reply(503, headers={"Retry-After": "600"}))

    with pytest.raises(RegistryError) as caught:
        client.resolve(web)
    assert caught.value.retry_after == 600
    assert len(registry.received) == 1

    registry.fail("/manifests/", Reply(503, headers={"Retry-After": "0"}))
    assert client.resolve(web).digest == image.digest


def test_a_wait_may_be_written_as_a_date(
    client: RegistryClient, registry: FakeRegistry, web: Reference
) -> None:
    headers = {
        "Retry-After": "Wed, 01 May 2024 12:02:00 GMT",
        "Date": "Wed, 01 May 2024 12:00:00 GMT",
    }
    registry.always("/manifests/", Reply(429, headers=headers))

    with pytest.raises(RateLimited):
        client.resolve(web)


def test_a_passing_trouble_is_waited_out(
    client: RegistryClient, registry: FakeRegistry, web: Reference, image: PackedImage
) -> None:
    registry.fail("/manifests/", Reply(503), Reply(429))

    assert client.resolve(web).digest == image.digest
    assert len(registry.received) == 3


def test_waiting_can_be_cancelled(
    new_client: NewClient, registry: FakeRegistry, web: Reference
) -> None:
    cancellation = Cancellation()

    def cancelling(_: object) -> Reply:
        cancellation.cancel()
        return Reply(503)

    registry.faults.append(cancelling)
    client = new_client(cancellation=cancellation, patience=Patience(first_wait=60))

    with pytest.raises(Cancelled):
        client.resolve(web)


def test_a_registry_that_is_down_is_unreachable(web: Reference) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{taken.getsockname()[1]}"
        transport = HttpTransport()
        client = RegistryClient(transport, host, patience=Patience(first_wait=0))

        with pytest.raises(RegistryUnreachable) as caught:
            client.resolve(type(web).parse(f"{host}/web"))
        transport.close()

    assert host in str(caught.value)
    assert caught.value.remedy


def test_redirects_in_a_circle_are_refused(
    client: RegistryClient, registry: FakeRegistry, web: Reference
) -> None:
    registry.always("/manifests/", Reply(302, headers={"Location": "/v2/team/web/manifests/x"}))

    with pytest.raises(RegistryError, match="circle"):
        client.resolve(web)


# --- Logins -----------------------------------------------------------------------------------


def test_basic_credentials_open_the_registry(
    new_client: NewClient, registry: FakeRegistry, web: Reference, image: PackedImage
) -> None:
    registry.require_basic("ana", "secret")

    assert new_client(credentials=ANA).resolve(web).digest == image.digest


@pytest.mark.parametrize("credentials", [None, Credentials("ana", "wrong")], ids=["none", "wrong"])
def test_without_the_right_credentials_it_stays_closed(
    new_client: NewClient, registry: FakeRegistry, web: Reference, credentials: Credentials | None
) -> None:
    registry.require_basic("ana", "secret")

    with pytest.raises(AuthenticationFailed) as caught:
        new_client(credentials=credentials).resolve(web)

    assert caught.value.registry == registry.host


@pytest.mark.parametrize("credentials", [None, ANA], ids=["anonymous", "named"])
def test_a_token_opens_the_registry_for_manifests_and_blobs(
    registry: FakeRegistry,
    web: Reference,
    blob: Descriptor,
    transport: HttpTransport,
    credentials: Credentials | None,
) -> None:
    tokens = TokenServer("ana", "secret") if credentials else TokenServer()
    with serving(tokens):
        registry.require_token(tokens)
        client = RegistryClient(transport, registry.host, credentials=credentials)

        client.resolve(web)
        assert fetched(client, web, blob) == BLOB

        assert len(tokens.received) == 1
        scopes = ["repository:any:pull", "repository:team/web:pull"]
        assert tokens.received[0].query["scope"] == scopes
        assert all(each.authorization != ANA.basic for each in registry.received)
        transport.close()


def test_a_redirected_blob_is_asked_for_without_the_token(
    registry: FakeRegistry, web: Reference, blob: Descriptor, transport: HttpTransport
) -> None:
    registry.require_basic("ana", "secret")
    with serving(FakeRegistry()) as elsewhere:
        elsewhere.put_blob(BLOB)
        elsewhere.always("/stored", Reply(body=BLOB))
        location = f"http://{elsewhere.host}/stored?signature=x"
        registry.faults.append(
            lambda each: (
                Reply(307, headers={"Location": location}) if "blobs" in each.path else None
            )
        )
        client = RegistryClient(transport, registry.host, credentials=ANA)

        assert fetched(client, web, blob) == BLOB

        assert [each.authorization for each in elsewhere.received] == [""]
        transport.close()


def test_logs_hold_no_secret(
    new_client: NewClient,
    registry: FakeRegistry,
    web: Reference,
    caplog: pytest.LogCaptureFixture,
) -> None:
    registry.require_basic("ana", "secret")

    with caplog.at_level(logging.DEBUG):
        new_client(credentials=ANA).resolve(web)

    assert caplog.records
    written = " ".join(str(vars(record)) for record in caplog.records)
    assert ANA.basic not in written
    assert "secret" not in written


# --- Blobs ------------------------------------------------------------------------------------


def test_a_blob_arrives_whole(client: RegistryClient, web: Reference, blob: Descriptor) -> None:
    assert fetched(client, web, blob) == BLOB


def test_a_blob_is_gone_on_from_an_offset(
    client: RegistryClient, registry: FakeRegistry, web: Reference, blob: Descriptor
) -> None:
    assert fetched(client, web, blob, offset=1000) == BLOB[1000:]
    assert registry.requests_for("/blobs/")[-1].headers["range"] == "bytes=1000-"


def test_a_broken_connection_is_gone_on_from(
    client: RegistryClient, registry: FakeRegistry, web: Reference, blob: Descriptor
) -> None:
    for after in (100_000, 250_000, 300_000):
        registry.drop(blob.digest, after=after)
    registry.ranges = True

    assert fetched(client, web, blob) == BLOB


def test_a_download_that_gets_on_may_break_often(
    client: RegistryClient, registry: FakeRegistry, web: Reference, blob: Descriptor
) -> None:
    for after in range(70_000, 490_000, 70_000):
        registry.drop(blob.digest, after=after)

    assert fetched(client, web, blob) == BLOB


def test_a_download_that_gets_on_by_bytes_is_given_up(
    client: RegistryClient, registry: FakeRegistry, web: Reference, blob: Descriptor
) -> None:
    for after in range(1, 60):
        registry.drop(blob.digest, after=after)

    with pytest.raises(RegistryUnreachable):
        fetched(client, web, blob)

    assert len(registry.requests_for("/blobs/")) == 3


def test_a_registry_without_ranges_is_read_from_the_start(
    client: RegistryClient, registry: FakeRegistry, web: Reference, blob: Descriptor
) -> None:
    registry.ranges = False
    registry.drop(blob.digest, after=200_000)

    assert fetched(client, web, blob) == BLOB


def test_a_connection_that_always_breaks_is_given_up(
    client: RegistryClient, registry: FakeRegistry, web: Reference, blob: Descriptor
) -> None:
    registry.always("/blobs/", Reply(body=BLOB, drop_after=0))

    with pytest.raises(RegistryUnreachable):
        fetched(client, web, blob)


def test_a_length_longer_than_what_comes_is_a_broken_connection(
    client: RegistryClient, registry: FakeRegistry, web: Reference, blob: Descriptor
) -> None:
    headers = {"Connection": "close"}
    short = lying_about_length(b"x", claimed=len(BLOB))
    registry.always("/blobs/", Reply(body=b"", headers=short.headers | headers, drop_after=0))

    with pytest.raises(RegistryUnreachable):
        fetched(client, web, blob)


def test_a_blob_that_ends_early_ends_the_stream(
    client: RegistryClient, registry: FakeRegistry, web: Reference, blob: Descriptor
) -> None:
    registry.always("/blobs/", Reply(body=BLOB[:1000]))

    assert fetched(client, web, blob) == BLOB[:1000]


@pytest.mark.parametrize(
    "extent", ["", "bytes 2000-5000/6000", "rows 1-2"], ids=["missing", "too-late", "odd"]
)
def test_another_part_than_was_asked_for_is_refused(
    client: RegistryClient, registry: FakeRegistry, web: Reference, blob: Descriptor, extent: str
) -> None:
    registry.always("/blobs/", Reply(206, BLOB, {"Content-Range": extent}))

    with pytest.raises(RegistryError):
        fetched(client, web, blob, offset=1000)


def test_a_missing_blob_is_the_registrys_error(
    client: RegistryClient, registry: FakeRegistry, web: Reference
) -> None:
    missing = Descriptor(media_types.OCI_LAYER, Digest.of(b"missing"), 7)

    with pytest.raises(RegistryError) as caught:
        fetched(client, web, missing)

    assert caught.value.status == 404
    assert len(registry.requests_for("/blobs/")) == 1


def test_an_empty_blob_needs_no_request(
    client: RegistryClient, registry: FakeRegistry, web: Reference
) -> None:
    empty = Descriptor(media_types.OCI_LAYER, Digest.of(b""), 0)

    assert fetched(client, web, empty) == b""
    assert registry.requests_for("/blobs/") == []


def test_a_document_is_verified(
    client: RegistryClient, registry: FakeRegistry, web: Reference, blob: Descriptor
) -> None:
    assert client.fetch_document(web, blob, limit=len(BLOB)) == BLOB

    registry.always("/blobs/", Reply(body=BLOB[:-1] + b"!"))
    with pytest.raises(DigestMismatch):
        client.fetch_document(web, blob, limit=len(BLOB))


def test_a_document_over_the_limit_is_not_asked_for(
    client: RegistryClient, registry: FakeRegistry, web: Reference, blob: Descriptor
) -> None:
    with pytest.raises(LimitExceeded):
        client.fetch_document(web, blob, limit=len(BLOB) - 1)

    assert registry.requests_for("/blobs/") == []


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
