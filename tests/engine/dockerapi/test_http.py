"""What every route has in common, over a real connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.dockerapi import Client


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_ping_tells_which_version_is_spoken(api: Client, method: str) -> None:
    answer = api.ask(method, "/_ping")

    assert answer.status == 200
    assert answer.headers["api-version"] == "1.47"
    assert answer.headers["ostype"] == "linux"
    assert answer.content == (b"OK" if method == "GET" else b"")


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

        assert bare.recv(1000).startswith(b"HTTP/1.0 400 ")


def test_many_requests_go_over_one_connection(api: Client) -> None:
    with api.connect() as bare:
        for _ in range(3):
            bare.sendall(b"GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n")
            assert bare.recv(4000).endswith(b"OK")
