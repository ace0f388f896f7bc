"""The same `docker run` lines, run by a real dockerd and by us: what the program inside finds."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.containers.containers import IfRunning
from engine.errors import CommandNotFound
from engine.settings.docker_run import parse_docker_run
from tests.support.containers import Yard, clear_away, fill_with_busybox, real_yard
from tests.support.peers import Peer, needs, running_dockerd

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.root

SECONDS = 60.0
COMMON = "--rm --network none --hostname inside"
# What stands in a file of the kernel, by section; every line of it is compared.
PROBE = r"""
echo '# status'; grep -E '^(Cap|Seccomp:|NoNewPrivs|Groups|Uid|Gid)' /proc/self/status
echo '# environment'; env | sort
echo '# identity'; id; pwd; hostname
echo '# hosts'; cat /etc/hosts /etc/hostname
echo '# limits'; grep -E 'open files|core|processes' /proc/self/limits
echo '# oom'; cat /proc/self/oom_score_adj
echo '# kernel'; cat /proc/sys/kernel/hostname /proc/sys/kernel/domainname \
  /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/ping_group_range \
  /proc/sys/net/core/somaxconn
echo '# groups'; cd /sys/fs/cgroup; for f in memory/memory.limit_in_bytes \
  memory/memory.memsw.limit_in_bytes memory/memory.soft_limit_in_bytes memory/memory.swappiness \
  cpu/cpu.shares cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us cpuset/cpuset.cpus pids/pids.max; \
  do echo $f $(cat $f); done
echo '# allowed'; sort devices/devices.list
echo '# devices'; cd /dev; ls -l | tr -s ' ' | grep -vE '^total'
echo '# mounts'; cat /proc/self/mountinfo
"""
LINES = [
    pytest.param("", id="nothing"),
    pytest.param("-u ana -e A=b -e PATH=/bin -w /tmp --cap-drop CHOWN", id="user"),
    pytest.param("-u 1234:50 --group-add 7 --group-add staff --ipc none", id="groups"),
    pytest.param("--cap-add NET_ADMIN --cap-drop CHOWN -m 64m --memory-swappiness 7", id="add"),
    pytest.param(
        "--cap-drop ALL --security-opt no-new-privileges -m 64m --memory-swap 96m --cpus 0.5 "
        "--pids-limit 50 --memory-reservation 32m",
        id="drop",
    ),
    pytest.param(
        "--security-opt seccomp=unconfined -c 512 --cpu-period 50000 --cpu-quota 10000 "
        "--cpuset-cpus 0 --security-opt systempaths=unconfined",
        id="unconfined",
    ),
    pytest.param(
        "--ulimit nofile=100:200 --ulimit core=0 --oom-score-adj 500 "
        "--sysctl net.core.somaxconn=77 --domainname dom.example",
        id="ulimits-and-sysctls",
    ),
    pytest.param("--read-only --tmpfs /run:size=64k,exec --shm-size 1m", id="read-only"),
    pytest.param(
        "--mount type=tmpfs,target=/data,tmpfs-size=1m,tmpfs-mode=1770 --tmpfs /data/in "
        "--device /dev/null:/dev/nothing:r --device-cgroup-rule 'c 7:* rmw'",
        id="tmpfs-and-devices",
    ),
    pytest.param("--ipc host --pid host", id="ipc-and-pid-of-the-host"),
]


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    # A path of a socket is short, and pytest's are long.
    made = Path(tempfile.mkdtemp(prefix="like-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def dockerd(directory: Path) -> Iterator[Peer]:
    needs("dockerd")
    needs("docker")
    tree = directory / "tree"
    tree.mkdir()
    fill_with_busybox(tree)
    with running_dockerd(directory / "docker") as peer:
        tar = subprocess.run(["tar", "-C", tree, "-c", "."], capture_output=True, check=True)
        subprocess.run(
            [*peer.command, "import", "-", "busybox:latest"],
            input=tar.stdout,
            check=True,
            capture_output=True,
        )
        yield peer


@pytest.fixture(scope="module")
def yard(directory: Path) -> Iterator[Yard]:
    made = real_yard(directory / "ours")
    yield made
    clear_away(made)
    assert made.leftovers() == []
    made.means.database.close()


def ours(yard: Yard, flags: str, *command: str) -> tuple[int, str]:
    """Run the line and return its exit code and what it printed."""
    words = " ".join(f"'{each}'" for each in command)
    line = parse_docker_run(f"docker run {flags.replace('--rm', '')} busybox:latest {words}")
    record = yard.containers.create(line.settings)
    try:
        yard.containers.start(record.id)
        ended = yard.containers.wait(record.id, timeout=SECONDS)
        assert ended is not None
        printed = "\n".join(each.text for each in yard.containers.logs(record.id))
        return ended.code, printed
    except CommandNotFound as error:
        return error.exit_code, error.message
    finally:
        yard.containers.remove(record.id, if_running=IfRunning.KILL)


def theirs(dockerd: Peer, flags: str, *command: str) -> tuple[int, str]:
    words = [*dockerd.command, "run", *_split(flags), "busybox:latest", *command]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=SECONDS)
    return done.returncode, (done.stdout + done.stderr).rstrip("\n")


def _split(flags: str) -> list[str]:
    return [each.strip("'") for each in re.findall(r"'[^']*'|\S+", flags)]


def sections(printed: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in printed.splitlines():
        if line.startswith("# "):
            found[line[2:]] = here = []
        else:
            here.append(line)
    found["mounts"] = [each for line in found["mounts"] if (each := as_mounted(line))]
    found["devices"] = [each for line in found["devices"] if (each := as_device(line))]
    return found


def as_mounted(line: str) -> str:
    """One line of mountinfo without what differs from one container, or one disk, to another."""
    before, _, after = line.partition(" - ")
    place, options = before.split()[4:6]
    kind, source, details = after.split()[:3]
    if place == "/" or place.startswith(("/sys/fs/cgroup/", "/proc/interrupts", "/sys/devices")):
        return ""
    shown = {"ext4": "disk", "overlay": "disk"}.get(kind, f"{kind} {source} {details}")
    return f"{place} {options} {shown if place.startswith('/etc') or kind != 'ext4' else 'disk'}"


def as_device(line: str) -> str:
    """One line of `ls -l` without its time, and without what others put into it meanwhile."""
    words = line.split()
    if line.startswith("d"):
        return " ".join([words[0], *words[2:4], words[-1]])
    return " ".join([*words[:5], words[5] if line[0] in "cb" else "", words[-1]])


@pytest.mark.parametrize("flags", LINES)
def test_the_program_finds_what_it_finds_at_docker(yard: Yard, dockerd: Peer, flags: str) -> None:
    flags = f"{COMMON} {flags}"
    expected = sections(theirs(dockerd, flags, "/bin/sh", "-c", PROBE)[1])
    found = sections(ours(yard, flags, "/bin/sh", "-c", PROBE.replace("'", '"'))[1])

    assert found.keys() == expected.keys()
    for name in expected:
        assert found[name] == expected[name], name


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("/bin/true",), id="0"),
        pytest.param(("/bin/sh", "-c", "exit 7"), id="7"),
        pytest.param(("nope",), id="not-found"),
        pytest.param(("/bin/nope",), id="path-not-found"),
        pytest.param(("/etc/passwd",), id="not-executable"),
        pytest.param(("/etc",), id="a-directory"),
        pytest.param(("/bin/sh", "-c", "kill -9 $$"), id="killed"),
        pytest.param(("/bin/sh", "-c", "kill -TERM $$; sleep 0.1"), id="ignored-by-pid-1"),
    ],
)
def test_the_exit_code_is_dockers(yard: Yard, dockerd: Peer, command: tuple[str, ...]) -> None:
    expected, said = theirs(dockerd, COMMON, *command)
    code, told = ours(yard, COMMON, *command)

    assert code == expected
    if expected in {126, 127}:
        # Both pass on the reason in the runtime's own words.
        reason = told.rpartition(": ")[2]
        assert reason.removesuffix(" in $PATH") in said
