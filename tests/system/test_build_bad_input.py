"""What a build is given that cannot be built: clear errors, and nothing left but cache."""

from __future__ import annotations

import hashlib
import io
import socket
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from engine.build.context import DirectoryContext
from engine.build.intake import context_of_tar
from engine.build.remote import parse_git
from engine.build.request import BuildRequest
from engine.engine import Engine
from engine.errors import (
    DockerfileError,
    EngineError,
    LimitExceeded,
    OutOfSpace,
    UnsafePath,
)
from engine.layers.limits import Limits
from engine.oci.reference import Reference
from engine.progress import Cancellation, Cancelled
from engine.system.paths import EnginePaths
from tests.support.disks import make_disk, mounted_disk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.build.recording import Built

pytestmark = pytest.mark.root
STARTER = "shipshape/starter"


@pytest.fixture
def engine(short_path: Path) -> Iterator[Engine]:
    with Engine.open(EnginePaths(short_path / "root", short_path / "run")) as opened:
        yield opened


def build(engine: Engine, context: Path, text: str, **options: object) -> Built:
    request = BuildRequest(network="none", **options)  # type: ignore[arg-type]
    return engine.builds.build(request, DirectoryContext(context, text.encode()))


def left(engine: Engine) -> list[str]:
    keys = [s.key for s in engine._ground.snapshotter.iter_snapshots() if s.kind != "committed"]
    places = (engine.paths.builds, engine.paths.containers)
    return keys + [str(each) for place in places if place.exists() for each in place.iterdir()]


@pytest.mark.parametrize("source", ["out", "out/passwd", "up/up/etc/passwd", "../outside"])
def test_links_do_not_climb_out_of_a_context(engine: Engine, tmp_path: Path, source: str) -> None:
    context, outside = tmp_path / "context", tmp_path / "outside"
    context.mkdir()
    outside.mkdir()
    (outside / "passwd").write_text("secret")
    (context / "out").symlink_to(outside)
    (context / "up").symlink_to("..")

    with pytest.raises((DockerfileError, UnsafePath)):
        build(engine, context, f"FROM scratch\nCOPY {source} /x")
    assert left(engine) == []


def test_a_context_over_the_cap_is_refused(engine: Engine) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        entry = tarfile.TarInfo("large")
        entry.size = 1 << 20
        tar.addfile(entry, io.BytesIO(bytes(1 << 20)))
    stream.seek(0)
    limits = Limits(unpacked_bytes=1 << 19, file_bytes=1 << 30)

    with (
        pytest.raises(LimitExceeded, match="the build context"),
        context_of_tar(engine.builds._parts.places, stream, limits=limits),
    ):
        pass
    assert left(engine) == []


@pytest.mark.parametrize(
    "step", ["COPY large /large", "RUN dd if=/dev/zero of=/large bs=1M count=60"]
)
def test_a_full_disk_is_told_and_leaves_nothing(
    short_path: Path, tmp_path: Path, step: str
) -> None:
    with (tmp_path / "large").open("wb") as large:
        for _ in range(60):
            large.write(b"x" * (1 << 20))
    disk = make_disk(tmp_path / "disk", megabytes=48)
    with (
        mounted_disk(disk, short_path / "disk") as place,
        Engine.open(EnginePaths(place / "root", short_path / "run")) as engine,
    ):
        engine.images.make_starter()
        with pytest.raises((OutOfSpace, EngineError)) as caught:
            build(engine, tmp_path, f"FROM {STARTER}\n{step}", tags=(Reference.parse("app"),))

        assert "space" in f"{caught.value.message} {getattr(caught.value, 'tail', '')}".lower()
        assert engine.images.find("app") is None
        assert left(engine) == []


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "served").mkdir()
    handler = partial(_Quiet, directory=str(tmp_path / "served"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_file_behind_a_url_is_added_if_it_is_the_right_one(
    engine: Engine, tmp_path: Path, url: str
) -> None:
    content = b"served\n"
    (tmp_path / "served" / "f").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()

    built = build(engine, tmp_path, f"FROM scratch\nADD --checksum=sha256:{digest} {url}/f /x")
    engine.builds.write_files(built.image, tmp_path / "out")

    assert (tmp_path / "out/x").read_bytes() == content
    for flags, path in ((f"--checksum=sha256:{'0' * 64}", "f"), ("", "missing")):
        with pytest.raises(EngineError):
            build(engine, tmp_path, f"FROM scratch\nADD {flags} {url}/{path} /x")
        assert left(engine) == []


@pytest.fixture
def silent_host() -> Iterator[socket.socket]:
    """A host that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(30)
        yield server


def test_a_git_repository_that_does_not_come_is_no_longer_waited_for(
    engine: Engine, tmp_path: Path, silent_host: socket.socket
) -> None:
    url = f"git://127.0.0.1:{silent_host.getsockname()[1]}/x.git"

    def as_context(cancellation: Cancellation) -> None:
        with engine.builds.context_of_git(parse_git(url), cancellation=cancellation):
            pass

    def as_source(cancellation: Cancellation) -> None:
        context = DirectoryContext(tmp_path, f"FROM scratch\nADD {url} /x".encode())
        engine.builds.build(BuildRequest(), context, cancellation=cancellation)

    for work in (as_context, as_source):
        cancellation = Cancellation()
        with ThreadPoolExecutor(1) as pool:
            outcome = pool.submit(work, cancellation)
            connection, _ = silent_host.accept()
            with connection:
                cancellation.cancel()
                with pytest.raises(Cancelled):
                    outcome.result(30)
        assert left(engine) == []
