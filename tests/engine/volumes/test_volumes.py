"""Volumes as records and directories."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine import events
from engine.errors import InvalidSetting, VolumeInUse, VolumeNotFound
from engine.events import EventLog
from engine.mount import Mount
from engine.system.clock import SYSTEM_CLOCK
from engine.system.database import Database
from engine.system.locks import Locks
from engine.system.paths import EnginePaths
from engine.volumes import schema
from engine.volumes.assembly import open_volumes
from engine.volumes.volumes import Volumes, VolumeSettings, volume_mount
from tests.support.fakes_snapshots import FakeMounter


@pytest.fixture
def paths(tmp_path: Path) -> EnginePaths:
    made = EnginePaths(tmp_path / "root", tmp_path / "run")
    made.ensure()
    return made


@pytest.fixture
def mounter() -> FakeMounter:
    return FakeMounter()


@pytest.fixture
def volumes(paths: EnginePaths, mounter: FakeMounter) -> Iterator[Volumes]:
    database = Database(paths.database, (events.SCHEMA, schema.SCHEMA))
    yield open_volumes(
        paths,
        database=database,
        events=EventLog(database, paths.events, SYSTEM_CLOCK),
        clock=SYSTEM_CLOCK,
        locks=Locks(paths.locks),
        mounter=mounter,
    )
    database.close()


def source(tmp_path: Path) -> Path:
    place = tmp_path / "image"
    place.mkdir(mode=0o750)
    place.chmod(0o750)
    (place / "file").write_text("text")
    (place / "link").symlink_to("file")
    os.setxattr(place / "file", "user.note", b"kept")
    return place


class TestCreating:
    def test_a_named_one_is_a_directory_and_a_record(self, volumes: Volumes) -> None:
        made = volumes.create(VolumeSettings("data", labels={"team": "a"}), owner="ana")

        assert made.mountpoint.is_dir()
        assert made.mountpoint.name == "_data"
        assert volumes.get("data") == made
        assert (made.owner, made.is_anonymous) == ("ana", False)

    def test_without_a_name_it_is_anonymous(self, volumes: Volumes) -> None:
        made = volumes.create(VolumeSettings())

        assert len(made.name) == 64
        assert made.is_anonymous

    def test_one_that_is_there_stays_as_it_is(self, volumes: Volumes) -> None:
        first = volumes.create(VolumeSettings("data"))
        (first.mountpoint / "file").touch()

        assert volumes.create(VolumeSettings("data", labels={"new": "1"})) == first
        assert (first.mountpoint / "file").exists()

    @pytest.mark.parametrize(
        ("field", "more"),
        [
            pytest.param("name", {"name": "../up"}, id="path"),
            pytest.param("name", {"name": "x"}, id="one-letter"),
            pytest.param("driver", {"driver": "nfs"}, id="driver"),
            pytest.param("options", {"options": {"size": "1"}}, id="unknown-option"),
            pytest.param("options", {"options": {"type": "tmpfs"}}, id="no-device"),
        ],
    )
    def test_what_breaks_a_rule_is_refused(self, field: str, more: dict[str, Any]) -> None:
        with pytest.raises(InvalidSetting) as refused:
            VolumeSettings(**{"name": "data", **more})

        assert refused.value.field == field


class TestRemoving:
    def test_record_and_data_go(self, volumes: Volumes, paths: EnginePaths) -> None:
        made = volumes.create(VolumeSettings("data"))
        (made.mountpoint / "file").write_bytes(bytes(100_000))

        assert volumes.remove("data") >= 100_000
        assert list(paths.volumes.iterdir()) == []
        assert list(paths.trash.iterdir()) == []
        with pytest.raises(VolumeNotFound, match="get data: no such volume"):
            volumes.remove("data")
        assert volumes.remove("data", force=True) == 0

    def test_it_is_refused_while_a_container_has_it(self, volumes: Volumes) -> None:
        volumes.create_for("c1", VolumeSettings("data"))
        volumes.create_for("c2", VolumeSettings("data"))

        with pytest.raises(VolumeInUse) as refused:
            volumes.remove("data", force=True)
        assert refused.value.message == "remove data: volume is in use - [c1, c2]"

    def test_prune_takes_what_nobody_named(self, volumes: Volumes) -> None:
        volumes.create(VolumeSettings("named"))
        volumes.create(VolumeSettings("kept", labels={"keep": "1"}))
        loose = volumes.create(VolumeSettings()).name
        volumes.create_for("c1", VolumeSettings())

        assert volumes.prune(until=datetime(2000, 1, 1, tzinfo=UTC)) == {}
        assert list(volumes.prune()) == [loose]
        assert list(volumes.prune(include_named=True, without_labels=["keep"])) == ["named"]
        assert list(volumes.prune(include_named=True, labels=["keep=1"])) == ["kept"]

    def test_a_container_takes_its_anonymous_ones_along_if_nobody_else_has_them(
        self, volumes: Volumes, paths: EnginePaths
    ) -> None:
        shared = volumes.create_for("c1", VolumeSettings()).name
        own = volumes.create_for("c1", VolumeSettings()).name
        volumes.create_for("c1", VolumeSettings("named"))
        volumes.create_for("c2", VolumeSettings(shared))

        gone = volumes.forget("c1", with_anonymous=True)
        volumes.discard(gone)

        assert {each.name for each in volumes.list()} == {shared, "named"}
        assert gone == [own]
        assert {each.name for each in paths.volumes.iterdir()} == {shared, "named"}
        assert volumes.holders(shared) == ("c2",)


class TestFilling:
    def test_an_empty_one_gets_all_with_owners_and_modes(
        self, volumes: Volumes, tmp_path: Path
    ) -> None:
        made = volumes.create_for("c1", VolumeSettings("data"))

        volumes.fill("data", source(tmp_path))

        assert (made.mountpoint / "link").readlink() == Path("file")
        assert os.getxattr(made.mountpoint / "file", "user.note") == b"kept"
        assert made.mountpoint.stat().st_mode & 0o777 == 0o750
        assert [each.name for each in made.directory.iterdir()] == ["_data"]

    def test_one_that_has_something_stays(self, volumes: Volumes, tmp_path: Path) -> None:
        made = volumes.create(VolumeSettings("data"))
        (made.mountpoint / "mine").touch()

        volumes.fill("data", source(tmp_path))

        assert [each.name for each in made.mountpoint.iterdir()] == ["mine"]

    def test_one_that_others_have_is_filled_in_its_place(
        self, volumes: Volumes, tmp_path: Path
    ) -> None:
        made = volumes.create_for("c1", VolumeSettings("data"))
        volumes.create_for("c2", VolumeSettings("data"))
        before = made.mountpoint.stat().st_ino

        volumes.fill("data", source(tmp_path))

        assert made.mountpoint.stat().st_ino == before
        assert (made.mountpoint / "file").read_text() == "text"


OPTIONS = {"type": "tmpfs", "device": "tmpfs", "o": "size=1m,uid=1000"}


class TestFileSystems:
    def test_it_is_mounted_while_somebody_runs_with_it(
        self, volumes: Volumes, mounter: FakeMounter
    ) -> None:
        made = volumes.create_for("c1", VolumeSettings("data", options=OPTIONS))
        volumes.create_for("c2", VolumeSettings("data"))

        for container_id in ("c1", "c2"):
            volumes.mount("data", container_id)
        volumes.unmount("c1")
        assert mounter.list_mounts(made.mountpoint) == [made.mountpoint]
        volumes.unmount("c2")
        assert mounter.list_mounts(made.mountpoint) == []

    def test_options_are_those_of_mount(self) -> None:
        assert volume_mount(VolumeSettings("data", options=OPTIONS)) == Mount(
            "tmpfs", "tmpfs", ("size=1m", "uid=1000")
        )
        bound = VolumeSettings("data", options={"type": "none", "o": "bind", "device": "/srv"})
        assert volume_mount(bound) == Mount("bind", "/srv", ("bind",))


class TestSweeping:
    def test_what_no_record_names_goes(self, volumes: Volumes, paths: EnginePaths) -> None:
        volumes.create(VolumeSettings("data"))
        (paths.volumes / "stray/_data").mkdir(parents=True)

        volumes.sweep(set(), set())

        assert [each.name for each in paths.volumes.iterdir()] == ["data"]

    def test_uses_of_containers_that_are_gone_are_forgotten(self, volumes: Volumes) -> None:
        volumes.create_for("gone", VolumeSettings("data"))
        volumes.create_for("here", VolumeSettings("data"))

        volumes.sweep({"here"}, volumes.users())

        assert volumes.holders("data") == ("here",)

    def test_what_was_left_of_a_removal_is_not_found_again(
        self, volumes: Volumes, paths: EnginePaths
    ) -> None:
        (paths.volumes / "data/_data").mkdir(parents=True)
        (paths.volumes / "data/_data/old").touch()

        made = volumes.create(VolumeSettings("data"))

        assert list(made.mountpoint.iterdir()) == []


def test_its_size_is_what_its_removal_frees(volumes: Volumes) -> None:
    volume = volumes.create(VolumeSettings("db"))
    (volume.mountpoint / "file").write_bytes(bytes(100_000))

    size = volumes.size("db")

    assert size > 100_000
    assert volumes.remove("db") == size
