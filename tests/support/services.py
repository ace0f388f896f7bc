"""
Real servers for tests: Redis, a registry, PostgreSQL. Each is private to the test run, listens on
loopback or a unix socket only, and ends with it; none touches a server that the machine runs.
"""

import os
import pwd
import re
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.certificates import Pair
from workers.host.abilities import find_postgres_directory
from workers.host.redis import render_redis_conf

START_SECONDS = 30.0
STOP_SECONDS = 10.0


class NeverReady(AssertionError):
    """A server ended or went silent before it was ready; carries what it wrote."""


@dataclass(frozen=True)
class RedisServer:
    """A running private Redis; *process* may be killed by the test."""

    socket: Path
    password: str
    conf: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """The URL as REDIS_URL takes it."""
        return f"unix://:{self.password}@{self.socket}?db=0"


@dataclass(frozen=True)
class RegistryServer:
    """A running real registry (distribution) on loopback, speaking plain http."""

    host: str
    storage: Path
    process: subprocess.Popen[bytes]

    def reference(self, repository: str, tag: str = "latest") -> str:
        """Return the whole name of *tag* in *repository* on this registry."""
        return f"{self.host}/{repository}:{tag}"


@dataclass(frozen=True)
class PostgresServer:
    """A running private PostgreSQL cluster on a unix socket, trusting whoever can reach it."""

    socket_directory: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """The URL as DATABASE_URL takes it."""
        return f"postgres://postgres@{quote(str(self.socket_directory), safe='')}/postgres"


def wait_until(
    condition: Callable[[], object], *, what: str, seconds: float = START_SECONDS
) -> None:
    """Return as soon as *condition* holds; raise `NeverReady` naming *what* after *seconds*."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise NeverReady(f"{what}: still not so after {seconds} s")
        time.sleep(0.01)


@contextmanager
def running_redis(directory: Path) -> Iterator[RedisServer]:
    """Run a private Redis whose files and socket are in *directory*; yields when it answers."""
    password = secrets.token_urlsafe(16)
    conf = directory / "redis.conf"
    conf.touch(mode=0o600)
    conf.write_text(render_redis_conf(directory=directory, password=password))
    socket = directory / "redis.sock"
    log = directory / "redis.log"
    with _running(["redis-server", conf], log=log) as process:
        _wait_for(process, socket.exists, log=log)
        yield RedisServer(socket, password, conf, process)


ANA, SECRET = "ana", "secret"
# What `htpasswd -nbB ana secret` prints; hashing it takes a library that nothing else needs.
HTPASSWD = f"{ANA}:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n"


@contextmanager
def running_registry(
    directory: Path, *, tls: Pair | None = None, asks_for_login: bool = False
) -> Iterator[RegistryServer]:
    """
    Run a real registry that keeps its blobs in *directory*; yields when it answers.

    It speaks *tls* if that is given, and lets in only `ANA` with `SECRET` if it *asks_for_login*.
    """
    storage = directory / "storage"
    conf = directory / "registry.yml"
    conf.write_text(
        "version: 0.1\n"
        "log: {level: info}\n"
        f"storage: {{filesystem: {{rootdirectory: {storage}}}, delete: {{enabled: true}}}}\n"
        # The kernel chooses a free port; the log says which.
        f"http: {{addr: '127.0.0.1:0', secret: x{_tls(tls)}}}\n{_login(directory, asks_for_login)}"
    )
    log = directory / "registry.log"
    with _running(["docker-registry", "serve", conf], log=log) as process:
        _wait_for(process, lambda: _listening_address(log), log=log)
        yield RegistryServer(_listening_address(log), storage, process)


def _tls(pair: Pair | None) -> str:
    return f", tls: {{certificate: {pair.certificate}, key: {pair.key}}}" if pair else ""


def _login(directory: Path, asks: bool) -> str:
    if not asks:
        return ""
    path = directory / "htpasswd"
    path.write_text(HTPASSWD)
    return f"auth: {{htpasswd: {{realm: tests, path: {path}}}}}\n"


@contextmanager
def running_postgres(directory: Path) -> Iterator[PostgresServer]:
    """Run a private cluster in *directory*, which becomes the user postgres's own."""
    programs = find_postgres_directory()
    assert programs, "PostgreSQL's server programs are not installed"
    owner = pwd.getpwnam("postgres")
    os.chown(directory, owner.pw_uid, owner.pw_gid)
    as_postgres = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups", "--"]
    data = directory / "data"
    init = ["-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync", "--locale=C"]
    subprocess.run(
        [*as_postgres, programs / "initdb", *init], check=True, cwd=directory, capture_output=True
    )
    log = directory / "postgres.log"
    settings = ["-c", "listen_addresses=", "-c", "fsync=off", "-k", directory]
    serve = [*as_postgres, programs / "postgres", "-D", data, *settings]
    with _running(serve, log=log, directory=directory) as process:
        _wait_for(process, lambda: "ready to accept connections" in log.read_text(), log=log)
        yield PostgresServer(directory, process)


@contextmanager
def _running(
    argv: Sequence[str | Path],
    *,
    log: Path,
    directory: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=directory,
            env=environment,
        )
    try:
        yield process
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    # A test may have killed or paused it already; both end here.
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_for(
    process: subprocess.Popen[bytes], is_ready: Callable[[], object], *, log: Path
) -> None:
    try:
        wait_until(lambda: is_ready() or process.poll() is not None, what=str(process.args))
    except NeverReady as e:
        raise NeverReady(f"{e}\n{log.read_text()}") from None
    if process.poll() is not None:
        raise NeverReady(f"{process.args} ended with {process.returncode}\n{log.read_text()}")


def _listening_address(log: Path) -> str:
    found = re.search(r"listening on (127\.0\.0\.1:\d+)", log.read_text())
    return found.group(1) if found else ""


@contextmanager
def _server_directory() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="ship-"))
    try:
        yield path
    finally:
        shutil.rmtree(path)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """One private Redis for the whole run; a test that kills Redis takes `running_redis`."""
    with _server_directory() as directory, running_redis(directory) as server:
        yield server


@pytest.fixture(scope="session")
def registry_server() -> Iterator[RegistryServer]:
    """One real registry for the whole run; use a repository name of your own."""
    with _server_directory() as directory, running_registry(directory) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One private PostgreSQL cluster for the whole run."""
    with _server_directory() as directory, running_postgres(directory) as server:
        yield server
