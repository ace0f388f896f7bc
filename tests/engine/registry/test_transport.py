from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from engine.errors import RegistryUnreachable
from engine.registry.messages import Request
from tests.support.registry import Reply

if TYPE_CHECKING:
    from engine.registry.transport import HttpTransport
    from tests.support.registry import FakeRegistry


def test_no_proxy_stands_between_this_host_and_itself(
    registry: FakeRegistry, transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")

    with transport.send(Request(f"http://{registry.host}/v2/", {})) as response:
        assert response.status == 200


def test_others_are_reached_through_the_proxy(
    transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")

    with pytest.raises(RegistryUnreachable), transport.send(Request("http://images.test/", {})):
        pytest.fail("nothing answers there")


def test_the_bytes_are_those_that_were_sent(
    registry: FakeRegistry, transport: HttpTransport
) -> None:
    registry.always("/coded", Reply(body=b"not really gzip", headers={"Content-Encoding": "gzip"}))

    with transport.send(Request(f"http://{registry.host}/coded", {})) as response:
        assert response.read(limit=100, what="it") == b"not really gzip"


def test_no_redirect_is_followed_unasked(registry: FakeRegistry, transport: HttpTransport) -> None:
    registry.always("/away", Reply(302, headers={"Location": "/v2/"}))

    with transport.send(Request(f"http://{registry.host}/away", {})) as response:
        assert (response.status, response.headers["location"]) == (302, "/v2/")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://[::1]:1/", "http://\x00/"])
def test_every_failure_of_the_library_becomes_ours(transport: HttpTransport, url: str) -> None:
    with pytest.raises(RegistryUnreachable), transport.send(Request(url, {})):
        pytest.fail("nothing answers there")


def test_a_query_is_not_logged(
    registry: FakeRegistry, transport: HttpTransport, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.DEBUG),
        transport.send(Request(f"http://{registry.host}/v2/?token=hidden", {})),
    ):
        pass

    assert "hidden" not in " ".join(str(vars(record)) for record in caplog.records)


def test_a_closed_transport_opens_new_connections(
    registry: FakeRegistry, transport: HttpTransport
) -> None:
    transport.close()

    with transport.send(Request(f"http://{registry.host}/v2/", {})) as response:
        assert response.status == 200
