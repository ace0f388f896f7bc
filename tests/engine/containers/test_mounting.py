"""Which mounts a container has, and that real ones are where they should be."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.containers.containers import IfRunning
from engine.containers.mounting import resolve_mounts, spec_entry
from engine.errors import InvalidSetting, SourceNotFound, SubpathNotFound, VolumeInUse
from engine.settings.mounts import MountKind, MountPoint
from engine.volumes.volumes import VolumeSettings
from tests.support.containers import Yard, clear_away, real_yard

BIND, VOLUME, TMPFS = MountKind.BIND, MountKind.VOLUME, MountKind.TMPFS


class TestResolving:
    def test_a_place_of_the_image_gets_a_volume_without_a_name(self) -> None:
        assert resolve_mounts([], [], ["/data/", "/"]) == [MountPoint(VOLUME, "/data")]

    def test_what_is_asked_for_stands_above_what_others_have_and_the_image_wants(self) -> None:
        asked = MountPoint(BIND, "/data", source="/srv")
        inherited = [
            MountPoint(VOLUME, "/data", source="aa"),
            MountPoint(VOLUME, "/x", source="bb"),
        ]

        mounts = resolve_mounts([asked], inherited, ["/data", "/x"])

        assert mounts == [asked, inherited[1]]

    def test_a_place_in_memory_gets_no_volume(self) -> None:
        assert resolve_mounts([MountPoint(TMPFS, "/data")], [], ["/data"]) == []

    def test_outer_mounts_come_before_inner_ones(self) -> None:
        targets = ["/a/b/c", "/a", "/a/b"]
        mounts = resolve_mounts([MountPoint(VOLUME, each) for each in targets], [], [])

        assert [each.target for each in mounts] == ["/a", "/a/b", "/a/b/c"]

    def test_access_and_propagation_reach_the_spec(self) -> None:
        mount = MountPoint(BIND, "/x", source="/srv", read_only=True, propagation="rshared")

        assert spec_entry(mount, "/srv") == {
            "destination": "/x",
            "type": "bind",
            "source": "/srv",
            "options": ["rbind", "ro", "rshared"],
        }


class TestRecords:
    def test_an_image_may_say_anything_about_its_volumes(self, yard: Yard) -> None:
        assert yard.containers.mounts(yard.containers.create(yard.settings()).id) == []

    def test_a_missing_path_is_refused_unless_it_is_to_be_made(
        self, yard: Yard, tmp_path: Path
    ) -> None:
        missing = str(tmp_path / "missing")

        with pytest.raises(SourceNotFound, match="bind source path does not exist: "):
            yard.containers.create(yard.settings(mounts=(MountPoint(BIND, "/x", missing),)))
        assert yard.leftovers() == []
        made = MountPoint(BIND, "/x", missing, make_source=True)
        yard.containers.start(yard.containers.create(yard.settings(mounts=(made,))).id)
        assert Path(missing).is_dir()

    def test_volumes_of_another_container_are_taken_over(self, yard: Yard) -> None:
        mounts = (MountPoint(VOLUME, "/data", source="shared"), MountPoint(VOLUME, "/own"))
        yard.containers.create(yard.settings(name="first", mounts=mounts))

        second = yard.containers.create(yard.settings(volumes_from=("first:ro",)))

        inherited = yard.containers.mounts(second.id)
        assert [(each.target, each.read_only) for each in inherited] == [
            ("/data", True),
            ("/own", True),
        ]
        assert len(yard.means.volumes.holders("shared")) == 2
        with pytest.raises(InvalidSetting, match="invalid mode: wx"):
            yard.containers.create(yard.settings(volumes_from=("first:wx",)))

    def test_removal_takes_what_nobody_named_only_if_told_to(self, yard: Yard) -> None:
        mounts = (MountPoint(VOLUME, "/data", source="named"), MountPoint(VOLUME, "/own"))
        for name, with_volumes in (("one", False), ("two", True)):
            yard.containers.create(yard.settings(name=name, mounts=mounts))
            with pytest.raises(VolumeInUse):
                yard.means.volumes.remove("named")
            yard.containers.remove(name, with_volumes=with_volumes)

        left = yard.means.volumes.list()
        assert [each.is_anonymous for each in left].count(True) == 1
        assert yard.means.volumes.find("named") is not None


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Yard]:
    made = real_yard(tmp_path)
    yield made
    clear_away(made)


def output_of(yard: Yard, script: str, *mounts: MountPoint) -> str:
    """What a script prints in a container with *mounts*; the container is removed."""
    record = yard.containers.create(yard.settings("/bin/sh", "-c", script, mounts=mounts))
    yard.containers.start(record.id)
    yard.containers.wait(record.id)
    printed = "".join(f"{each.text}\n" for each in yard.containers.logs(record.id))
    yard.containers.remove(record.id, if_running=IfRunning.KILL)
    return printed.strip()


@pytest.mark.root
class TestReal:
    def test_a_volume_is_filled_from_the_image_and_lasts(self, real: Yard) -> None:
        mount = MountPoint(VOLUME, "/etc", source="config")

        assert "root:x:0" in output_of(real, "cat /etc/passwd; echo new > /etc/new", mount)
        assert "new" in output_of(real, "cat /etc/new", mount)
        elsewhere = MountPoint(VOLUME, "/mnt/there", source="config")
        assert "new" in output_of(real, "cat /mnt/there/new", elsewhere)

    def test_without_copying_it_is_empty(self, real: Yard) -> None:
        mount = MountPoint(VOLUME, "/etc", source="config", no_copy=True)

        assert "passwd" not in output_of(real, "ls /etc", mount)

    def test_read_only_is_read_only(self, real: Yard, tmp_path: Path) -> None:
        (tmp_path / "shown").mkdir()
        mount = MountPoint(BIND, "/x", str(tmp_path / "shown"), read_only=True)

        assert "Read-only file system" in output_of(real, "touch /x/file", mount)

    def test_a_file_of_the_host_can_be_shown(self, real: Yard, tmp_path: Path) -> None:
        (tmp_path / "note").write_text("text")

        mount = MountPoint(BIND, "/deep/down/note", str(tmp_path / "note"))
        assert output_of(real, "cat /deep/down/note", mount) == "text"

    def test_mounts_inside_mounts_are_both_seen(self, real: Yard, tmp_path: Path) -> None:
        (tmp_path / "outer").mkdir()
        inner = MountPoint(VOLUME, "/x/inner", source="inner")
        outer = MountPoint(BIND, "/x", str(tmp_path / "outer"))

        output_of(real, "touch /x/inner/in /x/out", inner, outer)
        assert (tmp_path / "outer/out").exists()
        assert [each.name for each in real.means.volumes.get("inner").mountpoint.iterdir()] == [
            "in"
        ]

    def test_a_link_in_the_image_does_not_lead_a_mount_outside(
        self, real: Yard, tmp_path: Path
    ) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "secret").write_text("host")
        mounts = (
            MountPoint(VOLUME, "/link/sub", source="sub"),
            MountPoint(VOLUME, "/up", source="up"),
            MountPoint(BIND, "/etc/hosts", "/dev/null"),
        )
        words = ("/bin/sh", "-c", "touch /link/sub/x /up/y; ls /link/sub /up")
        record = real.containers.create(real.settings(*words, mounts=mounts))
        upper = real.means.snapshotter.changes_directory(record.id)
        assert upper is not None
        (upper / "link").symlink_to(outside)
        (upper / "up").symlink_to(f"../../../../../..{outside}")
        (upper / "etc").mkdir()
        (upper / "etc/hosts").symlink_to(outside / "secret")
        real.containers.start(record.id)
        real.containers.wait(record.id)

        assert (real.means.volumes.get("sub").mountpoint / "x").exists()
        assert (real.means.volumes.get("up").mountpoint / "y").exists()
        assert (outside / "secret").read_text() == "host"
        assert real.means.mounter.list_mounts(outside) == []
        assert [each.name for each in outside.iterdir()] == ["secret"]

    def test_of_a_volume_only_a_part_is_shown_and_no_link_leads_out_of_it(
        self, real: Yard, tmp_path: Path
    ) -> None:
        data = real.means.volumes.create(VolumeSettings("data")).mountpoint
        (data / "part").mkdir()
        (data / "part/file").write_text("text")
        (data / "out").symlink_to(tmp_path)
        part, out = (
            MountPoint(VOLUME, "/x", source="data", subpath=each) for each in ("part", "out")
        )

        assert output_of(real, "cat /x/file; touch /x/new", part) == "text"
        assert (data / "part/new").exists()
        with pytest.raises(SubpathNotFound, match="volume data has no path out"):
            output_of(real, "ls /x", out)
        assert list(real.paths.pins.iterdir()) == []
        with pytest.raises(InvalidSetting, match="relative path within the volume"):
            MountPoint(VOLUME, "/x", source="data", subpath="../up")

    def test_a_volume_in_memory_is_one_for_all_who_run_with_it(self, real: Yard) -> None:
        options = {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}
        real.means.volumes.create(VolumeSettings("memory", options=options))
        mount = MountPoint(VOLUME, "/m", source="memory")
        holder = real.containers.create(real.settings("/bin/sleep", "100", mounts=(mount,)))
        real.containers.start(holder.id)

        output_of(real, "echo here > /m/file", mount)
        assert output_of(real, "cat /m/file", mount) == "here"
        real.containers.remove(holder.id, if_running=IfRunning.KILL)
        place = real.means.volumes.get("memory").mountpoint
        assert real.means.mounter.list_mounts(place) == []
