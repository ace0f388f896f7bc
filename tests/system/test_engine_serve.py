"""`engine serve`, as a process of its own."""

from __future__ import annotations

import os
import signal
import stat
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.docker_cli import rootfs_tar, served
from tests.support.dockerapi import Client

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.root


def test_it_says_when_it_listens_and_ends_cleanly(short_path: Path) -> None:
    socket = short_path / "docker.sock"
    began = time.monotonic()
    with served(short_path, socket) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"listening on unix://{socket}\n"
        assert time.monotonic() - began < 5
        assert Client(socket).get("/_ping").status == 200
        assert stat.S_IMODE(socket.stat().st_mode) == 0o660

        process.send_signal(signal.SIGTERM)

        assert process.wait(10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert not socket.exists()


def test_a_socket_that_nobody_listens_at_is_replaced(short_path: Path) -> None:
    socket = short_path / "docker.sock"
    with served(short_path, socket) as process:
        assert process.stdout is not None
        process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
    assert socket.exists()

    with served(short_path, socket) as process:
        assert process.stdout is not None
        assert process.stdout.readline() != ""
        assert Client(socket).get("/_ping").status == 200


def test_a_socket_that_somebody_listens_at_is_left_alone(short_path: Path) -> None:
    socket = short_path / "docker.sock"
    with served(short_path, socket) as first:
        assert first.stdout is not None
        first.stdout.readline()
        with served(short_path, socket) as second:
            assert second.wait(10) == 1
            assert second.stderr is not None
            assert "somebody listens at" in second.stderr.read()
        assert Client(socket).get("/_ping").status == 200


def test_what_is_no_socket_is_left_alone(short_path: Path) -> None:
    place = short_path / "docker.sock"
    place.write_text("precious")
    with served(short_path, place) as process:
        assert process.wait(10) == 1
    assert place.read_text() == "precious"


def test_containers_go_on_and_whoever_listened_is_let_go(short_path: Path) -> None:
    socket = short_path / "docker.sock"
    with served(short_path, socket) as first:
        assert first.stdout is not None
        first.stdout.readline()
        api = Client(socket)
        imported = api.ask("POST", "/images/create?fromSrc=-&repo=box", rootfs_tar())
        assert imported.status == 200
        body = {"Image": "box", "Cmd": ["sleep", "1000"], "HostConfig": {"NetworkMode": "none"}}
        container = api.post("/containers/create?name=on", body).json["Id"]
        assert api.post(f"/containers/{container}/start").status == 204
        with api.connect() as follower:
            follower.sendall(
                b"GET /containers/on/logs?stdout=1&follow=1 HTTP/1.1\r\nHost: x\r\n\r\n"
            )
            assert follower.recv(100).startswith(b"HTTP/1.1 200")

            first.send_signal(signal.SIGTERM)

            assert first.wait(10) == 0

    with served(short_path, socket) as second:
        assert second.stdout is not None
        second.stdout.readline()
        assert [each["Id"] for each in api.get("/containers/json").json] == [container]
        assert api.delete(f"/containers/{container}?force=1").status == 204
