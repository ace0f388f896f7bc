"""Archives between us and the other engines: what one saves the other loads, with the same IDs."""

from __future__ import annotations

import tarfile
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.engine import Engine
from engine.images.save import ArchiveForm
from engine.oci.digest import Digest
from engine.system.mounter import LinuxMounter
from engine.system.paths import EnginePaths
from tests.support.builders import (
    character_device,
    directory,
    file,
    hardlink,
    layer_tar,
    symlink,
    whiteout,
    with_xattrs,
)
from tests.support.images import pack_image
from tests.support.peers import needs, podman_in, run, running_dockerd
from tests.support.registry import FakeRegistry, serving
from tests.support.trees import facts_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.images.record import ImageRecord
    from tests.support.peers import Peer
    from tests.support.trees import Facts

pytestmark = pytest.mark.root

NAME = "team/web:1"
BASE = layer_tar(
    directory("bin", mode=0o2755, uid=3),
    file("bin/tool", b"#!/bin/sh\n" * 1000, mode=0o4755, mtime=1_600_000_000),
    # Some apply what the entry of a link says to its file, so it says the same.
    hardlink("bin/other", "bin/tool", mode=0o4755, mtime=1_600_000_000),
    file("etc/old", b"old"),
    symlink("etc/link", "../bin/tool"),
    character_device("dev/null", 1, 3),
    file("etc/motd", b"welcome\n", uid=1000, gid=100),
)
TOP = layer_tar(
    file("etc/motd", b"changed\n"), whiteout("etc/old"), with_xattrs(file("new"), **{"user.a": "b"})
)


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ar-") as directory:
        yield Path(directory)


@pytest.fixture(scope="module")
def engine(place: Path) -> Iterator[Engine]:
    with Engine.open(EnginePaths(place / "r", place / "v")) as engine:
        yield engine


@pytest.fixture(scope="module")
def dockerd(place: Path) -> Iterator[Peer]:
    needs("dockerd")
    needs("docker")
    with running_dockerd(place / "docker") as peer:
        yield peer


@pytest.fixture(scope="module")
def podman(place: Path) -> Iterator[Peer]:
    needs("podman")
    peer = podman_in(place / "podman")
    yield peer
    peer("rmi", "--all", "--force")


@pytest.fixture(params=["pulled", "imported"])
def image(engine: Engine, request: pytest.FixtureRequest) -> ImageRecord:
    """An image whose layers came packed, and one that came as a plain tar."""
    if request.param == "imported":
        with tempfile.TemporaryFile() as tar:
            tar.write(BASE)
            tar.seek(0)
            return engine.images.import_tar(tar, reference=NAME, changes=["CMD true"])
    with serving(FakeRegistry()) as registry:
        reference = registry.put_image("team/web", pack_image(BASE, TOP), tag="1")
        engine.images.pull(reference)
        return engine.images.tag(str(reference), NAME)


@contextmanager
def shown(engine: Engine, image: ImageRecord, place: Path) -> Iterator[Path]:
    """Mount the files of *image*."""
    snapshotter = engine._ground.snapshotter
    target = Path(tempfile.mkdtemp(dir=place))
    mounts = snapshotter.view("look", parent=image.layers[-1].chain_id)
    try:
        with LinuxMounter().mounted(mounts, target) as mounted:
            yield mounted
    finally:
        snapshotter.remove("look")


def saved(engine: Engine, place: Path, form: ArchiveForm = ArchiveForm.DOCKER) -> Path:
    path = place / f"{form.value}.tar"
    with path.open("wb") as out:
        engine.images.save([NAME], out, form=form)
    return path


def comparable(facts: Facts) -> Facts:
    """Return *facts* without what a container always has, and what `docker export` leaves out."""
    own = (b".dockerenv", b"dev", b"proc", b"sys", b"run", b"etc/hosts", b"etc/hostname")
    more = (*own, b"etc/resolv.conf", b"etc/mtab")
    return {
        path: fact[:-1]
        for path, fact in facts.items()
        if not path.startswith(more) and path != b"etc"
    }


@pytest.mark.parametrize("peer", ["dockerd", "podman"])
def test_others_load_what_we_save(
    engine: Engine, image: ImageRecord, place: Path, peer: str, request: pytest.FixtureRequest
) -> None:
    other: Peer = request.getfixturevalue(peer)

    said = other("load", "-i", str(saved(engine, place)))

    assert NAME in said
    name = NAME if peer == "dockerd" else f"docker.io/{NAME}"
    assert other.image_id(name) == str(image.id)
    tree = other.tree(name, place / f"{peer}-{image.id.short}")
    with shown(engine, image, place) as ours:
        assert comparable(facts_of(tree)) == comparable(facts_of(ours))


def test_podman_loads_an_oci_layout(
    engine: Engine, image: ImageRecord, place: Path, podman: Peer
) -> None:
    podman("load", "-i", str(saved(engine, place, ArchiveForm.OCI)))

    assert podman.image_id(f"docker.io/{NAME}") == str(image.id)


def test_skopeo_and_umoci_read_what_we_save(
    engine: Engine, image: ImageRecord, place: Path
) -> None:
    needs("skopeo")
    needs("umoci")
    archive = saved(engine, place, ArchiveForm.OCI)
    layout, bundle = place / f"layout-{image.id.short}", place / f"bundle-{image.id.short}"

    run("skopeo", "inspect", f"oci-archive:{archive}:1")
    policy = ("--insecure-policy", "-q")
    run("skopeo", "copy", *policy, f"docker-archive:{saved(engine, place)}", f"oci:{layout}:x")
    layout.mkdir(exist_ok=True)
    run("tar", "-xf", str(archive), "-C", str(layout))
    run("umoci", "unpack", "--image", f"{layout}:1", str(bundle))

    with shown(engine, image, place) as ours:
        assert facts_of(bundle / "rootfs") == facts_of(ours)


@pytest.mark.parametrize("peer", ["dockerd", "podman"])
def test_we_load_what_others_save(
    engine: Engine, place: Path, peer: str, request: pytest.FixtureRequest
) -> None:
    other: Peer = request.getfixturevalue(peer)
    source = place / f"{peer}.source"
    source.write_bytes(layer_tar(file("from", peer.encode()), symlink("to", "from")))
    other("import", str(source), f"localhost/of-{peer}:1")
    archive = place / f"of-{peer}.tar"
    other("save", "-o", str(archive), f"localhost/of-{peer}:1")

    with archive.open("rb") as stream:
        loaded = engine.images.load(stream)

    assert [name.familiar for name in loaded.names] == [f"localhost/of-{peer}:1"]
    assert str(loaded.images[0].id) == other.image_id(f"localhost/of-{peer}:1")
    with shown(engine, loaded.images[0], place) as ours:
        assert (ours / "from").read_text() == peer
        assert (ours / "to").readlink() == Path("from")


def test_we_load_what_buildah_and_skopeo_write(engine: Engine, place: Path, podman: Peer) -> None:
    source = place / "oci.source"
    source.write_bytes(layer_tar(file("hello", b"there")))
    podman("import", str(source), "localhost/of-oci:1")
    archive = place / "of-oci.tar"
    podman("save", "--format", "oci-archive", "-o", str(archive), "localhost/of-oci:1")

    with archive.open("rb") as stream:
        loaded = engine.images.load(stream)

    image = loaded.images[0]
    assert str(image.id) == podman.image_id("localhost/of-oci:1")
    assert image.manifest_digest is not None
    # What came packed goes on packed, so its digest stays.
    again = saved_layers(engine, place, "localhost/of-oci:1")
    assert again == [layer.digest for layer in image.layers]


def saved_layers(engine: Engine, place: Path, name: str) -> list[Digest]:
    path = place / "again.tar"
    with path.open("wb") as out:
        engine.images.save([name], out)
    with tarfile.open(path) as tar:
        stored = [each.name for each in tar if each.name.startswith("blobs/sha256/")]
    return [Digest(stored[-1].rpartition("/")[2])]
