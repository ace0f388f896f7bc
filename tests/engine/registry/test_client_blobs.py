"""Blobs from a registry that misbehaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.errors import DigestMismatch, LimitExceeded, RegistryError, RegistryUnreachable
from engine.oci import media_types
from engine.oci.descriptor import Descriptor
from engine.oci.digest import Digest
from tests.support.blobs import BLOB, fetched
from tests.support.registry import FakeRegistry, Reply, lying_about_length

if TYPE_CHECKING:
    from engine.oci.reference import Reference
    from engine.registry.client import RegistryClient


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
