"""What a layer leaves on the disk, and what an attacker's layer does not."""

from __future__ import annotations

import io
import os
import signal
import stat
import struct
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.errors import (
    DiffIDMismatch,
    EngineError,
    InvalidLayer,
    LimitExceeded,
    SystemFailure,
    UnsafePath,
)
from engine.layers.apply import AppliedLayer, apply_layer
from engine.layers.compression import open_layer
from engine.layers.entries import Segment
from engine.layers.limits import DEFAULT_LIMITS, Limits
from engine.oci.digest import DiffID, Digest
from engine.oci.media_types import Compression
from engine.progress import Cancellation, Cancelled
from engine.system.confined import Confined
from engine.system.files import measure, remove_tree
from engine.system.overlayfs import is_opaque, is_whiteout
from tests.support.builders import (
    NOON,
    Item,
    block_device,
    character_device,
    directory,
    fifo,
    file,
    hardlink,
    layer_tar,
    opaque,
    packed,
    symlink,
    whiteout,
    with_xattrs,
)
from tests.support.tars import gnu_sparse_tar

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.root


@pytest.fixture
def target(tmp_path: Path) -> Path:
    place = tmp_path / "outer/target"
    place.mkdir(parents=True)
    return place


def apply_tar(tar: bytes, target: Path, limits: Limits = DEFAULT_LIMITS) -> AppliedLayer:
    return apply_layer(
        open_layer(io.BytesIO(tar), Compression.NONE),
        target=target,
        notes=target.parent.parent,
        expected=DiffID(Digest.of(tar)),
        limits=limits,
    )


def apply(target: Path, *items: Item) -> AppliedLayer:
    return apply_tar(layer_tar(*items), target)


# --- what is written


def test_modes_owners_and_times_are_as_in_the_tar(target: Path) -> None:
    apply(
        target,
        directory("d", mode=0o3770, uid=5, gid=6, mtime=1000),
        file("d/f", b"text", mode=0o4755, uid=7, gid=8, mtime=2000),
        symlink("d/s", "f", uid=9, gid=10, mtime=3000),
    )

    facts = {
        name: (status.st_mode & 0o7777, status.st_uid, status.st_gid, int(status.st_mtime))
        for name in ("d", "d/f", "d/s")
        for status in [(target / name).lstat()]
    }
    assert facts == {
        "d": (0o3770, 5, 6, 1000),
        "d/f": (0o4755, 7, 8, 2000),
        "d/s": (0o777, 9, 10, 3000),
    }
    assert (target / "d/f").read_bytes() == b"text"


def test_setuid_survives_for_files_of_root(target: Path) -> None:
    apply(target, file("su", b"x" * 100, mode=0o6755))

    assert stat.S_IMODE((target / "su").lstat().st_mode) == 0o6755


def test_a_setgid_directory_passes_nothing_on(target: Path) -> None:
    apply(target, directory("d", mode=0o2755, gid=50), file("d/f"), directory("d/e"))

    assert (target / "d/f").lstat().st_gid == 0
    assert (target / "d/e").lstat().st_gid == 0


def test_hard_links_are_one_file(target: Path) -> None:
    apply(target, file("a", b"text"), hardlink("b", "a"), hardlink("c", "./a"))

    assert (target / "a").lstat().st_nlink == 3


def test_a_hard_link_to_a_symbolic_link_is_that_link(target: Path) -> None:
    apply(target, symlink("a", "nowhere"), hardlink("b", "a"))

    assert (target / "b").readlink().name == "nowhere"


def test_devices_and_fifos_are_made(target: Path) -> None:
    apply(target, character_device("null", 1, 3, mode=0o666), block_device("sda", 8, 0), fifo("p"))

    null, sda = (target / "null").lstat(), (target / "sda").lstat()
    assert stat.S_ISCHR(null.st_mode)
    assert (os.major(null.st_rdev), os.minor(null.st_rdev)) == (1, 3)
    assert stat.S_IMODE(null.st_mode) == 0o666
    assert stat.S_ISBLK(sda.st_mode)
    assert stat.S_ISFIFO((target / "p").lstat().st_mode)


def test_extended_attributes_and_capabilities_are_set(target: Path) -> None:
    # cap_net_bind_service=ep, vfs capability revision 2
    capability = struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0).decode("latin-1")
    item = with_xattrs(file("f", b"x", uid=5), security__capability=capability, user__note="n")

    apply(target, item)

    assert os.getxattr(target / "f", "security.capability") == capability.encode()
    assert os.getxattr(target / "f", "user.note") == b"n"


def test_overlayfs_own_attributes_never_reach_the_disk(target: Path) -> None:
    evil = {"trusted__overlay__redirect": "/etc", "user__overlay__opaque": "y", "user__kept": "1"}

    apply(target, with_xattrs(directory("d"), **evil), with_xattrs(file("f"), **evil))

    assert os.listxattr(target / "d") == ["user.kept"]
    assert os.listxattr(target / "f") == ["user.kept"]


def test_an_attribute_that_cannot_be_kept_there_is_passed_over(target: Path) -> None:
    apply(target, with_xattrs(symlink("s", "x"), user__note="n"), with_xattrs(file("f"), odd="n"))

    assert os.listxattr(target / "f") == []


def test_a_sparse_file_keeps_its_holes(target: Path) -> None:
    tar = gnu_sparse_tar("1.0", "sparse", 1 << 30, [Segment(0, 3), Segment(1 << 29, 4)], b"abcdefg")

    applied = apply_tar(tar, target)

    with (target / "sparse").open("rb") as sparse:
        assert sparse.read(4) == b"abc\0"
        sparse.seek(1 << 29)
        assert sparse.read(5) == b"defg\0"
    assert (target / "sparse").stat().st_size == 1 << 30
    assert applied.size < 1 << 20


def test_names_may_hold_odd_bytes(target: Path) -> None:
    name = b"odd \xff\xfe\n\t*?".decode("utf-8", "surrogateescape")

    applied = apply(target, file(f"implied-{name}/{name}", b"1"))

    assert (target / f"implied-{name}" / name).read_bytes() == b"1"
    assert f"implied-{name}" in applied.implied
    assert AppliedLayer.parse(applied.render()) == applied


def test_deep_trees_are_no_problem(target: Path) -> None:
    applied = apply(target, file("/".join(["d"] * 1500), b"1"))

    assert measure(target).bytes == applied.size
    remove_tree(target)  # pytest's own clean-up would give up on it


def test_huge_and_negative_times_are_clamped(target: Path) -> None:
    apply(target, file("old", mtime=-(10**12)), file("new", mtime=10**15), file("1960", mtime=-3e8))

    assert (target / "old").lstat().st_mtime == -(2**31)
    assert (target / "new").lstat().st_mtime > 2**32
    assert (target / "1960").lstat().st_mtime == -300_000_000


def test_the_time_of_a_directory_is_not_that_of_its_last_file(target: Path) -> None:
    apply(target, directory("d"), file("d/f", b"1"), directory("d/e"), file("d/e/f", b"1"))

    assert (target / "d").lstat().st_mtime == NOON
    assert (target / "d/e").lstat().st_mtime == NOON


def test_the_entry_of_the_root_describes_the_root(target: Path) -> None:
    applied = apply(target, directory("./", mode=0o711), file("./a"))

    assert stat.S_IMODE(target.lstat().st_mode) == 0o711
    assert applied.implied == ()


def test_a_lone_slash_is_the_root(target: Path) -> None:
    apply(target, directory("/", mode=0o711))

    assert stat.S_IMODE(target.lstat().st_mode) == 0o711


def test_implied_directories_are_named(target: Path) -> None:
    assert apply(target, file("a/b/c")).implied == ("", "a", "a/b")


def test_a_directory_listed_after_its_files_is_not_implied(target: Path) -> None:
    applied = apply(target, file("a/b"), directory("a", mode=0o700), directory("."))

    assert applied.implied == ()
    assert stat.S_IMODE((target / "a").lstat().st_mode) == 0o700


def test_an_empty_layer_is_fine(target: Path) -> None:
    applied = apply(target)

    assert (applied.entries, list(target.iterdir())) == (0, [])


def test_the_size_is_what_du_counts(target: Path) -> None:
    items = [
        directory("d"),
        file("d/small", b"x"),
        file("d/empty"),
        file("d/large", b"x" * 300_000),
        hardlink("d/again", "d/large"),
        symlink("d/link", "x" * 200),
        file("d/small", b"replaced" * 1000),
        with_xattrs(file("d/noted", b"x"), user__note="n" * 1000),
        whiteout("gone"),
        opaque("d"),
        *[file(f"d/{'n' * 100}{number}") for number in range(200)],
    ]

    assert apply(target, *items).size == measure(target).bytes


# --- whiteouts and duplicates


def test_whiteouts_take_overlayfs_form(target: Path) -> None:
    apply(target, whiteout("a/gone"), opaque("b"))

    assert is_whiteout((target / "a/gone").lstat())
    assert is_opaque(os.fsencode(target / "b"))


def test_an_opaque_root_is_reported(target: Path) -> None:
    assert apply(target, opaque("")).is_opaque


def test_a_whiteout_leaves_what_its_own_layer_brings(target: Path) -> None:
    apply(target, file("a", b"1"), whiteout("a"), whiteout("b"), file("b", b"2"))

    assert (target / "a").read_bytes() == b"1"
    assert (target / "b").read_bytes() == b"2"


@pytest.mark.parametrize("name", [".wh.", ".wh...", ".wh..", ".wh..wh.plnk", ".wh..wh.aufs/x"])
def test_names_reserved_for_whiteouts_make_nothing(target: Path, name: str) -> None:
    apply(target, file(name, b"1"))

    assert list(target.iterdir()) == []


def test_the_last_of_two_entries_counts(target: Path) -> None:
    apply(
        target,
        file("f", b"1"),
        file("f", b"2", mode=0o600),
        file("file-then-directory", b"1"),
        directory("file-then-directory"),
        file("file-then-directory/x", b"1"),
        directory("directory-then-file"),
        file("directory-then-file/x", b"1"),
        file("directory-then-file", b"2"),
        directory("twice", mode=0o700),
        file("twice/kept", b"1"),
        directory("twice", mode=0o755),
        symlink("link-then-file", "f"),
        file("link-then-file", b"3"),
    )

    assert (target / "f").read_bytes() == b"2"
    assert (target / "f").stat().st_mode & 0o777 == 0o600
    assert (target / "file-then-directory/x").exists()
    assert (target / "directory-then-file").read_bytes() == b"2"
    assert (target / "twice/kept").exists()
    assert not (target / "link-then-file").is_symlink()


def test_links_inside_the_root_are_followed(target: Path) -> None:
    apply(
        target,
        directory("usr"),
        directory("usr/lib"),
        symlink("lib", "usr/lib"),
        symlink("usr/up", "../usr/./lib"),
        file("lib/a", b"1"),
        file("usr/up/b", b"2"),
        file("lib/new/c", b"3"),
    )

    assert sorted(each.name for each in (target / "usr/lib").iterdir()) == ["a", "b", "new"]


# --- what is refused


@pytest.mark.parametrize(
    "items",
    [
        pytest.param([file("../evil", b"1")], id="dots"),
        pytest.param([file("a/../../evil", b"1")], id="dots-inside"),
        pytest.param([file("..", b"1")], id="only-dots"),
        pytest.param([directory("../evil")], id="directory"),
        pytest.param([file("/evil", b"1")], id="absolute"),
        pytest.param([file("//evil", b"1")], id="absolute-twice"),
        pytest.param([whiteout("../evil")], id="whiteout"),
        pytest.param([opaque("..")], id="opaque"),
        pytest.param([symlink("way", ".."), file("way/evil", b"1")], id="link-up"),
        pytest.param([symlink("way", "/"), file("way/evil", b"1")], id="link-to-root"),
        pytest.param([symlink("way", "/tmp"), file("way/evil", b"1")], id="link-absolute"),
        pytest.param([symlink("way", "/tmp"), whiteout("way/evil")], id="whiteout-by-link"),
        pytest.param([symlink("way", "/tmp"), directory("way/evil")], id="directory-by-link"),
        pytest.param(
            [directory("a"), symlink("a/way", "../../outer"), file("a/way/evil", b"1")],
            id="link-that-climbs",
        ),
        pytest.param(
            [symlink("one", "two"), symlink("two", ".."), file("one/evil", b"1")],
            id="link-by-link",
        ),
        pytest.param([symlink("a", "b"), symlink("b", "a"), file("a/evil", b"1")], id="circle"),
        pytest.param([hardlink("evil", "../secret")], id="hard-link-up"),
        pytest.param([hardlink("evil", "/etc/passwd")], id="hard-link-absolute"),
        pytest.param([symlink("way", ".."), hardlink("evil", "way/secret")], id="hard-by-link"),
    ],
)
def test_nothing_reaches_outside(target: Path, items: list[Item]) -> None:
    (target.parent / "secret").write_text("secret")

    with pytest.raises(UnsafePath):
        apply(target, *items)

    assert sorted(each.name for each in target.parent.iterdir()) == ["secret", "target"]
    assert (target.parent / "secret").read_text() == "secret"
    assert (target.parent / "secret").stat().st_nlink == 1


def test_a_file_replaces_a_link_and_is_not_written_through_it(target: Path) -> None:
    secret = target.parent / "secret"
    secret.write_text("secret")

    apply(target, symlink("f", "../secret"), hardlink("g", "f"), file("f", b"1"), file("g", b"2"))

    assert secret.read_text() == "secret"
    assert (target / "f").read_bytes() == b"1"


def test_a_file_replaces_a_device_and_is_not_written_to_it(target: Path) -> None:
    apply(target, character_device("full", 1, 7), fifo("p"), file("full", b"1"), file("p", b"2"))

    assert (target / "full").is_file()
    assert (target / "p").read_bytes() == b"2"


@pytest.mark.parametrize(
    "items",
    [
        pytest.param([block_device("sda", 8, 0), file("sda/evil", b"1")], id="device"),
        pytest.param([file("f", b"1"), file("f/evil", b"1")], id="file"),
        pytest.param([fifo("p"), directory("p/evil")], id="fifo"),
        pytest.param([directory("d"), hardlink("h", "d")], id="hard-link-to-directory"),
        pytest.param([hardlink("h", ".")], id="hard-link-to-root"),
        pytest.param([file("./", b"1")], id="root-as-file"),
        pytest.param([symlink("s", "")], id="link-to-nothing"),
        pytest.param([whiteout("w"), hardlink("h", "w")], id="hard-link-to-removed"),
    ],
)
def test_what_makes_no_sense_is_refused(target: Path, items: list[Item]) -> None:
    with pytest.raises(InvalidLayer):
        apply(target, *items)


def test_a_name_too_long_for_the_filesystem_is_refused(target: Path) -> None:
    with pytest.raises(LimitExceeded):
        apply(target, file("x" * 300, b"1"))


def test_a_child_never_imports_what_a_layer_brings(target: Path) -> None:
    trap = b"open('/trapped', 'w')\n"
    places = ["encodings/ascii.py", "usr/lib/python3.11/traceback.py", "traceback.py"]

    with pytest.raises(EngineError):
        apply(target, *[file(place, trap) for place in places], file("../evil"))

    assert not (target / "trapped").exists()


# --- bombs


def bomb(unpacked: int) -> bytes:
    return packed(layer_tar(file("zeros", bytes(unpacked))), Compression.GZIP)


def apply_packed(content: bytes, target: Path, limits: Limits) -> AppliedLayer:
    stream = open_layer(io.BytesIO(content), Compression.GZIP)
    return apply_layer(
        stream,
        target=target,
        notes=target.parent.parent,
        expected=DiffID(Digest.of(b"")),
        limits=limits,
    )


def test_a_bomb_is_refused_by_its_ratio(target: Path) -> None:
    limits = Limits(ratio=100, ratio_exempt_bytes=1 << 20)

    with pytest.raises(LimitExceeded, match="ratio"):
        apply_packed(bomb(20 << 20), target, limits)


def test_a_bomb_is_refused_by_its_size(target: Path) -> None:
    with pytest.raises(LimitExceeded, match="unpacked"):
        apply_packed(bomb(20 << 20), target, Limits(unpacked_bytes=10 << 20))


def test_a_bomb_is_refused_by_its_count(target: Path) -> None:
    tar = layer_tar(*[file(f"f{number}") for number in range(50)])

    with pytest.raises(LimitExceeded, match="entries"):
        apply_tar(tar, target, Limits(entries=40))


def test_an_honest_file_of_zeros_is_fine(target: Path) -> None:
    tar = layer_tar(file("zeros", bytes(30 << 20)))
    stream = open_layer(io.BytesIO(packed(tar, Compression.GZIP)), Compression.GZIP)

    apply_layer(stream, target=target, notes=target.parent.parent, expected=DiffID(Digest.of(tar)))

    assert (target / "zeros").stat().st_size == 30 << 20


# --- the stream, the child


def test_a_wrong_diff_id_is_found(target: Path) -> None:
    with pytest.raises(DiffIDMismatch):
        apply_layer(
            open_layer(io.BytesIO(layer_tar(file("a"))), Compression.NONE),
            target=target,
            notes=target.parent.parent,
            expected=DiffID(Digest.of(b"other")),
        )


def test_bytes_after_the_end_mark_are_part_of_the_diff_id(target: Path) -> None:
    apply_tar(layer_tar(file("a", b"1")) + bytes(3 << 20), target)

    assert (target / "a").exists()


@pytest.mark.parametrize("content", [b"junk" * 1000, b"x"], ids=["long", "short"])
def test_what_is_no_tar_is_refused(target: Path, content: bytes) -> None:
    with pytest.raises(InvalidLayer):
        apply_tar(content, target)


def test_a_tar_cut_short_is_refused(target: Path) -> None:
    with pytest.raises(InvalidLayer, match="cut short"):
        apply_tar(layer_tar(file("a", b"x" * 100_000))[:50_000], target)


class Endless:
    """Yields an endless file, and tells when the first of it was taken."""

    packed_bytes = 1 << 40

    def __init__(self) -> None:
        self._head = layer_tar(file("endless", b"x"))[:512]
        self.taken = threading.Event()

    def read(self, size: int = -1, /) -> bytes:
        head, self._head = self._head, b""
        if not head:
            self.taken.set()
        return head or bytes(size)


def test_a_cancelled_layer_ends_its_child(target: Path) -> None:
    source, cancellation = Endless(), Cancellation()

    with pytest.raises(Cancelled):
        apply_layer(
            source,
            target=target,
            notes=target.parent.parent,
            expected=DiffID(Digest.of(b"")),
            on_progress=lambda _: cancellation.cancel(),
            cancellation=cancellation,
        )

    assert _children_in(target) == []


def test_a_child_that_is_killed_is_a_failure_of_the_system(target: Path) -> None:
    class Murderous(Endless):
        def read(self, size: int = -1, /) -> bytes:
            for child in _children_in(target):
                os.kill(child, signal.SIGKILL)
            return super().read(size)

    with pytest.raises(SystemFailure, match="child"):
        apply_layer(
            Murderous(), target=target, notes=target.parent.parent, expected=DiffID(Digest.of(b""))
        )


def test_the_child_has_the_target_as_its_root_and_little_else(target: Path) -> None:
    kept = sum(1 << number for number in (0, 1, 3, 4, 21, 27, 31))
    work, outputs = "engine.layers.apply_child", {"index": target.parent.parent / "index"}
    with Confined(work, root=target, request={"limits": [1] * 7}, outputs=outputs) as child:
        _wait_until(lambda: int(_status(child.pid)["CapEff"], 16) == kept)
        status = _status(child.pid)
        descriptors = {path.name for path in Path(f"/proc/{child.pid}/fd").iterdir()}

        assert _children_in(target) == [child.pid]

    assert int(status["CapPrm"], 16) == kept
    assert int(status["CapInh"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert len(descriptors - {"0", "1", "2"}) == 1  # the index


def _wait_until(is_so: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(1000):
        if is_so():
            return
        pause.wait(0.01)
    raise AssertionError("it did not come to be so")


def _status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def _children_in(target: Path) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "root").readlink() == target:
                found.append(int(process.name))
    return found
