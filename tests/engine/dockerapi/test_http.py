"""What every route has in common, over a real connection."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientConnectionResetError

from engine.dockerapi import server

if TYPE_CHECKING:
    from aiohttp import web

    from engine.dockerapi.call import Call
    from tests.support.dockerapi import Client


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_ping_tells_which_version_is_spoken(api: Client, method: str) -> None:
    answer = api.ask(method, "/_ping")

    assert answer.status == 200
    assert answer.headers["api-version"] == "1.47"
    assert answer.headers["ostype"] == "linux"
    assert answer.content == (b"OK" if method == "GET" else b"")


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("/info", id="a whole answer"),
        pytest.param("/events?until=1", id="a stream"),
        pytest.param("/containers/nope/json", id="a refusal"),
    ],
)
def test_every_answer_says_who_gives_it(api: Client, target: str) -> None:
    headers = api.get(target).headers

    assert headers["server"] == "Shipshape (linux)"
    assert headers["api-version"] == "1.47"
    assert headers["ostype"] == "linux"
    assert headers["docker-experimental"] == "false"


@pytest.mark.parametrize("target", ["/", "/v1.41/nothing", "/containers/", "/v1.41"])
def test_an_unknown_page_is_refused_as_docker_does(api: Client, target: str) -> None:
    answer = api.get(target)

    assert (answer.status, answer.message) == (404, "page not found")


def test_a_version_that_is_not_spoken_is_refused(api: Client) -> None:
    answer = api.get("/v1.99/info")

    assert (answer.status, "too new" in answer.message) == (400, True)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("/containers/nope/json", "No such container: nope"),
        ("/images/nope/json", "no such image: nope: No such image: nope:latest"),
    ],
)
def test_what_is_not_here_is_told_in_dockers_words(api: Client, target: str, words: str) -> None:
    answer = api.get(target)

    assert (answer.status, answer.message) == (404, words)


def test_a_request_that_is_no_http_is_refused_and_the_connection_ends(api: Client) -> None:
    with api.connect() as bare:
        bare.sendall(b"NO HTTP AT ALL\r\n\r\n")

        answer = bare.recv(4000)
        assert answer.startswith(b"HTTP/1.0 400 ")
        assert b"\r\nServer: Shipshape (linux)\r\n" in answer


def test_many_requests_go_over_one_connection(api: Client) -> None:
    with api.connect() as bare:
        for _ in range(3):
            bare.sendall(b"GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n")
            assert bare.recv(4000).endswith(b"OK")


def test_who_is_refused_may_finish_what_they_send_and_ask_again(api: Client) -> None:
    with api.connect() as bare:
        bare.sendall(
            b"PUT /containers/nope/archive?path=/ HTTP/1.1\r\nHost: docker\r\n"
            b"Content-Length: 6\r\n\r\nhalf"
        )
        bare.sendall(b"OKGET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n")
        answer = b""
        while piece := bare.recv(65536):
            answer += piece

    assert answer.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert answer.endswith(b"\r\n\r\nOK")


def test_a_link_that_is_to_go_takes_no_container_with_it(api: Client) -> None:
    answer = api.delete("/containers/nope?link=1")

    assert answer.message == "No such container: nope"


def test_a_driver_that_is_not_here_is_told_in_dockers_words(api: Client) -> None:
    # A dockerd says so too, after it has looked for fifteen seconds.
    answer = api.post("/volumes/create", {"Name": "v3", "Driver": "nope"})

    assert answer.message == (
        'create v3: error looking up volume plugin nope: plugin "nope" not found'
    )


def test_what_only_a_swarm_has_is_refused_as_by_no_manager(api: Client) -> None:
    for target in ("/swarm", "/nodes", "/services", "/tasks/x", "/secrets", "/configs"):
        answer = api.get(target)
        assert (answer.status, "not a swarm manager" in answer.message) == (503, True)


def test_secrets_of_a_call_are_in_no_answer_and_no_log(
    api: Client, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "hunter2-hunter2"
    header = base64.urlsafe_b64encode(json.dumps({"username": [secret]}).encode()).decode()
    answer = api.ask(
        "POST", "/images/create?fromImage=localhost:1/x", headers={"X-Registry-Auth": header}
    )

    assert answer.status == 400
    for told in (answer.content.decode(), caplog.text):
        assert secret not in told
        assert header not in told


def test_a_client_that_leaves_in_the_middle_of_an_answer_is_no_failure(
    api: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(call: Call) -> web.StreamResponse:
        call.request.protocol.force_close()
        raise ClientConnectionResetError("Cannot write to closing transport")

    monkeypatch.setattr(server.TABLE, "find", lambda method, path: (handler, {}))
    with api.connect() as bare:
        bare.sendall(b"GET /info HTTP/1.1\r\nHost: docker\r\n\r\n")

        assert bare.recv(1000) == b""
    assert not [each for each in caplog.records if each.levelname == "ERROR"]
