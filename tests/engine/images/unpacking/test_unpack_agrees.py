"""The two snapshotters agree with each other, and with what umoci makes of the same image."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvalidInput
from engine.images.unpack import Unpacker
from engine.snapshots.native import NativeSnapshotter
from engine.snapshots.overlay import OverlaySnapshotter
from engine.snapshots.store import SCHEMA
from engine.system.database import Database
from engine.system.locks import Locks
from engine.system.mounter import LinuxMounter
from engine.system.paths import EnginePaths
from engine.system.removal import remove_tree
from tests.support.builders import (
    BuiltImage,
    Item,
    built_image,
    built_layer,
    character_device,
    directory,
    fifo,
    file,
    hardlink,
    opaque,
    symlink,
    whiteout,
    with_xattrs,
)
from tests.support.fakes import FakeStore
from tests.support.layers import packed_blob
from tests.support.trees import Facts, facts_of

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.root
# Where among the facts of a file stands how many names it has.
LINKS = 4
Snapshotters = type[OverlaySnapshotter] | type[NativeSnapshotter]


def unpacked(image: BuiltImage, kind: Snapshotters, place: Path) -> Facts:
    paths = EnginePaths(place / "root", place / "run")
    paths.ensure()
    store = FakeStore()
    (place / "target").mkdir()
    with closing(Database(paths.database, [SCHEMA])) as database:
        snapshotter = kind(paths.snapshots, database, trash=paths.trash)
        unpacker = Unpacker(snapshotter, Locks(paths.locks))
        parents = [None, *image.chain_ids]
        staged = [
            unpacker.stage_packed(
                packed_blob(store, layer.descriptor),
                diff_id=layer.diff_id,
                chain_id=own,
                parent=parent,
            )
            for layer, own, parent in zip(image.layers, image.chain_ids, parents, strict=False)
            if store.put(layer.blob)
        ]
        unpacker.commit(staged)
        mounts = snapshotter.view("look", parent=image.chain_ids[-1])
        with LinuxMounter().mounted(mounts, place / "target") as target:
            return facts_of(target)


# --- each other

paths = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join)
contents = st.binary(max_size=20)
items = st.one_of(
    st.builds(file, paths, contents, mode=st.sampled_from([0o600, 0o755, 0o4755])),
    st.builds(directory, paths, mode=st.sampled_from([0o700, 0o755, 0o1777]), uid=st.just(5)),
    st.builds(whiteout, paths),
    st.builds(opaque, paths),
    st.builds(symlink, paths, st.sampled_from(["a", "b/c", "nowhere"])),
    st.builds(hardlink, paths, paths),
)
stacks = st.lists(st.lists(items, max_size=6), min_size=1, max_size=4)


@pytest.mark.timeout(300)
@settings(max_examples=40, deadline=None)
@given(stacks)
def test_overlayfs_and_copies_show_the_same(stack: list[list[Item]]) -> None:
    image = built_image(*[built_layer(*layer) for layer in stack])

    assert _outcome(image, OverlaySnapshotter) == _outcome(image, NativeSnapshotter)


def _without_links(facts: Facts) -> Facts:
    """Return *facts* without numbers of links: overlayfs counts names that a layer above hid."""
    return {path: told[:LINKS] + told[LINKS + 1 :] for path, told in facts.items()}


def _outcome(image: BuiltImage, kind: Snapshotters) -> Facts | str:
    place = Path(tempfile.mkdtemp(prefix="ship-"))
    try:
        return _without_links(unpacked(image, kind, place))
    except InvalidInput as error:
        return error.message
    finally:
        remove_tree(place)


# --- umoci


@pytest.fixture
def tricky() -> BuiltImage:
    base = built_layer(
        directory("./", mode=0o755),
        directory("a", mode=0o1777, uid=7),
        directory("a/b", mode=0o700, gid=8),
        file("a/b/old", b"1"),
        file("a/x", b"text", mode=0o600, uid=4),
        directory("gone"),
        file("gone/f", b"1"),
        directory("emptied"),
        file("emptied/old", b"1"),
        file("becomes-directory", b"1"),
        directory("becomes-file"),
        file("becomes-file/x", b"1"),
        symlink("link", "a/b"),
        character_device("null", 1, 3),
        fifo("fifo"),
        file("1969", mtime=-5),
        file("setuid", b"1", mode=0o6755),
        with_xattrs(file("noted", b"1"), user__note="n"),
        file("removed-and-back", b"1"),
        file("n" * 200, b"1"),
    )
    changed = built_layer(
        whiteout("gone"),
        file("a/b/new", b"2"),
        hardlink("y", "a/x"),
        directory("emptied"),
        opaque("emptied"),
        file("emptied/new", b"2"),
        directory("becomes-directory"),
        file("becomes-directory/x", b"2"),
        file("becomes-file", b"2"),
        whiteout("removed-and-back"),
    )
    again = built_layer(
        file("removed-and-back", b"3"),
        hardlink("z", "y"),
        directory("gone", mode=0o711),
        file("a/x", b"changed", uid=9),
        whiteout("a/b"),
    )
    return built_image(base, changed, again, built_layer(), built_layer(file("a/b/c/d", b"5")))


@pytest.mark.skipif(shutil.which("umoci") is None, reason="umoci is not installed")
@pytest.mark.parametrize("kind", [OverlaySnapshotter, NativeSnapshotter])
def test_umoci_makes_the_same_of_a_tricky_image(
    tricky: BuiltImage, kind: Snapshotters, tmp_path: Path
) -> None:
    layout = write_layout(tricky, tmp_path / "layout")
    bundle = tmp_path / "bundle"
    subprocess.run(["umoci", "unpack", "--image", f"{layout}:tag", bundle], check=True)

    (tmp_path / "ours").mkdir()
    assert unpacked(tricky, kind, tmp_path / "ours") == facts_of(bundle / "rootfs")


def write_layout(image: BuiltImage, place: Path) -> Path:
    (place / "blobs/sha256").mkdir(parents=True)
    for digest, content in image.blobs.items():
        (place / "blobs/sha256" / digest.hex).write_bytes(content)
    (place / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (place / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [_tag(image)]}))
    return place


def _tag(image: BuiltImage) -> dict[str, object]:
    return {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": str(image.manifest_digest),
        "size": len(image.manifest),
        "annotations": {"org.opencontainers.image.ref.name": "tag"},
    }


@pytest.fixture(autouse=True)
def _nothing_stays_mounted(tmp_path: Path) -> Iterator[None]:
    yield
    assert LinuxMounter().list_mounts(tmp_path) == []
