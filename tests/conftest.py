"""
What every test gets: a scrubbed environment, no network but loopback, short temporary directories,
and to be skipped, with the reason, where the machine lacks what its marker needs.
"""

import ipaddress
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.own_network import leave_the_network, remove_idle_bridges
from workers.host.abilities import PROGRAMS_BY_MARKER, list_obstacles, probe_abilities

pytest_plugins = ["tests.support.services", "tests.support.docker_cli"]

SCRUBBED_PREFIXES = ("SHIPSHAPE_", "DOCKER_", "REGISTRY_")
SCRUBBED_NAMES = frozenset(
    {"DATABASE_URL", "REDIS_URL", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}
)


_has_own_network = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    """Run all tests in a network of their own, where that is possible: none touches the host's."""
    config.stash[_has_own_network] = leave_the_network()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what this machine cannot run, saying why."""
    abilities = probe_abilities()
    for marker in PROGRAMS_BY_MARKER:
        obstacles = list_obstacles(marker, abilities)
        if not obstacles:
            continue
        skip = pytest.mark.skip(reason=f"{marker} tests cannot run here: {', '.join(obstacles)}")
        for item in items:
            if item.get_closest_marker(marker):
                item.add_marker(skip)


def pytest_unconfigure() -> None:
    """Remove what SQLite keeps beside the test database after Django has removed the database."""
    for left in Path(tempfile.gettempdir()).glob(f"shipshape-test-{os.getpid()}.sqlite3*"):
        left.unlink()


@pytest.fixture(autouse=True, scope="module")
def _room_for_networks(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if request.config.stash[_has_own_network] and shutil.which("ip"):
        remove_idle_bridges()


@pytest.fixture(autouse=True)
def _scrubbed_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(SCRUBBED_PREFIXES) or name.upper() in SCRUBBED_NAMES:
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    real_connect = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and not _is_loopback(address[0]):
            raise AssertionError(f"a test tried to reach {address}; only loopback is allowed")
        real_connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)


def _is_loopback(host: str) -> bool:
    if host in {"localhost", ""}:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@pytest.fixture
def short_path() -> Iterator[Path]:
    """An empty directory with a short name: a unix socket's path may have 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix="ship-"))
    yield path
    shutil.rmtree(path)
