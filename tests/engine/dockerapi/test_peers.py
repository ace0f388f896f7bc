"""Who is at the other end, and to whom belongs what they make."""

import getpass
import socket
from typing import Any

import pytest

from engine.dockerapi import peers
from engine.dockerapi.peers import owner_of
from engine.dockerapi.refusals import Refusal


class Transport:
    """What asyncio tells about a connection."""

    def __init__(self, **extra: Any) -> None:
        self._extra = extra

    def get_extra_info(self, name: str) -> Any:
        return self._extra.get(name)


def test_a_local_user_is_told_by_the_socket() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        assert owner_of(Transport(socket=ours)) == f"docker CLI ({getpass.getuser()})"


@pytest.mark.parametrize(
    ("subject", "owner"),
    [
        pytest.param(((("commonName", "ana"),),), "docker CLI (ana)", id="a-certificate"),
        pytest.param(((("organizationName", "team"),),), "docker CLI", id="one-without-a-name"),
        pytest.param((), "docker CLI", id="none"),
    ],
)
def test_who_comes_over_tls_is_told_by_the_certificate(subject: Any, owner: str) -> None:
    assert owner_of(Transport(peercert={"subject": subject})) == owner


def test_the_user_of_the_web_processes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "_user_name", lambda _: "shipshape")
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs, pytest.raises(Refusal, match="web processes"):
        owner_of(Transport(socket=ours))
