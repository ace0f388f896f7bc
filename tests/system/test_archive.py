"""Copying files into and out of containers of the real kernel, and how that could go wrong."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
import tarfile
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from engine.errors import (
    CannotOverwrite,
    ContainerNotFound,
    EngineError,
    InvalidInput,
    InvalidSetting,
    NotADirectory,
    PathNotFound,
    ReadOnlyPath,
    UnsafePath,
)
from engine.settings import ExecSettings
from engine.settings.mounts import MountKind, MountPoint
from tests.system.test_containers import finished, sleeping
from tests.system.test_exec import run_in

if TYPE_CHECKING:
    from pathlib import Path

    from engine.containers.record import ContainerRecord
    from tests.support.containers import Yard

pytestmark = pytest.mark.root


def names(yard: Yard, record: ContainerRecord, path: str) -> list[str]:
    return sorted(each.name for each in members(yard, record, path))


def members(yard: Yard, record: ContainerRecord, path: str) -> list[tarfile.TarInfo]:
    _, pieces = yard.containers.read_archive(record.id, path)
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as tar:
        return tar.getmembers()


def content(yard: Yard, record: ContainerRecord, path: str) -> bytes:
    _, pieces = yard.containers.read_archive(record.id, path)
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as tar:
        file = tar.extractfile(tar.getmembers()[0])
        assert file
        return file.read()


def tar_of(*entries: tuple[str, bytes | None], **more: object) -> io.BytesIO:
    """A tar of files, and of directories where the content is None."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, body in entries:
            info = tarfile.TarInfo(name)
            info.type = tarfile.REGTYPE if body is not None else tarfile.DIRTYPE
            info.size, info.mode, info.mtime = len(body or b""), 0o640, 1000
            for key, value in more.items():
                setattr(info, key, value)
            tar.addfile(info, io.BytesIO(body or b""))
    stream.seek(0)
    return stream


def link_tar(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> io.BytesIO:
    return tar_of((name, b""), type=kind, linkname=target, size=0)


@pytest.fixture(params=["running", "stopped"])
def record(yard: Yard, request: pytest.FixtureRequest) -> ContainerRecord:
    script = (
        "mkdir -p /d/sub; echo one > /d/one; echo two > /d/sub/two; ln -s one /d/link;"
        "ln -s /d /where; ln -s ../../../../etc/passwd /d/up; ln /d/one /d/hard; mkfifo /d/fifo"
    )
    if request.param == "stopped":
        return finished(yard, script)
    made = sleeping(yard)
    assert run_in(yard, made, script)[1] == 0
    return made


class TestReading:
    def test_a_directory_comes_whole_below_its_name(
        self, yard: Yard, record: ContainerRecord
    ) -> None:
        found = {each.name: each for each in members(yard, record, "/d")}

        assert sorted(found) == [
            "d", "d/fifo", "d/hard", "d/link", "d/one", "d/sub", "d/sub/two", "d/up",
        ]  # fmt: skip
        assert found["d/link"].linkname == "one"
        assert found["d/one"].islnk()
        assert found["d/one"].linkname == "d/hard"
        assert found["d/fifo"].isfifo()

    def test_files_and_links_come_by_name(self, yard: Yard, record: ContainerRecord) -> None:
        assert content(yard, record, "/d/one") == b"one\n"
        assert content(yard, record, "d/../d/sub/two") == b"two\n"
        assert names(yard, record, "/where") == ["where"]
        assert "where/one" in names(yard, record, "/where/")
        assert "where/one" in names(yard, record, "/where/.")
        assert content(yard, record, "/where/one") == b"one\n"

    def test_a_path_is_told(self, yard: Yard, record: ContainerRecord) -> None:
        directory = yard.containers.stat_path(record.id, "/d/")
        assert (directory.name, directory.is_directory) == ("d", True)
        link = yard.containers.stat_path(record.id, "/d/link")
        assert stat.S_ISLNK(link.mode)
        assert link.link_target == "/d/one"
        up = yard.containers.stat_path(record.id, "/d/up")
        assert up.link_target == "/etc/passwd"
        assert yard.containers.stat_path(record.id, "/").name == "/"
        assert yard.containers.stat_path(record.id, "/d/one").size == 4

    @pytest.mark.parametrize(
        ("path", "error"),
        [
            ("/nope", PathNotFound),
            ("/d/one/", NotADirectory),
            ("/d/one/x", NotADirectory),
            ("a\0b", InvalidSetting),
            ("", InvalidSetting),
            ("x" * 5000, EngineError),
        ],
    )
    def test_what_is_not_there_is_refused(
        self, yard: Yard, record: ContainerRecord, path: str, error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            yard.containers.read_archive(record.id, path)
        with pytest.raises(error):
            yard.containers.stat_path(record.id, path)

    def test_leaving_early_leaves_nothing(self, yard: Yard, record: ContainerRecord) -> None:
        _, pieces = yard.containers.read_archive(record.id, "/")
        next(pieces)
        pieces.close()  # type: ignore[attr-defined]

        if not record.is_running:
            assert yard.leftovers(records=1) == []

    def test_the_root_comes_without_what_the_kernel_makes_up(
        self, yard: Yard, record: ContainerRecord
    ) -> None:
        found = names(yard, record, "/")

        assert any(each.endswith("d/one") for each in found)
        assert not any("proc/1" in each or "sys/kernel" in each for each in found)

    def test_an_export_is_the_whole_file_system(self, yard: Yard, record: ContainerRecord) -> None:
        with tarfile.open(fileobj=io.BytesIO(b"".join(yard.containers.export(record.id)))) as tar:
            found = tar.getnames()

        assert {"bin/busybox", "d/sub/two", "etc/passwd", "proc"} <= set(found)
        assert not any(each.startswith("proc/") for each in found)


class TestWriting:
    def test_files_come_with_owner_mode_and_time(self, yard: Yard, record: ContainerRecord) -> None:
        stream = tar_of(("new", b"hello"), ("deep/er/file", b"x"), ("made", None), uid=12, gid=34)
        yard.containers.write_archive(record.id, "/d/sub", stream)

        (new,) = members(yard, record, "/d/sub/new")
        assert (new.uid, new.gid, new.mode, new.mtime) == (12, 34, 0o640, 1000)
        assert content(yard, record, "/d/sub/new") == b"hello"
        assert content(yard, record, "/where/sub/deep/er/file") == b"x"
        assert yard.containers.stat_path(record.id, "/d/sub/made").mtime_ns == 1000 * 10**9

    @pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
    def test_a_packed_tar_is_unpacked(self, yard: Yard, record: ContainerRecord, pack) -> None:
        packed = io.BytesIO(pack(tar_of(("new", b"hello")).getvalue()))
        yard.containers.write_archive(record.id, "/d", packed)

        assert content(yard, record, "/d/new") == b"hello"

    def test_a_link_to_a_directory_is_followed_where_it_is_the_target(
        self, yard: Yard, record: ContainerRecord
    ) -> None:
        yard.containers.write_archive(record.id, "/where", tar_of(("new", b"hello")))

        assert content(yard, record, "/d/new") == b"hello"

    def test_kinds_stay_if_that_is_asked_for(self, yard: Yard, record: ContainerRecord) -> None:
        for entry in [("sub", b"file"), ("one", None)]:
            with pytest.raises(CannotOverwrite, match="cannot overwrite"):
                yard.containers.write_archive(
                    record.id, "/d", tar_of(entry), allow_overwrite_dir_with_file=False
                )
        yard.containers.write_archive(record.id, "/d", tar_of(("sub", b"file"), ("one", None)))

        assert content(yard, record, "/d/sub") == b"file"
        assert yard.containers.stat_path(record.id, "/d/one").is_directory

    def test_everything_can_belong_to_the_containers_user(self, yard: Yard) -> None:
        record = finished(yard, "true", user="ana")
        yard.containers.write_archive(
            record.id, "/tmp", tar_of(("new", b""), uid=5, gid=5), copy_uid_gid=True
        )

        (new,) = members(yard, record, "/tmp/new")
        assert (new.uid, new.gid) == (1000, 1000)

    @pytest.mark.parametrize(
        ("path", "error"),
        [
            ("/d/one", NotADirectory),
            ("/nope", PathNotFound),
        ],
    )
    def test_only_a_directory_can_be_written_to(
        self, yard: Yard, record: ContainerRecord, path: str, error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            yard.containers.write_archive(record.id, path, tar_of(("new", b"")))

    @pytest.mark.parametrize("name", ["../x", "a/../../x", "a/../x"])
    def test_names_that_climb_are_refused(
        self, yard: Yard, record: ContainerRecord, name: str
    ) -> None:
        with pytest.raises(UnsafePath):
            yard.containers.write_archive(record.id, "/d", tar_of((name, b"")))

    def test_what_is_no_tar_is_refused(self, yard: Yard, record: ContainerRecord) -> None:
        for junk in (b"junk" * 1000, b"\x1f\x8b" + bytes(100), b"BZh9" + bytes(100)):
            with pytest.raises(InvalidInput):
                yard.containers.write_archive(record.id, "/d", io.BytesIO(junk))

    def test_a_read_only_root_is_not_written_to(self, yard: Yard) -> None:
        for made in (sleeping(yard, read_only=True), finished(yard, "true", read_only=True)):
            with pytest.raises(ReadOnlyPath, match="container rootfs is marked read-only"):
                yard.containers.write_archive(made.id, "/tmp", tar_of(("new", b"")))


class TestEscapes:
    def test_links_that_the_tar_brings_lead_nowhere_outside(
        self, yard: Yard, record: ContainerRecord, tmp_path: Path
    ) -> None:
        outside = str(tmp_path)
        yard.containers.write_archive(record.id, "/d", link_tar("evil", outside))
        with pytest.raises(EngineError):
            yard.containers.write_archive(record.id, "/d", tar_of(("evil/file", b"x")))
        with pytest.raises(EngineError):
            yard.containers.write_archive(record.id, "/d/evil", tar_of(("file", b"x")))
        for target in ("../../../../../../etc/shadow", "/etc/shadow", "evil/x"):
            with pytest.raises(EngineError):
                yard.containers.write_archive(
                    record.id, "/d", link_tar("hard2", target, tarfile.LNKTYPE)
                )
        assert list(tmp_path.iterdir()) == []

    def test_the_ways_of_proc_are_closed(self, yard: Yard) -> None:
        record = sleeping(yard)
        for path in ("/proc/self/root/etc", "/proc/1/root/", "/proc/1/cwd/", "/proc/self/fd/0"):
            with pytest.raises(EngineError):
                yard.containers.read_archive(record.id, path)
            with pytest.raises(EngineError):
                yard.containers.write_archive(record.id, path, tar_of(("file", b"x")))

    def test_somebody_who_swaps_links_all_the_time_gets_nothing(
        self, yard: Yard, tmp_path: Path
    ) -> None:
        secret = tmp_path / "secret"
        secret.write_text("secret")
        record = sleeping(yard)
        target = str(tmp_path)
        run_in(yard, record, f"mkdir -p /w/real /w/{target}; echo inside > /w/real/secret")
        swap = (
            "cd /w; while true; do rm -rf x; mkdir x; echo inside > x/secret; rm -rf x;"
            f" ln -s {target} x; done"
        )
        exec_id = yard.containers.exec_create(
            record.id, ExecSettings(command=("sh", "-c", swap))
        ).id
        yard.containers.exec_start(exec_id, detach=True)
        reads = [
            lambda: content(yard, record, "/w/x/secret"),
            lambda: content(yard, record, "/w/x/"),
        ]
        writes = [
            lambda: yard.containers.write_archive(record.id, "/w/x", tar_of(("evil", b"x"))),
            lambda: yard.containers.write_archive(record.id, "/w", tar_of(("x/evil", b"x"))),
        ]
        found = set()
        for _ in range(100):
            # What is replaced at that moment is missing, no file any more, or gone from the tar.
            with suppress(EngineError, AssertionError, IndexError):
                found.update(read() for read in reads)
            for write in writes:
                with suppress(EngineError):
                    write()
        assert found <= {b"inside\n", b""}
        assert [each.name for each in tmp_path.iterdir()] == ["secret"]
        assert secret.read_text() == "secret"


@pytest.mark.parametrize("state", ["created", "stopped", "running"])
def test_volumes_and_binds_are_seen_whether_it_runs_or_not(
    yard: Yard, tmp_path: Path, state: str
) -> None:
    (tmp_path / "there").write_text("bound\n")
    mounts = (
        MountPoint(MountKind.BIND, "/bound", str(tmp_path)),
        MountPoint(MountKind.BIND, "/read/only", str(tmp_path), read_only=True),
        MountPoint(MountKind.VOLUME, "/volume", "kept"),
    )
    record = yard.containers.create(yard.settings("/bin/sleep", "1000", mounts=mounts))
    if state != "created":
        yard.containers.start(record.id)
    if state == "stopped":
        yard.containers.kill(record.id)

    assert content(yard, record, "/bound/there") == b"bound\n"
    yard.containers.write_archive(record.id, "/bound", tar_of(("new", b"hello")))
    assert (tmp_path / "new").read_text() == "hello"
    yard.containers.write_archive(record.id, "/volume", tar_of(("new", b"hello")))
    assert content(yard, record, "/volume/new") == b"hello"
    with pytest.raises(ReadOnlyPath, match="mounted volume is marked read-only"):
        yard.containers.write_archive(record.id, "/read/only", tar_of(("x", b"")))
    if state != "running":
        assert yard.leftovers(records=1) == []


def test_what_does_not_exist_has_no_files(yard: Yard) -> None:
    with pytest.raises(ContainerNotFound):
        yard.containers.read_archive("nobody", "/")


def test_a_new_container_has_the_files_of_its_image(yard: Yard) -> None:
    record = yard.containers.create(yard.settings("/bin/cat", "/tmp/new"))
    yard.containers.write_archive(record.id, "/tmp", tar_of(("new", b"hello\n")))
    yard.containers.start(record.id)
    yard.containers.wait(record.id, timeout=20)

    assert [each.text for each in yard.containers.logs(record.id)] == ["hello"]
    assert list(yard.means.bundles.locate(record.id).rootfs.iterdir()) == []
