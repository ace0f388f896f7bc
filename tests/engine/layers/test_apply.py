"""What a layer leaves on the disk."""

from __future__ import annotations

import os
import stat
import struct
from typing import TYPE_CHECKING

import pytest

from engine.layers.apply import AppliedLayer
from engine.layers.entries import Segment
from engine.system.files import measure
from engine.system.overlayfs import is_opaque, is_whiteout
from engine.system.removal import remove_tree
from tests.support.applying import apply, apply_tar
from tests.support.builders import (
    NOON,
    block_device,
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
from tests.support.tars import gnu_sparse_tar

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.root


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
