"""
Pushing and copying with real registries, and what other programs make of the result.

Images come from programs that know nothing of us (buildah, skopeo), and skopeo and umoci look at
what we put into the registry.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from engine.engine import Engine
from engine.errors import AuthenticationFailed
from engine.oci import media_types
from engine.oci.platform import Platform
from engine.registry.credentials import Credentials
from engine.system.paths import EnginePaths
from tests.support.buildah import Buildah
from tests.support.builders import directory, file, layer_tar, whiteout
from tests.support.certificates import Authority
from tests.support.images import PackedImage, pack_image, pack_index
from tests.support.registry import FakeRegistry, serving
from tests.support.services import ANA, SECRET, running_registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.services import RegistryServer

pytestmark = [pytest.mark.root, pytest.mark.registry]

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64", "v8")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with Engine.open(EnginePaths(tmp_path / "root", tmp_path / "run")) as engine:
        yield engine


@pytest.fixture
def other(tmp_path: Path) -> Iterator[RegistryServer]:
    (tmp_path / "other").mkdir()
    with running_registry(tmp_path / "other") as other:
        yield other


def run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def inspected(reference: str, *, raw: bool = False) -> str:
    options = ["--raw"] if raw else ["--format", "{{.Digest}}"]
    name = f"docker://{reference}"
    return run("skopeo", "inspect", "--no-tags", "--tls-verify=false", *options, name).strip()


def test_an_image_of_buildah_goes_to_another_registry_unchanged(
    engine: Engine, registry_server: RegistryServer, other: RegistryServer, tmp_path: Path
) -> None:
    source = registry_server.reference("push/web")
    target = other.reference("team/web", "2")
    Buildah(tmp_path / "buildah").push_image(source, command="true", files={"/etc/motd": "hi"})
    pulled = engine.images.pull(source)
    engine.images.tag(source, target)

    pushed = engine.images.push(target)

    assert str(pushed.digest) == inspected(source) == inspected(target)
    assert pushed.digest == pulled.digest
    layout = tmp_path / "layout"
    copied = ("skopeo", "copy", "--insecure-policy", "--src-tls-verify=false")
    run(*copied, f"docker://{target}", f"oci:{layout}:web")
    run("umoci", "unpack", "--image", f"{layout}:web", str(tmp_path / "bundle"))
    assert (tmp_path / "bundle/rootfs/etc/motd").read_text() == "hi"


def test_pushing_to_another_repository_of_the_same_registry_mounts_the_layers(
    engine: Engine, registry_server: RegistryServer, tmp_path: Path
) -> None:
    source, target = (registry_server.reference(f"push/{each}") for each in ("from", "to"))
    Buildah(tmp_path / "buildah").push_image(source, command="true")
    engine.images.pull(source)
    engine.images.tag(source, target)

    pushed = engine.images.push(target)

    assert inspected(target) == inspected(source)
    # The layers were mounted: only the config may have travelled.
    assert pushed.sent_bytes < 10_000


def test_an_index_of_several_platforms_is_copied_whole(
    engine: Engine, registry_server: RegistryServer, other: RegistryServer
) -> None:
    shared = layer_tar(directory("etc"), file("etc/data", os.urandom(1_000_000)))
    images = [
        pack_image(shared, layer_tar(whiteout("etc/data")), platform=each)
        for each in (AMD64, ARM64)
    ]
    source = registry_server.reference("copy/multi")
    with serving(FakeRegistry()) as maker:
        name = maker.put_index("multi", pack_index(*images), *images)
        options = ("--all", "--insecure-policy", "--src-tls-verify=false")
        target = ("--dest-tls-verify=false", f"docker://{source}")
        run("skopeo", "copy", *options, f"docker://{name}", *target)

    copied = engine.images.copy(source, other.reference("mirror/multi"))

    assert inspected(source, raw=True) == inspected(other.reference("mirror/multi"), raw=True)
    listed = engine.registries.inspect(other.reference("mirror/multi"))
    assert listed.platforms == (AMD64, ARM64)
    assert listed.descriptor.digest == copied.digest
    for each in images:
        digest = f"{other.host}/mirror/multi@{each.digest}"
        assert json.loads(inspected(digest, raw=True))["layers"]
    assert engine.images.copy(source, other.reference("mirror/multi")).sent_bytes == 0


def test_an_index_of_buildah_is_copied_whole(
    engine: Engine, registry_server: RegistryServer, other: RegistryServer, tmp_path: Path
) -> None:
    buildah = Buildah(tmp_path / "buildah")
    buildah.push_image(registry_server.reference("copy/one"), command="true")
    source = registry_server.reference("copy/list")
    buildah.push_index(source, registry_server.reference("copy/one"))

    copied = engine.images.copy(source, other.reference("mirror/list"))

    assert json.loads(inspected(source, raw=True))["mediaType"] in media_types.INDEXES
    assert inspected(source, raw=True) == inspected(other.reference("mirror/list"), raw=True)
    assert copied.blobs >= 2


def test_lists_of_a_real_registry_are_read(
    engine: Engine, registry_server: RegistryServer, tmp_path: Path
) -> None:
    names = [registry_server.reference("list/web", tag) for tag in ("1", "2")]
    Buildah(tmp_path / "buildah").push_image(names[0], command="true")
    engine.images.copy(names[0], names[1])

    assert engine.registries.list_tags(names[0]) == ["1", "2"]
    assert "list/web" in engine.registries.list_repositories(registry_server.host)
    found = engine.registries.search("list/w", registry=registry_server.host)
    assert [each.name for each in found] == ["list/web"]
    assert engine.registries.list_referrers(names[0]) == []
    engine.registries.check(registry_server.host)


def test_a_registry_with_its_own_authority_and_logins_is_spoken_to(
    engine: Engine, registry_server: RegistryServer, tmp_path: Path
) -> None:
    authority, place = Authority(tmp_path), tmp_path / "closed"
    place.mkdir()
    source = registry_server.reference("push/closed")
    Buildah(tmp_path / "buildah").push_image(source, command="true")
    with running_registry(place, tls=authority.issue("server"), asks_for_login=True) as closed:
        trusted = engine.paths.certificates / closed.host
        trusted.mkdir(parents=True)
        shutil.copy(authority.certificate, trusted)
        target = closed.reference("team/web")

        copied = engine.images.copy(source, target, target_credentials=Credentials(ANA, SECRET))
        with pytest.raises(AuthenticationFailed):
            engine.registries.inspect(target)
        with pytest.raises(AuthenticationFailed):
            engine.registries.check(closed.host, credentials=Credentials(ANA, "wrong"))
        found = engine.registries.inspect(target, credentials=Credentials(ANA, SECRET))

    assert found.descriptor.digest == copied.digest


def test_what_refers_to_an_image_comes_along_between_real_registries(
    engine: Engine, registry_server: RegistryServer, other: RegistryServer
) -> None:
    image = pack_image(b"x" * 1024)
    with serving(FakeRegistry()) as maker:
        source = maker.put_image("web", image)
        put_signature(maker, "web", image)
        middle = registry_server.reference("refer/web")
        engine.images.copy(source, middle, with_referrers=True)

    copied = engine.images.copy(middle, other.reference("mirror/web"), with_referrers=True)

    assert copied.referrers == 1
    listed = engine.registries.list_referrers(other.reference("mirror/web"))
    assert [each.artifact_type for each in listed] == ["application/vnd.example.signature"]


def put_signature(registry: FakeRegistry, name: str, image: PackedImage) -> None:
    config = registry.put_blob(b"{}")
    empty = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": str(config), "size": 2}
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_MANIFEST,
        "artifactType": "application/vnd.example.signature",
        "config": empty,
        "layers": [empty],
        "subject": {
            "mediaType": image.media_type,
            "digest": str(image.digest),
            "size": len(image.manifest),
        },
    }
    content = json.dumps(document).encode()
    registry.put_manifest(name, content, media_types.OCI_MANIFEST, tag="signature")


def test_an_image_that_was_made_here_is_pushed_under_one_digest_each_time(
    engine: Engine, registry_server: RegistryServer, other: RegistryServer, tmp_path: Path
) -> None:
    image = engine.images.make_starter()
    names = [registry_server.reference("push/starter"), other.reference("team/starter")]
    for name in names:
        engine.images.tag(str(image.id), name)

    digests = {str(engine.images.push(name).digest) for name in names}

    assert digests == {inspected(name) for name in names}
    with Engine.open(EnginePaths(tmp_path / "second", tmp_path / "run2")) as second:
        pulled = second.images.pull(names[1])
        assert pulled.image.id == image.id
        assert [each.diff_id for each in pulled.image.layers] == [
            each.diff_id for each in image.layers
        ]
