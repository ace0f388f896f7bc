"""How an unprivileged process comes to be one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from workers.host import launch
from workers.host.errors import ProgramFailed
from workers.host.launch import (
    INSIDE,
    confined,
    inside_environment,
    let_go,
    list_foreign_mounts,
    unprivileged,
)

TABLE = """\
21 1 254:0 / / rw,relatime shared:1 - overlay none rw
22 21 0:20 / /proc rw shared:2 - proc proc rw
30 21 0:30 / /srv/root/containers/a/rootfs rw - overlay overlay rw,lowerdir=/x
31 30 0:31 / /srv/root/containers/a/rootfs/dev rw - tmpfs tmpfs rw
32 21 0:32 / /run/netns/web rw - nsfs nsfs rw
33 21 0:33 / /mnt/with\\040blank rw - overlay overlay rw
34 21 8:1 / /srv/data rw - ext4 /dev/sda1 rw
35 21 0:35 / /home/me/checkout rw - overlay overlay rw
"""
NEEDED = [Path("/home/me/checkout"), Path("/srv/data"), Path("/srv/run")]


def test_containers_filesystems_are_let_go_topmost_first():
    assert list_foreign_mounts(TABLE, needed=NEEDED, hidden=[Path("/srv/root")]) == [
        "/mnt/with blank",
        "/run/netns/web",
        "/srv/root/containers/a/rootfs/dev",
        "/srv/root/containers/a/rootfs",
    ]


def test_what_the_process_needs_is_never_let_go():
    dropped = list_foreign_mounts(TABLE, needed=[Path("/mnt/with blank/x")], hidden=[])
    assert "/mnt/with blank" not in dropped
    assert "/" not in dropped


def test_inside_the_environment_names_the_views():
    environment = inside_environment(
        {"SHIPSHAPE_RUN": "/srv/run", "SHIPSHAPE_DATA": "/srv/data", "PYTHONPATH": "/root/x"}
    )
    assert environment["PYTHONPATH"] == "/srv/run/app"
    assert environment["PATH"].startswith("/srv/run/venv/bin:")
    assert environment["HOME"] == "/srv/data"


def test_what_its_owner_unmounted_meanwhile_is_no_failure(tmp_path):
    let_go(str(tmp_path / "gone"))


def test_what_stays_mounted_is_a_failure(monkeypatch):
    def refuse(_argv):
        raise ProgramFailed("umount", exit_code=32, tail="target is busy")

    monkeypatch.setattr(launch, "run_program", refuse)

    with pytest.raises(ProgramFailed):
        let_go("/proc")


@pytest.mark.parametrize(
    ("bind", "kept"),
    [
        pytest.param("127.0.0.1:8080", "-all", id="high-port"),
        pytest.param("[::]:80", "-all,+net_bind_service", id="low-port"),
        pytest.param("", "-all", id="no-address"),
    ],
)
def test_only_a_low_port_keeps_a_capability_and_only_that_one(bind, kept):
    words = unprivileged({"SHIPSHAPE_BIND": bind})
    assert words[words.index("--bounding-set") + 1] == kept
    assert "--no-new-privs" in words


class Became(Exception):
    """Stands for the end of this process as it was."""


@pytest.fixture
def become_what(monkeypatch):
    def become(_file, argv, environment):
        raise Became(argv, environment)

    monkeypatch.setattr(launch.os, "execvpe", become)


@pytest.mark.usefixtures("become_what")
def test_a_process_in_a_container_of_its_own_stays_who_it_is():
    with pytest.raises(Became) as caught:
        launch.run(["web"])
    argv, environment = caught.value.args
    assert "unshare" not in argv
    assert argv[-1].startswith("exec python -m gunicorn")
    assert environment["PATH"].startswith(f"{sys.prefix}/bin:")


@pytest.mark.usefixtures("become_what")
@pytest.mark.parametrize(
    ("name", "first"), [("web", "unshare"), ("beat", "unshare"), ("worker", "setpriv")]
)
def test_only_a_privileged_process_starts_where_we_are(name, first):
    with pytest.raises(Became) as caught:
        launch.become(name)
    assert caught.value.args[0][0] == first


def test_an_unknown_process_is_named():
    done = subprocess.run(
        [sys.executable, "-m", "workers.host.launch", "nobody"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (
        1,
        "shipshape: The Procfile has no process 'nobody'.\n",
    )


@pytest.mark.root
def test_a_confined_program_has_no_privilege_sees_the_checkout_and_leaves_nothing(stack_directory):
    asked = "id -un; grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status; ls manage.py; pwd"
    spoil = "touch spoilt 2>/dev/null || echo read-only"
    done = subprocess.run(
        confined(["sh", "-c", f"{asked}; {spoil}"]),
        check=True, capture_output=True, text=True,
        env={**os.environ, **stack_directory.environment},
    )  # fmt: skip
    assert done.stdout.split() == [
        "shipshape", "CapEff:", "0" * 16, "CapBnd:", "0" * 16, "NoNewPrivs:", "1",
        "manage.py", str(stack_directory.stack.checkout_view), "read-only",
    ]  # fmt: skip
    assert str(stack_directory.stack.run) not in Path("/proc/self/mountinfo").read_text()
    assert INSIDE not in done.stdout


@pytest.mark.root
def test_a_confined_program_cannot_read_the_engines_root(stack_directory):
    done = subprocess.run(
        confined(["ls", str(stack_directory.stack.root)]),
        check=False, capture_output=True, text=True,
        env={**os.environ, **stack_directory.environment},
    )  # fmt: skip
    assert "Permission denied" in done.stderr
