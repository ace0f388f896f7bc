"""Each damage, made by hand, is found; what can be repaired is, and the rest says why not."""

from __future__ import annotations

import io
import os
import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest

from engine.check.findings import Damage
from engine.engine import Engine
from engine.oci.digest import Digest
from engine.settings import ContainerSettings
from engine.system.overlayfs import make_whiteout
from engine.system.paths import EnginePaths
from engine.volumes.settings import VolumeSettings
from tests.support.builders import directory, file, hardlink, layer_tar, symlink, whiteout
from tests.support.images import pack_image
from tests.support.registry import FakeRegistry, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from engine.check.findings import Finding
    from engine.images.record import ImageRecord

pytestmark = pytest.mark.root

BASE = layer_tar(
    directory("bin"),
    file("bin/tool", b"#!/bin/sh\n" * 100, mode=0o755),
    directory("etc"),
    file("etc/motd", b"welcome\n"),
    file("etc/old", b"old\n"),
    symlink("etc/link", "motd"),
    hardlink("etc/motd2", "etc/motd"),
)
TOP = layer_tar(file("etc/motd", b"changed\n"), whiteout("etc/old"), file("new", b"new"))


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with serving(FakeRegistry()) as registry:
        yield registry


@pytest.fixture
def engine(short_path: Path) -> Iterator[Engine]:
    with Engine.open(EnginePaths(short_path / "root", short_path / "run")) as engine:
        yield engine


@pytest.fixture
def pulled(engine: Engine, registry: FakeRegistry) -> ImageRecord:
    """An image whose layers can be fetched again."""
    return engine.images.pull(registry.put_image("team/web", pack_image(BASE, TOP))).image


@pytest.fixture
def imported(engine: Engine) -> ImageRecord:
    """An image that came as a plain tar, so that there is a recipe and no archive."""
    return engine.images.import_tar(io.BytesIO(BASE), reference="team/made:1")


def check(engine: Engine, *, repair: bool = False) -> list[Finding]:
    return list(engine.check(repair=repair).findings)


def damages(engine: Engine) -> list[Damage]:
    return [each.damage for each in check(engine)]


def files_of(engine: Engine, image: ImageRecord, position: int = 0) -> Path:
    return engine._ground.snapshotter.own_directory(image.layers[position].chain_id)


def notes_of(engine: Engine, image: ImageRecord) -> Path:
    return engine._ground.snapshotter.notes(str(image.layers[0].chain_id))


def blob(engine: Engine, digest: Digest) -> Path:
    return engine.paths.content / "blobs/sha256" / digest.hex


def test_what_is_whole_is_clean(engine: Engine, pulled: ImageRecord, imported: ImageRecord) -> None:
    report = engine.check()

    assert report.is_clean
    assert (report.images, report.layers, report.blobs) == (2, 2, 5)


def test_layers_that_are_kept_merged_are_looked_at_too(
    short_path: Path, registry: FakeRegistry
) -> None:
    paths = EnginePaths(short_path / "native", short_path / "native-run")
    paths.ensure()
    paths.snapshotter_note.write_text("native")
    with Engine.open(paths) as engine:
        image = engine.images.pull(registry.put_image("team/web", pack_image(TOP, BASE))).image
        assert check(engine) == []

        (files_of(engine, image, 1) / "bin/tool").chmod(0o600)

        assert "mode 600, not 755" in check(engine)[0].detail
        assert check(engine, repair=True)[0].is_repaired
        assert check(engine) == []


def in_place_of(path: Path, content: bytes) -> None:
    status = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def other_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("elsewhere")


def no_directory(path: Path) -> None:
    shutil.rmtree(path)
    path.write_bytes(b"")


LAYER_DAMAGES: dict[str, tuple[int, Callable[[Path], object], str]] = {
    "missing": (0, lambda root: (root / "bin/tool").unlink(), "/bin/tool is missing"),
    "other-content": (
        0,
        lambda root: in_place_of(root / "etc/old", b"new\n"),
        "/etc/old has other",
    ),
    "longer": (0, lambda root: in_place_of(root / "etc/old", b"longer\n"), "7 bytes, not 4"),
    "other-mode": (0, lambda root: (root / "bin/tool").chmod(0o4755), "mode 4755, not 755"),
    "other-owner": (0, lambda root: os.chown(root / "bin/tool", 7, 8), "belongs to 7:8, not 0:0"),
    "other-link": (0, lambda root: other_link(root / "etc/link"), "points elsewhere"),
    "other-kind": (0, lambda root: no_directory(root / "bin"), "/bin should be a directory"),
    "extra-file": (0, lambda root: (root / "etc/extra").touch(), "/etc/extra is not of this layer"),
    "extra-directory": (0, lambda root: (root / "more").mkdir(), "/more is not of this layer"),
    "no-whiteout": (1, lambda root: (root / "etc/old").unlink(), "/etc/old is missing"),
    "extra-whiteout": (1, lambda root: make_whiteout(os.fsencode(root / "bin")), "/bin is not of"),
}


@pytest.mark.parametrize(("position", "damage", "words"), LAYER_DAMAGES.values(), ids=LAYER_DAMAGES)
def test_a_damaged_layer_is_unpacked_again_from_its_archive(
    engine: Engine,
    pulled: ImageRecord,
    position: int,
    damage: Callable[[Path], object],
    words: str,
) -> None:
    damage(files_of(engine, pulled, position))

    (found,) = check(engine)
    assert found.damage is Damage.LAYER_CHANGED
    assert found.subject == str(pulled.layers[position].chain_id)
    assert words in found.detail

    (repaired,) = check(engine, repair=True)
    assert repaired.is_repaired
    assert "archive" in repaired.outcome
    assert check(engine) == []


def test_what_stands_on_a_restored_layer_goes_on(engine: Engine, pulled: ImageRecord) -> None:
    container = engine.containers.create(ContainerSettings(image=str(pulled.id)))
    (files_of(engine, pulled) / "bin/tool").unlink()

    check(engine, repair=True)

    snapshotter = engine._ground.snapshotter
    assert (files_of(engine, pulled) / "bin/tool").exists()
    assert str(snapshotter.get(container.id).parent) == str(pulled.layers[1].chain_id)
    assert len(snapshotter.layer_directories(pulled.layers[1].chain_id)) == 2
    assert check(engine) == []


def test_a_layer_with_a_recipe_lets_its_metadata_be_put_right(
    engine: Engine, imported: ImageRecord
) -> None:
    (files_of(engine, imported) / "bin/tool").chmod(0o600)

    (repaired,) = check(engine, repair=True)

    assert "recipe" in repaired.outcome
    assert check(engine) == []


def test_content_that_was_only_in_the_layer_cannot_be_brought_back(
    engine: Engine, imported: ImageRecord
) -> None:
    (files_of(engine, imported) / "bin/tool").unlink()

    (found,) = check(engine, repair=True)

    assert not found.is_repaired
    assert found.outcome.startswith("cannot be repaired")
    assert damages(engine) == [Damage.LAYER_CHANGED]


@pytest.mark.parametrize("damage", [lambda p: p.unlink(), lambda p: p.write_bytes(b"nothing")])
def test_a_lost_or_damaged_index_is_written_again(
    engine: Engine,
    registry: FakeRegistry,
    monkeypatch: pytest.MonkeyPatch,
    damage: Callable[[Path], object],
) -> None:
    monkeypatch.setattr("engine.snapshots.notes.LARGEST", 0)
    large = engine.images.pull(registry.put_image("team/large", pack_image(BASE, TOP))).image
    damage(notes_of(engine, large) / "index")

    assert damages(engine) == [Damage.INDEX_MISSING]
    assert check(engine, repair=True)[0].is_repaired
    assert check(engine) == []


@pytest.mark.parametrize("change", ["content = x'00'", "name = 'lost'"])
def test_a_lost_or_damaged_index_among_the_records_is_written_again(
    engine: Engine, pulled: ImageRecord, change: str
) -> None:
    chain_id = str(pulled.layers[0].chain_id)
    with engine._ground.database.write() as transaction:
        transaction.execute(
            f"UPDATE snapshot_notes SET {change} WHERE name = 'index'"
            " AND id = (SELECT id FROM snapshots WHERE key = ?)",
            (chain_id,),
        )

    assert damages(engine) == [Damage.INDEX_MISSING]
    assert check(engine, repair=True)[0].is_repaired
    assert check(engine) == []


def test_a_layer_whose_directory_is_gone_comes_back(engine: Engine, pulled: ImageRecord) -> None:
    shutil.rmtree(notes_of(engine, pulled))

    assert damages(engine) == [Damage.LAYER_MISSING]
    assert check(engine, repair=True)[0].is_repaired
    assert check(engine) == []


def test_blobs_are_fetched_again_by_their_digest(
    engine: Engine, pulled: ImageRecord, registry: FakeRegistry
) -> None:
    assert pulled.manifest_digest
    blob(engine, pulled.layers[0].digest).unlink()
    blob(engine, pulled.manifest_digest).write_bytes(b"{}")
    blob(engine, pulled.id).write_bytes(b"[]")

    assert sorted(damages(engine)) == [Damage.BLOB_CHANGED] * 2 + [Damage.BLOB_MISSING]
    outcomes = {each.subject: each.outcome for each in check(engine, repair=True)}

    fetched = f"fetched again from {registry.host}/team/web"
    assert outcomes[str(pulled.layers[0].digest)] == fetched
    assert outcomes[str(pulled.manifest_digest)] == fetched
    assert outcomes[str(pulled.id)] == "written again from the record of the image"
    assert check(engine) == []


def test_a_blob_that_no_registry_has_any_more_says_so(
    engine: Engine, pulled: ImageRecord, registry: FakeRegistry
) -> None:
    blob(engine, pulled.layers[0].digest).unlink()
    registry.blobs.clear()

    (found,) = check(engine, repair=True)

    assert (found.damage, found.is_repaired) == (Damage.BLOB_MISSING, False)


def test_what_nobody_owns_goes(engine: Engine, pulled: ImageRecord) -> None:
    engine._ground.content.put(b"nobody's")
    stray = engine.paths.snapshots / "zzz"
    stray.mkdir()
    engine._ground.snapshotter.prepare("f" * 64, parent=pulled.layers[0].chain_id)

    assert sorted(damages(engine)) == sorted(
        [Damage.BLOB_UNOWNED, Damage.DIRECTORY_UNOWNED, Damage.CONTAINER_UNOWNED]
    )
    assert all(each.is_repaired for each in check(engine, repair=True))
    assert check(engine) == []
    assert not stray.exists()


def test_a_layer_that_no_image_lists_goes(engine: Engine, imported: ImageRecord) -> None:
    forget(engine, "DELETE FROM tags", "DELETE FROM images", "DELETE FROM layers")

    assert sorted(damages(engine)) == [Damage.BLOB_UNOWNED, Damage.LAYER_UNOWNED]
    assert all(each.is_repaired for each in check(engine, repair=True))
    assert check(engine) == []


def forget(engine: Engine, *statements: str) -> None:
    connection = sqlite3.connect(engine.paths.database)
    connection.execute("PRAGMA foreign_keys = ON")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE images SET config = x'7b7d'", "another image's"),
        ("DELETE FROM image_layers WHERE position = 1", "other layers than its config"),
    ],
)
def test_a_record_that_contradicts_its_config_is_told(
    engine: Engine, pulled: ImageRecord, statement: str, words: str
) -> None:
    forget(engine, statement)

    found = [each for each in check(engine, repair=True) if each.damage is Damage.RECORD_WRONG]

    assert [words in each.detail for each in found] == [True]
    assert [each.is_repaired for each in found] == [False]


def test_a_containers_directory_is_made_again(engine: Engine, pulled: ImageRecord) -> None:
    container = engine.containers.create(ContainerSettings(image=str(pulled.id)))
    shutil.rmtree(engine.paths.containers / container.id)

    (found,) = check(engine, repair=True)

    assert (found.damage, found.is_repaired) == (Damage.BUNDLE_MISSING, True)
    assert check(engine) == []


def test_what_a_container_wrote_cannot_be_brought_back(engine: Engine, pulled: ImageRecord) -> None:
    container = engine.containers.create(ContainerSettings(image=str(pulled.id)))
    engine._ground.snapshotter.remove(container.id)

    (found,) = check(engine, repair=True)

    assert (found.damage, found.is_repaired) == (Damage.SNAPSHOT_MISSING, False)


def test_a_container_on_other_layers_is_told(engine: Engine, pulled: ImageRecord) -> None:
    container = engine.containers.create(ContainerSettings(image=str(pulled.id)))
    engine._ground.snapshotter.remove(container.id)
    engine._ground.snapshotter.prepare(container.id, parent=pulled.layers[0].chain_id)

    assert damages(engine) == [Damage.SNAPSHOT_WRONG]


def test_what_is_being_pulled_is_left_alone(engine: Engine) -> None:
    with engine._ground.leases.held() as lease:
        lease.add(f"blob:{Digest.of(b'on its way')}")
        engine._ground.content.put(b"on its way")

        assert check(engine, repair=True) == []
    assert damages(engine) == [Damage.BLOB_UNOWNED]


def test_a_lost_volume_is_found_where_it_is_and_in_the_trash(engine: Engine) -> None:
    engine.volumes.create(VolumeSettings("whole"))
    lost = engine.volumes.create(VolumeSettings("lost"))
    engine.volumes.create(VolumeSettings("aside"))
    engine.cleanup.trash.put("volume:aside")
    options = {"type": "tmpfs", "device": "tmpfs"}
    engine.volumes.create(VolumeSettings("elsewhere", options=options))
    engine.cleanup.trash.put("volume:elsewhere")
    report = engine.check()
    assert (report.is_clean, report.volumes) == (True, 4)

    shutil.rmtree(lost.directory)
    (trashed,) = [each for each in engine.volumes.trash.list() if not each.record.options]
    shutil.rmtree(engine.volumes.trash.locate(trashed.id))

    found = check(engine, repair=True)
    assert [(each.damage, each.subject) for each in found] == [
        (Damage.VOLUME_MISSING, "lost"),
        (Damage.VOLUME_MISSING, "aside"),
    ]
    assert "trash" in found[1].detail
    assert {each.outcome for each in found} == {"cannot be repaired"}
