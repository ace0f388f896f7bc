"""The product as a newcomer starts, kills, stops and starts it again, in directories of its own."""

import os
import pwd
import resource
import shutil
import signal
import socket
import stat
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.services import wait_until
from tests.support.stack import CHECKOUT, Stack, free_port, running_stack
from workers.host.keys import SECRETS
from workers.host.memory import iter_tree

pytestmark = [pytest.mark.root, pytest.mark.redis]

READY_GOAL_SECONDS = 5.0
NOT_COPIED = shutil.ignore_patterns(".git", ".venv", "node_modules", "__pycache__", ".*_cache")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running_stack() as running:
        yield running


def is_healthy(stack: Stack) -> bool:
    try:
        with urllib.request.urlopen(f"{stack.url}/healthz", timeout=3) as answer:
            return answer.status == 200
    except OSError:
        return False


def pid_of(stack: Stack, name: str) -> int:
    return next(p["pid"] for p in stack.status()["processes"] if p["name"] == name)


def measure_work(pid: int) -> float:
    """Return the seconds of processor time that a process and its children took."""
    ticks = sum(
        int(Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()[field])
        for each in iter_tree(pid)
        for field in (11, 12)
    )
    return ticks / os.sysconf("SC_CLK_TCK")


def list_our_processes(home: Path) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"SHIPSHAPE_RUN={home}/run".encode() in path.read_bytes().split(b"\0"):
                found.append((path.parent / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def test_up_prints_one_address_with_a_token_and_it_answers(stack: Stack):
    assert stack.first_url.startswith(f"{stack.url}/setup/?token=")
    assert is_healthy(stack)


def test_every_process_runs_and_only_those_of_the_host_are_root(stack: Stack):
    users = {p["name"]: Path(f"/proc/{p['pid']}").owner() for p in stack.status()["processes"]}
    assert users == {
        "redis": "shipshape",
        "web": "shipshape",
        "beat": "shipshape",
        "worker": "root",
        "agent": "root",
        "api": "root",
    }


def test_secrets_are_their_owners_only(stack: Stack):
    found = {path.name: path.stat() for path in (stack.data / "secrets").iterdir()}
    assert found.keys() == SECRETS.keys()
    assert {stat.S_IMODE(entry.st_mode) for entry in found.values()} == {0o600}
    assert {pwd.getpwuid(entry.st_uid).pw_name for entry in found.values()} == {"shipshape"}


def test_no_secret_is_in_any_command_line_or_log(stack: Stack):
    secrets = [path.read_text().strip() for path in (stack.data / "secrets").iterdir()]
    logs = [path.read_text() for path in (stack.root / "logs").iterdir()]
    assert not [
        s for s in secrets if any(s in text for text in [*list_our_processes(stack.home), *logs])
    ]


def test_the_doctor_finds_nothing_that_stops_it(stack: Stack):
    done = stack.command("doctor")
    assert done.returncode == 0, done.stdout


def test_a_second_up_says_so_and_starts_nothing(stack: Stack):
    before = pid_of(stack, "web")
    assert "already running" in stack.up()
    assert pid_of(stack, "web") == before


def test_another_root_in_the_same_run_directory_is_refused(stack: Stack, tmp_path: Path):
    places = ("--run", str(stack.run), "--root", str(tmp_path / "r"), "--data", str(stack.data))
    done = subprocess.run(
        [CHECKOUT / "shipshape", "up", *places], check=False, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert str(stack.root) in done.stderr


def test_a_process_that_is_killed_comes_back(stack: Stack):
    before = pid_of(stack, "web")
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: is_healthy(stack) and pid_of(stack, "web") != before, what="web is back")


def test_it_starts_again_with_seconds_of_work_and_reinstalls_nothing(stack: Stack):
    # Processor time, not time: what else this machine does meanwhile is no part of the promise.
    # How long it takes on a quiet one is what `./shipshape bench start` tells.
    assert stack.command("down").returncode == 0
    assert not is_healthy(stack)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    printed = stack.up()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert "installing" not in printed
    assert "migrating" not in printed
    ours = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    theirs = sum(measure_work(p["pid"]) for p in stack.status()["processes"])
    assert ours + theirs < READY_GOAL_SECONDS * 2


def test_down_leaves_no_process_and_no_mount(stack: Stack):
    stack.command("down")
    try:
        assert list_our_processes(stack.home) == []
        assert str(stack.home) not in Path("/proc/self/mountinfo").read_text()
    finally:
        stack.up()


def test_a_killed_process_manager_takes_its_processes_along(stack: Stack):
    manager = int((stack.run / "supervisord.pid").read_text())
    os.kill(manager, signal.SIGKILL)
    wait_until(lambda: not list_our_processes(stack.home), what="nothing of ours runs")
    assert "ready" in stack.up()
    assert stack.status()["is_well"]


def test_a_taken_port_is_said_before_anything_is_started(short_path: Path):
    places = [f"--{name}={short_path / name}" for name in ("root", "run", "data")]
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = subprocess.run(
            [CHECKOUT / "shipshape", "up", "--detach", f"--port={port}", *places],
            check=False, capture_output=True, text=True,
        )  # fmt: skip
    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr
    assert list(short_path.iterdir()) == []


def test_ctrl_c_stops_it_and_nothing_of_another_stack(stack: Stack, short_path: Path):
    short_path.chmod(0o755)
    places = [f"--{name}={short_path / name}" for name in ("root", "run", "data")]
    up = [CHECKOUT / "shipshape", "up", f"--port={free_port()}", *places]
    with subprocess.Popen(up, stdout=subprocess.PIPE, text=True) as second:
        assert second.stdout
        assert any("Ctrl-C" in line for line in second.stdout)
        second.send_signal(signal.SIGINT)
        assert second.wait(30) == 0
    assert list_our_processes(short_path) == []
    assert stack.status()["is_well"]


def test_the_checkout_may_lie_in_a_closed_home(short_path: Path):
    short_path.chmod(0o755)
    home = short_path / "home"
    home.mkdir(mode=0o700)
    checkout = shutil.copytree(CHECKOUT, home / "checkout", ignore=NOT_COPIED)
    (checkout / ".venv").symlink_to((CHECKOUT / ".venv").resolve())
    places = [f"--{name}={short_path / name}" for name in ("root", "run", "data")]
    port = free_port()
    try:
        subprocess.run(
            [checkout / "shipshape", "up", "--detach", f"--port={port}", *places], check=True
        )
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz") as answer:
            assert answer.status == 200
    finally:
        subprocess.run([checkout / "shipshape", "down", *places], check=True)
    assert str(short_path) not in Path("/proc/self/mountinfo").read_text()
