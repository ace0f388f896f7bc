"""Images that umoci made, of files of this host and of tricky changes, unpacked as it does."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from engine.images.unpack import Unpacker
from engine.oci.identity import chain_ids
from engine.snapshots.native import NativeSnapshotter
from engine.snapshots.overlay import OverlaySnapshotter
from engine.snapshots.store import SCHEMA
from engine.system.database import Database
from engine.system.locks import Locks
from engine.system.mounter import LinuxMounter
from engine.system.paths import EnginePaths
from tests.support.builders import layer_of
from tests.support.fakes import FakeStore
from tests.support.layers import packed_blob
from tests.support.random_trees import described

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.builders import BuiltLayer
    from tests.support.random_trees import Facts

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(shutil.which("umoci") is None, reason="umoci is not installed"),
]
CAPABILITY = b"\1\0\0\2" + bytes([0, 4, 0, 0]) + bytes(12)


def umoci(*words: object) -> None:
    subprocess.run(["umoci", *map(str, words)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A layout of three layers: host files, tricky additions, and their removal."""
    place = tmp_path_factory.mktemp("umoci")
    layout = place / "layout"
    umoci("init", "--layout", layout)
    umoci("new", "--image", f"{layout}:t")
    umoci("insert", "--image", f"{layout}:t", "/etc", "/etc")
    for number, alter in enumerate((add_tricky_things, take_things_away)):
        bundle = place / f"bundle-{number}"
        umoci("unpack", "--image", f"{layout}:t", bundle)
        alter(bundle / "rootfs")
        umoci("repack", "--image", f"{layout}:t", bundle)
        shutil.rmtree(bundle)
    return layout


def add_tricky_things(root: Path) -> None:
    new = root / "new"
    new.mkdir(mode=0o1777)
    (new / ("long" * 50)).write_text("a long name")
    (new / "target").write_text("linked")
    os.link(new / "target", new / "hard")
    (new / "soft").symlink_to("/new/target")
    os.mknod(new / "null", 0o20666, os.makedev(1, 3))
    os.mkfifo(new / "fifo")
    with (new / "sparse").open("wb") as stream:
        stream.truncate(8 << 20)
        stream.seek(5 << 20)
        stream.write(b"in the middle")
    (new / "ping").write_text("able")
    os.setxattr(new / "ping", "security.capability", CAPABILITY)
    os.setxattr(new / "ping", "user.note", b"n")
    (new / "owned").write_text("x")
    os.chown(new / "owned", 70_000, 4_000_000)
    (new / "owned").chmod(0o4750)
    for name, when in (("old", -86_400), ("future", 5_000_000_000)):
        (new / name).write_text(name)
        os.utime(new / name, (when, when))
    (root / "etc/passwd").write_text("changed\n")


def take_things_away(root: Path) -> None:
    (root / "new/target").unlink()
    shutil.rmtree(root / "etc/alternatives", ignore_errors=True)
    (root / "new/owned").unlink()
    (root / "new/owned").mkdir()
    (root / "new/owned/inside").write_text("a file became a directory")


def layers_of(layout: Path) -> list[BuiltLayer]:
    (found,) = json.loads((layout / "index.json").read_text())["manifests"]
    manifest = json.loads(_blob(layout, found["digest"]))
    return [layer_of(gzip.decompress(_blob(layout, each["digest"]))) for each in manifest["layers"]]


def _blob(layout: Path, digest: str) -> bytes:
    return (layout / "blobs" / digest.replace(":", "/")).read_bytes()


def unpacked(
    layers: list[BuiltLayer],
    kind: type[OverlaySnapshotter | NativeSnapshotter],
    place: Path,
) -> dict[bytes, Facts]:
    paths = EnginePaths(place / "root", place / "run")
    paths.ensure()
    (place / "target").mkdir()
    database, store = Database(paths.database, [SCHEMA]), FakeStore()
    try:
        snapshotter = kind(paths.snapshots, database, trash=paths.trash)
        unpacker = Unpacker(snapshotter, Locks(paths.locks))
        chains, staged = chain_ids([layer.diff_id for layer in layers]), []
        for layer, chain, parent in zip(layers, chains, (None, *chains), strict=False):
            store.put(layer.blob)
            packed = packed_blob(store, layer.descriptor)
            staged.append(
                unpacker.stage_packed(packed, diff_id=layer.diff_id, chain_id=chain, parent=parent)
            )
        unpacker.commit(staged)
        mounts = snapshotter.view("look", parent=chains[-1])
        with LinuxMounter().mounted(mounts, place / "target") as target:
            return _without_root(described(target))
    finally:
        database.close()


def _without_root(tree: dict[bytes, Facts]) -> dict[bytes, Facts]:
    # No layer of umoci says anything of the root.
    return {path: facts for path, facts in tree.items() if path != b"."}


@pytest.mark.parametrize("kind", [OverlaySnapshotter, NativeSnapshotter])
def test_what_umoci_made_is_unpacked_as_umoci_does(
    layout: Path, kind: type[OverlaySnapshotter | NativeSnapshotter], tmp_path: Path
) -> None:
    umoci("unpack", "--image", f"{layout}:t", tmp_path / "bundle")
    theirs = _without_root(described(tmp_path / "bundle/rootfs"))

    ours = unpacked(layers_of(layout), kind, tmp_path)

    assert len(ours) > 100
    assert ours.keys() == theirs.keys()
    assert {path: ours[path] for path in ours if ours[path] != theirs[path]} == {}
