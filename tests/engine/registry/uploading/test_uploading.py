"""Bringing blobs to a registry that does not always take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.errors import (
    DigestMismatch,
    EngineError,
    RateLimited,
    RegistryError,
    RegistryUnreachable,
)
from engine.oci import media_types
from engine.oci.descriptor import Descriptor
from engine.oci.digest import Digest
from engine.progress import Cancellation, Cancelled
from engine.registry import uploading
from engine.registry.credentials import Credentials
from tests.support.registry import FakeRegistry, Received, Reply, serving
from tests.support.uploads import BLOB, BYTES, Bytes, methods

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.oci.reference import Reference
    from engine.registry.client import RegistryClient

    NewClient = Callable[..., RegistryClient]


def test_a_blob_goes_in_one_piece(
    client: RegistryClient, registry: FakeRegistry, web: Reference
) -> None:
    moved: list[int] = []

    client.push_blob(web, BLOB, Bytes(), moved=moved.append)

    assert registry.blobs[str(BLOB.digest)] == BYTES
    assert methods(registry) == ["POST", "PUT"]
    assert moved == sorted(moved)
    assert moved[-1] == BLOB.size


def test_an_empty_blob_is_a_blob(
    client: RegistryClient, registry: FakeRegistry, web: Reference
) -> None:
    empty = Descriptor(media_types.OCI_LAYER, Digest.of(b""), 0)

    client.push_blob(web, empty, Bytes(b""))

    assert registry.blobs[str(empty.digest)] == b""


def test_what_is_there_is_known(
    client: RegistryClient, registry: FakeRegistry, web: Reference
) -> None:
    assert not client.has_blob(web, BLOB)

    registry.put_blob(BYTES, name="team/web")

    assert client.has_blob(web, BLOB)


def test_a_blob_of_another_length_is_not_the_one(
    client: RegistryClient, registry: FakeRegistry, web: Reference
) -> None:
    registry.always("/blobs/", Reply(headers={"Content-Length": "5"}))

    assert not client.has_blob(web, BLOB)


def test_a_broken_upload_goes_on_where_the_registry_stands(
    client: RegistryClient, registry: FakeRegistry, web: Reference
) -> None:
    registry.cut(100_000, 50_000)
    content = Bytes()

    client.push_blob(web, BLOB, content)

    assert registry.blobs[str(BLOB.digest)] == BYTES
    assert content.opened_at == [0, 100_000, 150_000]


def test_an_upload_that_gets_on_may_break_often(
    client: RegistryClient, registry: FakeRegistry, web: Reference
) -> None:
    registry.cut(*[70_000] * 6)

    client.push_blob(web, BLOB, Bytes())

    assert registry.blobs[str(BLOB.digest)] == BYTES


def test_an_upload_that_gets_on_by_bytes_is_given_up(
    client: RegistryClient, registry: FakeRegistry, web: Reference
) -> None:
    registry.cut(*[100] * 50)

    with pytest.raises(RegistryUnreachable):
        client.push_blob(web, BLOB, Bytes())

    assert len(registry.received) < 10


def test_chunks_go_one_after_the_other(
    client: RegistryClient,
    registry: FakeRegistry,
    web: Reference,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(uploading, "CHUNK_BYTES", 200_000)
    registry.cut(1_000)

    client.push_blob(web, BLOB, Bytes())

    assert registry.blobs[str(BLOB.digest)] == BYTES
    extents = [each.headers.get("content-range") for each in registry.received]
    assert [each for each in extents if each] == [
        "1000-200999",
        "201000-400999",
        "401000-511999",
    ]


def test_a_registry_that_takes_no_large_body_gets_chunks(
    client: RegistryClient,
    registry: FakeRegistry,
    web: Reference,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(uploading, "CHUNK_BYTES", 200_000)
    registry.faults.append(lambda each: Reply(413) if len(each.body) > 200_000 else None)

    client.push_blob(web, BLOB, Bytes())

    assert registry.blobs[str(BLOB.digest)] == BYTES


def test_chunks_are_no_shorter_than_the_registry_wants(
    client: RegistryClient,
    registry: FakeRegistry,
    web: Reference,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(uploading, "CHUNK_BYTES", 1_000)
    registry.faults.append(lambda each: Reply(413) if len(each.body) > 300_000 else None)
    headers = {"OCI-Chunk-Min-Length": "256000"}

    def begun(each: Received) -> Reply | None:
        if each.method != "POST":
            return None
        reply = registry._begin_upload("team/web", each)
        return Reply(reply.status, headers=reply.headers | headers)

    registry.faults.append(begun)

    client.push_blob(web, BLOB, Bytes())

    assert methods(registry).count("PATCH") == 2


def test_an_upload_that_the_registry_forgot_begins_again(
    client: RegistryClient, registry: FakeRegistry, web: Reference
) -> None:
    def forgetting(each: Received) -> Reply | None:
        if each.method == "PUT" and methods(registry).count("PUT") == 1:
            registry.uploads.clear()
        return None

    registry.faults.append(forgetting)

    client.push_blob(web, BLOB, Bytes())

    assert registry.blobs[str(BLOB.digest)] == BYTES
    assert methods(registry).count("POST") == 2


def test_a_blob_that_arrived_although_the_answer_did_not_is_not_sent_again(
    client: RegistryClient, registry: FakeRegistry, web: Reference
) -> None:
    def losing_the_answer(each: Received) -> Reply | None:
        if each.method != "PUT":
            return None
        registry._served(each)
        return Reply(502)

    registry.faults.append(losing_the_answer)

    client.push_blob(web, BLOB, Bytes())

    assert methods(registry) == ["POST", "PUT", "GET", "HEAD"]


def test_a_registry_that_forgets_every_upload_is_given_up(
    client: RegistryClient, registry: FakeRegistry, web: Reference
) -> None:
    registry.faults.append(lambda each: Reply(404) if each.method == "PUT" else None)
    registry.faults.append(lambda each: Reply(404) if each.method == "PATCH" else None)

    with pytest.raises(RegistryError):
        client.push_blob(web, BLOB, Bytes())

    assert methods(registry).count("POST") == 3


def test_a_storm_of_errors_is_given_up(
    client: RegistryClient, registry: FakeRegistry, web: Reference
) -> None:
    registry.always("/uploads/", Reply(503))

    with pytest.raises(RegistryError):
        client.push_blob(web, BLOB, Bytes())

    assert len(registry.received) == 3


def test_a_connection_that_always_breaks_is_given_up(
    client: RegistryClient, registry: FakeRegistry, web: Reference
) -> None:
    registry.cut(*[0] * 20)

    with pytest.raises(RegistryUnreachable):
        client.push_blob(web, BLOB, Bytes())


def test_a_long_wait_is_told_and_not_waited_for(
    client: RegistryClient, registry: FakeRegistry, web: Reference
) -> None:
    registry.always("/uploads/", Reply(429, headers={"Retry-After": "600"}))

    with pytest.raises(RateLimited):
        client.push_blob(web, BLOB, Bytes())

    assert len(registry.received) == 1


def test_bytes_that_are_not_the_blob_are_refused_by_the_registry_at_once(
    client: RegistryClient, registry: FakeRegistry, web: Reference
) -> None:
    with pytest.raises(RegistryError, match="digest invalid"):
        client.push_blob(web, BLOB, Bytes(BYTES[::-1]))

    assert methods(registry) == ["POST", "PUT"]


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(RegistryUnreachable("elsewhere"), id="that-passes"),
        pytest.param(DigestMismatch(expected=1, actual=2), id="that-does-not"),
    ],
)
def test_an_error_of_the_source_is_not_taken_for_one_of_the_registry(
    client: RegistryClient, registry: FakeRegistry, web: Reference, error: EngineError
) -> None:
    with pytest.raises(type(error)) as caught:
        client.push_blob(web, BLOB, Bytes(fails_with=error))

    assert caught.value is error
    assert methods(registry).count("POST") == 1


def test_a_source_that_ends_early_is_an_error(
    client: RegistryClient, registry: FakeRegistry, web: Reference
) -> None:
    with pytest.raises(RegistryError, match="ended early"):
        client.push_blob(web, BLOB, Bytes(BYTES[:-1]))

    assert str(BLOB.digest) not in registry.blobs


def test_an_upload_can_be_cancelled(
    new_client: NewClient, registry: FakeRegistry, web: Reference
) -> None:
    cancellation = Cancellation()

    def moved(count: int) -> None:
        if count > 100_000:
            cancellation.cancel()

    with pytest.raises(Cancelled):
        new_client(cancellation=cancellation).push_blob(web, BLOB, Bytes(), moved=moved)

    assert str(BLOB.digest) not in registry.blobs


def test_an_upload_to_another_host_shows_no_credentials_there(
    new_client: NewClient, registry: FakeRegistry, web: Reference
) -> None:
    registry.require_basic("ana", "secret")
    client = new_client(credentials=Credentials("ana", "secret"))
    with serving(FakeRegistry()) as elsewhere:
        elsewhere.uploads["session"] = bytearray()
        location = f"http://{elsewhere.host}/v2/team/web/blobs/uploads/session"
        registry.faults.append(
            lambda each: (
                Reply(202, headers={"Location": location}) if each.method == "POST" else None
            )
        )

        client.push_blob(web, BLOB, Bytes())

        assert elsewhere.blobs[str(BLOB.digest)] == BYTES
        assert [each.authorization for each in elsewhere.received] == [""]


@pytest.mark.parametrize("location", ["http://images.test/upload", "file:///etc/x", "https://[::1"])
def test_an_upload_to_where_nothing_may_be_asked_is_refused(
    client: RegistryClient, registry: FakeRegistry, web: Reference, location: str
) -> None:
    registry.always("/uploads/", Reply(202, headers={"Location": location}))

    with pytest.raises(RegistryError):
        client.push_blob(web, BLOB, Bytes())
