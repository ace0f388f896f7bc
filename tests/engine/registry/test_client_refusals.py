"""Refusals of a registry, each with its error, and logins that open it."""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING

import pytest

from engine.errors import (
    AccessDenied,
    AuthenticationFailed,
    EngineError,
    RateLimited,
    RegistryError,
    RegistryUnreachable,
)
from engine.progress import Cancellation, Cancelled
from engine.registry.client import RegistryClient
from engine.registry.credentials import Credentials
from engine.registry.retry import Patience
from engine.registry.transport import HttpTransport
from tests.support.blobs import BLOB, fetched
from tests.support.registry import FakeRegistry, Reply, TokenServer, serving

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.oci.descriptor import Descriptor
    from engine.oci.reference import Reference
    from tests.support.images import PackedImage

    NewClient = Callable[..., RegistryClient]

ANA = Credentials("ana", "secret")


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
