from __future__ import annotations

import gzip
import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
import zstandard

from engine.errors import CorruptStore, ImageNotFound
from engine.images.save import ArchiveForm
from engine.oci.digest import Digest
from engine.oci.manifest import parse_manifest
from engine.oci.media_types import Compression
from tests.engine.images.test_load import DOCKER_25, FORMS, IMAGE, NAME, load
from tests.support.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.system.paths import EnginePaths
    from tests.support.registry import FakeRegistry


@pytest.fixture
def elsewhere(paths: EnginePaths) -> Iterator[World]:
    world = World(type(paths)(paths.root.with_name("root2"), paths.run.with_name("run2")))
    yield world
    world.close()


def save(world: World, *references: str, **options: Any) -> bytes:
    out = io.BytesIO()
    world.saver().save(references, out, **options)
    return out.getvalue()


def members_of(content: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        found = ((each.name, tar.extractfile(each)) for each in tar if each.isfile())
        return {name: stream.read() for name, stream in found if stream}


@pytest.mark.parametrize("form", ArchiveForm)
def test_what_was_saved_is_loaded_elsewhere(
    world: World, elsewhere: World, form: ArchiveForm
) -> None:
    image = world.add(b"lower", b"upper", tags=(NAME, "team/web:2", "else:1"))

    ids, names = load(elsewhere, save(world, NAME, "else:1", form=form))

    assert (ids, names) == ([str(image.id)], [NAME, "else:1"])
    copy = elsewhere.images.get(NAME)
    assert [layer.chain_id for layer in copy.layers] == [each.chain_id for each in image.layers]


def test_an_image_is_saved_as_the_registry_has_it(
    world: World, elsewhere: World, registry: FakeRegistry
) -> None:
    load(world, FORMS["oci-by-containerd"])

    saved = save(world, NAME)
    load(elsewhere, saved)

    assert elsewhere.images.get(NAME).manifest_digest == IMAGE.digest
    assert f"blobs/sha256/{Digest.of(IMAGE.layers[0]).hex}" in members_of(saved)


@pytest.mark.parametrize(
    ("references", "names"),
    [
        pytest.param(("team/web:1",), ["team/web:1"], id="one-tag"),
        pytest.param(("team/web",), ["team/web:1", "team/web:2"], id="a-repository"),
        pytest.param(("ID",), [], id="an-id"),
        pytest.param(("ID", "team/web:2"), ["team/web:2"], id="id-and-tag"),
        pytest.param(("team/web:2", "team/web:1"), ["team/web:2", "team/web:1"], id="in-order"),
    ],
)
def test_only_the_names_that_were_asked_for_are_kept(
    world: World, references: tuple[str, ...], names: list[str]
) -> None:
    image = world.add(b"lower", tags=("team/web:1", "team/web:2", "team/web-else:1"))
    given = [image.id.short if each == "ID" else each for each in references]

    saved = json.loads(members_of(save(world, *given))["manifest.json"])

    assert saved[0]["RepoTags"] == (names or None)


def test_images_that_share_layers_share_them_in_the_archive(world: World) -> None:
    world.add(b"base", b"one", tags=("one:1",))
    world.add(b"base", b"two", tags=("two:1",))

    members = members_of(save(world, "one:1", "two:1"))

    assert sum(content == b"base" for content in members.values()) == 1
    index = parse_manifest(members["index.json"])
    entries = json.loads(members["index.json"])["manifests"]
    assert index.media_type.endswith("index.v1+json")
    # One tag for two images would name neither.
    assert [each["annotations"]["org.opencontainers.image.ref.name"] for each in entries] == [
        "docker.io/library/one:1",
        "docker.io/library/two:1",
    ]


def test_an_oci_layout_holds_nothing_of_dockers(world: World) -> None:
    world.add(b"lower", tags=(NAME,))

    members = members_of(save(world, NAME, form=ArchiveForm.OCI))

    assert {name for name in members if "/" not in name} == {"oci-layout", "index.json"}


def test_repositories_names_the_topmost_layer(world: World) -> None:
    world.add(b"lower", b"upper", tags=(NAME,))

    members = members_of(save(world, NAME))

    assert json.loads(members["repositories"]) == {"team/web": {"1": Digest.of(b"upper").hex}}


@pytest.mark.parametrize(
    ("compression", "unpacked"),
    [
        (Compression.GZIP, gzip.decompress),
        (Compression.ZSTD, lambda c: zstandard.ZstdDecompressor().stream_reader(c).read()),
    ],
    ids=["gzip", "zstd"],
)
def test_an_archive_can_be_packed(world: World, compression: Compression, unpacked: Any) -> None:
    world.add(b"lower", tags=(NAME,))

    packed = save(world, NAME, compression=compression)

    assert unpacked(packed) == save(world, NAME)


def test_an_unknown_image_is_told_before_anything_is_written(world: World) -> None:
    world.add(b"lower", tags=(NAME,))
    out = io.BytesIO()

    with pytest.raises(ImageNotFound):
        world.saver().save([NAME, "nobody/nothing:1"], out)

    assert out.getvalue() == b""


def test_a_layer_that_is_not_what_was_recorded_ends_the_archive(world: World) -> None:
    image = world.add(b"lower", tags=(NAME,))
    world.layers.tars[image.layers[0].diff_id] = b"longer than it was"

    with pytest.raises(CorruptStore):
        save(world, NAME)


def test_what_docker_wrote_is_saved_with_the_same_layers(world: World) -> None:
    load(world, DOCKER_25)

    saved = members_of(save(world, NAME))

    wanted = {name for name in DOCKER_25 if name.startswith("blobs/")}
    assert wanted <= set(saved)
