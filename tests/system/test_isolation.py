"""What a program in a container tries in order to get out, or to see what is not its own."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.errors import EngineError, InvalidSetting
from engine.settings import MountKind, MountPoint
from engine.system.runner import get_program
from tests.support.containers import Yard, clear_away, real_yard

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.root

SECONDS = 60.0
SECRET = "of the host alone"
# Each line prints its number if it succeeds, and none may.
ATTEMPTS = (
    "cat /proc/kcore | head -c 1 | grep -q .",
    "head -c 1 /dev/mem",
    "head -c 1 /dev/kmsg",
    "mknod /tmp/disk b 254 0 && head -c 1 /tmp/disk | grep -q .",
    "mknod /tmp/kmsg c 1 11 && head -c 1 /tmp/kmsg | grep -q .",
    "mknod /tmp/fuse c 10 229 && head -c 0 /tmp/fuse",
    "echo 1 > /proc/sys/kernel/panic",
    "echo core > /proc/sys/kernel/core_pattern",
    "echo h > /proc/sysrq-trigger",
    "echo 1 > /sys/kernel/uevent_helper",
    "echo 0 > /sys/fs/cgroup/pids/cgroup.procs",
    "echo a > /sys/fs/cgroup/devices/devices.allow",
    "mount -t tmpfs tmpfs /tmp",
    "mount -o remount,rw /sys",
    "mount -t proc proc /tmp",
    "unshare -U true",
    "unshare -m true",
    "chroot /proc/1/root /bin/true && test -e /proc/1/root@HOST@",
    "nsenter -t 1 -m true",
    "swapoff -a",
    "hostname stolen",
    "ip link add x type dummy",
    "date -s 2001-01-01; date | grep -q 2001",
    "reboot -f",
    "dmesg",
    "test -e @HOST@",
    "cat /proc/*/root@HOST@",
    "cat /proc/*/cwd/../../../../..@HOST@",
    "cat /proc/self/fd/*/../../../../../..@HOST@",
    "grep -rq secret /proc/keys",
    "test $(ls /proc | grep -c '^[0-9]') -gt 12",
    "grep -qv -e 'lo:' -e Inter -e face /proc/net/dev",
    "cat /proc/1/environ | tr '\\0' '\\n' | grep -v -e ^PATH -e ^HOSTNAME -e ^HOME",
)


@pytest.fixture
def yard() -> Iterator[Yard]:
    root = Path(tempfile.mkdtemp(prefix="jail-"))
    made = real_yard(root)
    (root / "secret").write_text(SECRET)
    yield made
    clear_away(made)
    remains = made.leftovers()
    made.means.database.close()
    shutil.rmtree(root)
    assert remains == []


def secret_of(yard: Yard) -> Path:
    return yard.paths.root.parent / "secret"


def run(yard: Yard, *command: str, **settings: object) -> str:
    """Run a container to its end and return what it printed; what is refused prints nothing."""
    record = yard.containers.create(yard.settings(*command, network="none", **settings))
    try:
        yard.containers.start(record.id)
        yard.containers.wait(record.id, timeout=SECONDS)
    except EngineError as error:
        return f"refused: {error.message}"
    finally:
        printed = "\n".join(each.text for each in yard.containers.logs(record.id))
    return printed


def test_no_attempt_succeeds(yard: Yard) -> None:
    host = str(secret_of(yard))
    # What needs a shell of its own must not end the one that counts.
    lines = [
        f"(busybox sh -c '{each}') >/dev/null 2>&1 </dev/null && echo {number}"
        for number, each in enumerate(
            attempt.replace("@HOST@", host).replace("'", "'\\''") for attempt in ATTEMPTS
        )
    ]

    printed = run(yard, "/bin/sh", "-c", "\n".join([*lines, "echo done"]))

    *succeeded, last = printed.splitlines()
    assert last == "done"
    assert [ATTEMPTS[int(each)] for each in succeeded] == []


@pytest.mark.parametrize("descriptor", [3, 5, 6, 7, 8, 9, 10])
def test_no_descriptor_of_the_runtime_leads_out(yard: Yard, descriptor: int) -> None:
    """As CVE-2024-21626 did: a working directory that the runtime itself has open."""
    host = secret_of(yard)
    script = f"cat ../../../../../../../../..{host}; cat /proc/self/cwd/../../../../../..{host}"

    printed = run(yard, "/bin/sh", "-c", script, working_dir=f"/proc/self/fd/{descriptor}")

    assert SECRET not in printed


def test_the_runtime_cannot_be_overwritten_through_its_own_name(yard: Yard) -> None:
    """As CVE-2019-5736 did: the runtime's own program, opened while it becomes ours."""
    program = Path(get_program("runc"))
    before = hashlib.sha256(program.read_bytes()).digest()

    run(yard, "/proc/self/exe", "--version")
    run(yard, "/bin/sh", "-c", "for e in /proc/*/exe; do echo x > $e; done")

    assert hashlib.sha256(program.read_bytes()).digest() == before


@pytest.mark.parametrize("place", ["etc", "proc", "dev", "sys", "etc/hosts"])
def test_a_link_in_the_place_of_a_mount_reaches_nothing(yard: Yard, place: str) -> None:
    victim = yard.paths.root.parent / "victim"
    victim.mkdir()
    (victim / "hosts").write_text(SECRET)
    image = next(yard.paths.snapshots.glob("*/fs/bin/busybox")).parent.parent
    target = image / place
    if target.is_dir():
        shutil.rmtree(target)
    target.unlink(missing_ok=True)
    target.symlink_to(victim if place != "etc/hosts" else victim / "hosts")

    printed = run(yard, "/bin/sh", "-c", "cat /etc/hosts /proc/hosts /dev/hosts /sys/hosts")

    assert SECRET not in printed
    assert (victim / "hosts").read_text() == SECRET
    assert [each.name for each in victim.iterdir()] == ["hosts"]


def test_a_link_on_the_way_to_a_mount_of_ones_own_reaches_nothing(yard: Yard) -> None:
    victim = yard.paths.root.parent / "victim"
    victim.mkdir()
    image = next(yard.paths.snapshots.glob("*/fs/bin/busybox")).parent.parent
    (image / "data").symlink_to(victim)
    mount = MountPoint(MountKind.TMPFS, "/data/in")

    printed = run(yard, "/bin/sh", "-c", "echo x > /data/in/y; echo done", mounts=(mount,))

    assert printed == "done"
    assert list(victim.iterdir()) == []


@pytest.mark.parametrize("name", ["passwd", "group"])
@pytest.mark.parametrize("kind", ["fifo", "device", "link", "huge", "directory"])
def test_accounts_that_are_no_plain_files_are_an_error_and_no_wait(
    yard: Yard, name: str, kind: str
) -> None:
    image = next(yard.paths.snapshots.glob("*/fs/bin/busybox")).parent.parent
    path = image / "etc" / name
    path.unlink()
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        os.mknod(path, 0o644 | stat.S_IFCHR, os.makedev(1, 5))
    elif kind == "link":
        path.symlink_to(secret_of(yard))
    elif kind == "huge":
        with path.open("wb") as stream:
            stream.truncate(1 << 33)
    else:
        path.mkdir()
    record = yard.containers.create(yard.settings("/bin/true", network="none", user="ana"))

    with pytest.raises(InvalidSetting) as caught:
        yard.containers.start(record.id)

    assert name in caught.value.message


def test_nobody_else_enters_what_belongs_to_containers(yard: Yard) -> None:
    record = yard.containers.create(yard.settings("/bin/sleep", "1000", network="none"))
    yard.containers.start(record.id)
    bundle = yard.means.bundles.locate(record.id)

    for place in (yard.paths.root, yard.paths.containers, bundle.directory, bundle.run):
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert stat.S_IMODE(bundle.spec.stat().st_mode) == 0o600
    assert stat.S_IMODE(bundle.log.stat().st_mode) == 0o600
