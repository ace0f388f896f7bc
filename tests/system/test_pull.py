"""Pulling from a real registry, of images that another program put there, onto real snapshots."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.content.local import LocalStore
from engine.errors import DigestMismatch, ImageNotFound
from engine.oci import media_types
from engine.oci.digest import Digest
from engine.oci.reference import Reference
from engine.system.paths import EnginePaths
from tests.support.builders import directory, file, layer_tar, symlink, whiteout
from tests.support.images import PackedImage, pack_image
from tests.support.registry import FakeRegistry, Reply, serving
from tests.support.world import Sink, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.services import RegistryServer

pytestmark = pytest.mark.root

BASE = layer_tar(
    directory("etc"),
    file("etc/motd", b"welcome\n"),
    file("etc/old", b"to be removed\n"),
    symlink("etc/link", "motd"),
)
TOP = layer_tar(file("large", os.urandom(3_000_000)), whiteout("etc/old"))


@pytest.fixture
def paths(tmp_path: Path) -> EnginePaths:
    return EnginePaths(tmp_path / "root", tmp_path / "run")


@pytest.fixture
def world(paths: EnginePaths) -> Iterator[World]:
    world = World(paths, on_disk=True)
    yield world
    world.close()


def write_layout(path: Path, image: PackedImage) -> None:
    """Write *image* as an OCI image layout, which other programs read."""
    blobs = path / "blobs/sha256"
    blobs.mkdir(parents=True)
    for content in (image.config, image.manifest, *image.layers):
        (blobs / Digest.of(content).hex).write_bytes(content)
    (path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    entry = {
        "mediaType": media_types.OCI_MANIFEST,
        "digest": str(image.digest),
        "size": len(image.manifest),
        "annotations": {"org.opencontainers.image.ref.name": "latest"},
    }
    (path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))


def skopeo_copy(source: str, reference: str, *options: str) -> None:
    subprocess.run(
        [
            *("skopeo", "copy", "--insecure-policy", "--dest-tls-verify=false", *options),
            *(source, f"docker://{reference}"),
        ],
        check=True,
        capture_output=True,
    )


def published(registry: RegistryServer, tmp_path: Path, name: str, *options: str) -> Reference:
    layout = tmp_path / "layout"
    write_layout(layout, pack_image(BASE, TOP, label=name))
    skopeo_copy(f"oci:{layout}:latest", registry.reference(name), *options)
    return Reference.parse(registry.reference(name))


@pytest.mark.registry
@pytest.mark.parametrize(
    "options",
    [
        pytest.param((), id="as-it-is"),
        pytest.param(("--format", "v2s2"), id="docker-manifest"),
        pytest.param(("--dest-compress-format", "zstd", "--format", "oci"), id="zstd"),
    ],
)
def test_what_another_program_pushed_is_pulled(
    world: World, registry_server: RegistryServer, tmp_path: Path, options: tuple[str, ...]
) -> None:
    reference = published(registry_server, tmp_path, "team/real", *options)

    pulled = world.puller.pull(reference, owner="ana")

    top, base = world.snapshotter.layer_directories(pulled.image.layers[-1].chain_id)
    assert (base / "etc/motd").read_bytes() == b"welcome\n"
    assert (base / "etc/link").readlink() == Path("motd")
    assert (top / "large").stat().st_size == 3_000_000
    assert (top / "etc/old").is_char_device()
    assert pulled.image.layers[1].size >= 3_000_000
    assert not world.puller.pull(reference).is_new


@pytest.mark.registry
def test_what_is_not_at_the_real_registry_is_not_found(
    world: World, registry_server: RegistryServer
) -> None:
    with pytest.raises(ImageNotFound):
        world.puller.pull(Reference.parse(registry_server.reference("team/nothing", "1")))


@pytest.mark.registry
def test_a_blob_that_rotted_at_the_real_registry_is_refused(
    world: World, registry_server: RegistryServer, tmp_path: Path
) -> None:
    reference = published(registry_server, tmp_path, "team/rotten")
    blob = max(
        (path for path in registry_server.storage.rglob("data") if _is_of(path, "team/rotten")),
        key=lambda path: path.stat().st_size,
    )
    whole = blob.read_bytes()
    blob.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        with pytest.raises(DigestMismatch):
            world.puller.pull(reference)
    finally:
        blob.write_bytes(whole)

    assert world.images.list_all() == []
    assert list(world.snapshotter.iter_snapshots()) == []
    assert world.store.blob_bytes() == 0


def _is_of(path: Path, name: str) -> bool:
    """Return whether the registry lists the blob at *path* as a layer of the repository *name*."""
    links = path.parents[4] / f"repositories/{name}/_layers/sha256"
    return (links / path.parent.name).exists()


def test_removing_what_was_pulled_frees_what_it_said(world: World) -> None:
    with serving(FakeRegistry()) as registry:
        reference = registry.put_image("team/web", pack_image(BASE, TOP))
        world.puller.pull(reference)
        world.transport.close()
    before = disk_usage(world.paths.root)

    removal = world.remover.remove(str(reference))

    assert len(removal.deleted) == 3
    assert list(world.paths.snapshots.iterdir()) == []
    assert list(world.paths.trash.iterdir()) == []
    after = disk_usage(world.paths.root)
    # The directories that held them count for nothing in the ledger.
    assert 0 <= before - after - removal.freed_bytes <= 64 * 1024


def disk_usage(path: Path) -> int:
    """Return the bytes below *path*, without the records."""
    files = [each for each in path.rglob("*") if not each.name.startswith("engine.db")]
    return sum(each.lstat().st_blocks * 512 for each in files)


KILLED_PULL = """
import sys
from pathlib import Path
from engine.oci.reference import Reference
from engine.system.paths import EnginePaths
from tests.support.world import World
class Sink:
    def emit(self, event):
        print(event, flush=True)
world = World(EnginePaths(Path(sys.argv[1]), Path(sys.argv[2])), on_disk=True)
world.puller.pull(Reference.parse(sys.argv[3]), progress=Sink())
"""


def start_pull(paths: EnginePaths, reference: Reference) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", KILLED_PULL, paths.root, paths.run, str(reference)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )


def kill_when_it_says(process: subprocess.Popen[str], *words: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if all(word in line for word in words):
            break
    else:
        pytest.fail("the pull ended before it could be killed")
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_a_pull_that_was_killed_shows_nothing_and_is_gone_on_from(paths: EnginePaths) -> None:
    image = pack_image(BASE, TOP)
    gate = threading.Event()
    large = image.layers[1]
    with serving(FakeRegistry()) as registry:
        reference = registry.put_image("team/web", image)
        registry.fail(str(Digest.of(large)), Reply(body=large, gate=gate))
        half = f"current={len(large) // 2},"

        kill_when_it_says(start_pull(paths, reference), half)
        gate.set()

        world = World(paths, on_disk=True)
        assert world.images.list_all() == []
        assert world.list_events() == []
        registry.received.clear()
        sink = Sink()
        pulled = world.puller.pull(reference, progress=sink)
        ranges = [each.headers.get("range") for each in registry.requests_for("/blobs/")]
        assert f"bytes={len(large) // 2}-" in ranges
        assert pulled.fetched_bytes < len(large)
        assert_nothing_else_is_here(world)
        world.close()


@pytest.mark.parametrize("status", ["EXTRACTING", "DOWNLOADED", "COMPLETE"])
def test_wherever_a_pull_is_killed_the_next_one_ends_well(paths: EnginePaths, status: str) -> None:
    with serving(FakeRegistry()) as registry:
        reference = registry.put_image("team/web", pack_image(BASE, TOP))

        kill_when_it_says(start_pull(paths, reference), f"LayerStatus.{status}")

        world = World(paths, on_disk=True)
        world.collector.sweep()
        sink = Sink()
        pulled = world.puller.pull(reference, progress=sink)
        assert world.images.get(str(reference)) == pulled.image
        assert_nothing_else_is_here(world)
        world.close()


def assert_nothing_else_is_here(world: World) -> None:
    """The root holds what the one image needs, and nothing besides."""
    (image,) = world.images.list_all()
    assert {each.key for each in world.snapshotter.iter_snapshots()} == {
        str(layer.chain_id) for layer in image.layers
    }
    assert len(list(world.paths.snapshots.iterdir())) == len(image.layers)
    assert isinstance(world.store, LocalStore)
    needed = {each.digest: each.size for each in image.documents}
    needed |= {each.digest: each.archive_bytes for each in image.layers}
    assert {blob.digest for blob in world.store.iter_blobs()} == set(needed)
    assert sum(needed.values()) == world.store.blob_bytes()
    with world.database.write() as transaction:
        assert world.leases.leased(transaction) == frozenset()
