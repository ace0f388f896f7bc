"""What a client types before it is answered reaches the program: attaching, and commands."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from engine.dockerapi.frames import STDOUT, frame
from tests.support.docker_cli import IMAGE, SECONDS
from tests.support.dockerapi import Client

if TYPE_CHECKING:
    from tests.support.docker_cli import DockerCli

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("emptied")]
TYPED = b"\r\n\r\nGET /typed HTTP/1.1\r\n\r\n"


def _asked(cli: DockerCli, target: str, body: bytes = b"", behind: bytes = b"") -> socket.socket:
    """A connection on which *target* was asked for, and *behind* sent with it in one piece."""
    bare = socket.socket(socket.AF_UNIX)
    bare.settimeout(SECONDS)
    bare.connect(str(cli.socket))
    head = (
        f"POST {target} HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    bare.sendall(head.encode() + body + behind)
    return bare


def _rest(bare: socket.socket) -> bytes:
    """Return what comes behind the head of the answer, after the client's half has ended."""
    answer = b""
    with bare:
        bare.shutdown(socket.SHUT_WR)
        while piece := bare.recv(65536):
            answer += piece
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 UPGRADED\r\n")
    return rest


def test_what_comes_with_the_start_of_a_command_is_its_input(ours: DockerCli) -> None:
    ours.ok("run", "-d", "--name", "typed", IMAGE, "sleep", "1000")
    wanted = {"Cmd": ["cat"], "AttachStdin": True, "AttachStdout": True}
    made = Client(ours.socket).post("/containers/typed/exec", wanted).json

    bare = _asked(ours, f"/exec/{made['Id']}/start", b'{"Detach": false}', TYPED)

    assert _rest(bare) == frame(STDOUT, TYPED)


def test_what_comes_with_an_attachment_is_the_input_of_the_container(ours: DockerCli) -> None:
    ours.ok("create", "-i", "--name", "typed", IMAGE, "cat")

    bare = _asked(ours, "/containers/typed/attach?stream=1&stdin=1&stdout=1", behind=TYPED)
    ours.ok("start", "typed")

    assert _rest(bare) == frame(STDOUT, TYPED)
