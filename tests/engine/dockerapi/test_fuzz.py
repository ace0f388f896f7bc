"""Whatever is sent: an answer that is no failure of ours, soon, and the server goes on."""

from __future__ import annotations

import json
import re
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.dockerapi.table import ROUTES
from engine.engine import Engine
from engine.system.paths import EnginePaths
from tests.support.dockerapi import Client, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

# These ask a registry, which is not there, or go on until the client leaves.
ELSEWHERE = (
    "/networks/create",
    "/images/create",
    "/images/search",
    "/auth",
    "/distribution",
    "/push",
    "/events",
)
FIELDS = (
    *("all", "limit", "size", "filters", "since", "until", "before", "tail", "follow", "stdout"),
    *("stderr", "stream", "t", "signal", "condition", "force", "v", "h", "w", "path", "name"),
    *("names", "repo", "tag", "type", "detachKeys", "ps_args", "term", "platform", "one-shot"),
)
KEYS = (
    *("Image", "Cmd", "Env", "HostConfig", "NetworkingConfig", "Name", "Driver", "Labels", "Tty"),
    *("IPAM", "Config", "Binds", "Mounts", "PortBindings", "Memory", "RestartPolicy", "Container"),
    *("EndpointConfig", "EndpointsConfig", "Healthcheck", "LogConfig", "Ulimits", "Detach"),
)
SETTINGS = settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def api() -> Iterator[Client]:
    with tempfile.TemporaryDirectory(prefix="ship-") as place:
        root = Path(place) / "root"
        root.mkdir()
        (root / "snapshotter").write_text("native")
        with (
            Engine.open(EnginePaths(root, Path(place) / "run")) as engine,
            serving(engine, Path(place) / "d.sock") as client,
        ):
            yield client


words = st.text(st.characters(blacklist_categories=("Cs",)), max_size=40)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | words,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS) | words, inner, max_size=5)
    ),
    max_leaves=12,
)
filters = st.dictionaries(st.sampled_from(("label", "name", "until")) | words, values, max_size=3)
fields = st.dictionaries(
    st.sampled_from(FIELDS) | words, words | st.integers().map(str) | filters.map(json.dumps)
)
routes = st.sampled_from(
    [route for route in ROUTES if not any(each in route.path for each in ELSEWHERE)]
)


@st.composite
def targets(draw: st.DrawFn) -> tuple[str, str]:
    route = draw(routes)
    name = st.sampled_from(("busybox", "bridge", "x", "..", "sha256:00")) | words.filter(bool)
    path = re.sub(r"\{[^}]+\}", lambda _: quote(draw(name), safe=""), route.path)
    prefix = draw(st.sampled_from(("", "/v1.24", "/v1.41", "/v1.47")))
    return route.method, f"{prefix}{path}?{urlencode(draw(fields))}"


@SETTINGS
@given(target=targets(), body=st.none() | values | st.binary(max_size=200))
def test_no_request_makes_it_fail(api: Client, target: tuple[str, str], body: Any) -> None:
    answer = api.ask(*target, body)

    assert answer.status not in {500, 502, 504}, answer.content
    if answer.status >= 400 and target[0] != "HEAD":
        assert answer.message


@SETTINGS
@given(header=st.binary(max_size=120), value=st.binary(max_size=120))
def test_no_header_makes_it_fail(api: Client, header: bytes, value: bytes) -> None:
    with api.connect() as bare:
        bare.sendall(b"GET /_ping HTTP/1.1\r\nHost: x\r\n" + header + b": " + value + b"\r\n\r\n")
        bare.shutdown(socket.SHUT_WR)
        answer = _read_all(bare)

    assert answer == b"" or answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 4", b"HTTP/1.0 4"))


ODDITIES = {
    "chunk-size-is-no-number": b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
    "chunk-size-is-huge": b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc\r\n",
    "chunk-ends-too-early": b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
    "chunk-with-extension": b"Transfer-Encoding: chunked\r\n\r\n2;a=b\r\n{}\r\n0\r\n\r\n",
    "both-lengths": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two-lengths": b"Content-Length: 5\r\nContent-Length: 7\r\n\r\nhello",
    "negative-length": b"Content-Length: -1\r\n\r\n",
    "length-is-no-number": b"Content-Length: many\r\n\r\n",
    "length-ends-too-early": b"Content-Length: 100\r\n\r\n{}",
    "many-headers": b"".join(b"A%d: b\r\n" % n for n in range(2000)) + b"\r\n",
    "huge-header": b"A: " + b"x" * (1 << 20) + b"\r\n\r\n",
    "header-with-nul": b"A: \0\r\n\r\n",
    "folded-header": b"A: b\r\n c\r\nContent-Length: 2\r\n\r\n{}",
    "gzip-that-is-none": b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    "expects-something-else": b"Expect: miracles\r\nContent-Length: 2\r\n\r\n{}",
    "upgrade-to-something-else": b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
}


@pytest.mark.parametrize("oddity", ODDITIES)
@pytest.mark.parametrize("path", ["/containers/create", "/images/load", "/exec/x/start"])
def test_no_oddity_of_http_makes_it_fail_or_hang(api: Client, oddity: str, path: str) -> None:
    with api.connect() as bare:
        try:
            bare.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\n".encode() + ODDITIES[oddity])
            bare.shutdown(socket.SHUT_WR)
            answer = _read_all(bare)
        except (BrokenPipeError, ConnectionResetError):
            answer = b""

    assert answer == b"" or re.match(rb"HTTP/1\.[01] (100|2\d\d|4\d\d|503)", answer), answer[:200]
    assert api.get("/_ping").status == 200


def test_a_target_that_is_too_long_is_refused(api: Client) -> None:
    with api.connect() as bare:
        try:
            bare.sendall(b"GET /" + b"x" * (1 << 18) + b" HTTP/1.1\r\n\r\n")
            answer = _read_all(bare)
        except (BrokenPipeError, ConnectionResetError):
            answer = b""
    assert answer == b"" or b" 400 " in answer[:20]


def test_a_body_that_is_too_large_is_refused(api: Client) -> None:
    with api.connect() as bare:
        bare.sendall(
            b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n"
        )
        try:
            for _ in range(200):
                bare.sendall(b" " * (1 << 20))
            answer = _read_all(bare)
        except (BrokenPipeError, ConnectionResetError):
            answer = b""
    assert answer == b"" or b" 413 " in answer[:20]


def _read_all(bare: socket.socket) -> bytes:
    content = b""
    try:
        while more := bare.recv(65536):
            content += more
    except ConnectionResetError:
        pass
    return content
