"""A command that is started without the runtime is the same as one that the runtime starts."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import signal
import sys
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.containers import exec_monitor
from engine.containers.attachment import StreamKind
from engine.containers.exec_monitor import LinuxExecMonitor
from engine.containers.runtime import Programs
from engine.errors import EngineError, RuntimeFailed
from engine.settings import ExecSettings
from engine.settings.resources import Ulimit
from engine.system.entering import spawner
from engine.system.entering.spawner import Spawner
from engine.system.processes import arguments_of, kill_and_wait
from tests.contracts.exec_monitor import ExecMonitorContract
from tests.support.filters import I386, X86_64, filters_of, judge
from tests.system.test_attach import read_all, read_until
from tests.system.test_containers import SECONDS, sleeping

if TYPE_CHECKING:
    from engine.containers.attachment import Attachment
    from engine.containers.record import ContainerRecord
    from tests.support.containers import Yard

pytestmark = pytest.mark.root

# Whatever a process can know of itself, but for numbers that differ from one to the next.
STATE = """
    umask; id; pwd; env | sort; hostname; tty
    cat /proc/self/limits /proc/self/oom_score_adj /proc/self/cgroup /proc/self/mountinfo
    grep -vE '^(Pid|Tgid|PPid|NS|Vm|Rss|SigQ|vol|nonvol|FDSize|State|Name)' /proc/self/status
    ls -l /proc/self/ns | sed 's/.* -> //'
    for each in 0 1 2; do ls -lnL /proc/self/fd/$each | cut -c1-40 | sed 's/ [0-9]*$//'; done
    cat /proc/self/personality /proc/self/coredump_filter /proc/self/timerslack_ns
    cut -d' ' -f7 /proc/self/stat
"""


class Never(Spawner):
    """On a host where the program cannot be run."""

    def is_possible(self) -> bool:
        return False


def by_runtime(yard: Yard) -> Yard:
    """Return the same containers, in which the runtime starts every command."""
    monitor = LinuxExecMonitor(Programs(yard.paths), Never())
    means = dataclasses.replace(yard.means, exec_monitor=monitor)
    return dataclasses.replace(yard, means=means, containers=yard.reopened(means))


class TestByRuntime(ExecMonitorContract):
    @pytest.fixture
    def yard(self, yard: Yard) -> Yard:
        return by_runtime(yard)


def said(yard: Yard, record: ContainerRecord, settings: ExecSettings) -> tuple[str, ...]:
    """Return what the command prints and how it ends, or what is said if it cannot be run."""
    created = yard.containers.exec_create(record.id, settings)
    try:
        attachment = yard.containers.exec_start(created.id)
    except EngineError as error:
        code = yard.containers.exec_get(created.id).exit_code
        return type(error).__name__, error.message, str(code)
    assert attachment
    found = read_all(attachment)
    return (*(found[each].decode() for each in sorted(found)), str(attachment.exit_code))


def both_say(yard: Yard, record: ContainerRecord, settings: ExecSettings) -> tuple[str, ...]:
    """Return what the command says, which is the same if the runtime starts it."""
    ours = said(yard, record, settings)
    assert ours == said(by_runtime(yard), record, settings)
    return ours


# A soft limit of files below the hard one is kept by us, and by runc most of the time: the runtime
# of its language raises it at its own start.
@pytest.mark.parametrize(
    "container",
    [
        pytest.param({}, id="plain"),
        pytest.param({"user": "ana", "working_dir": "/tmp"}, id="user"),
        pytest.param({"privileged": True}, id="privileged"),
        pytest.param({"cap_drop": ("ALL",), "cap_add": ("NET_ADMIN",)}, id="capabilities"),
        pytest.param({"security_opt": ("no-new-privileges",)}, id="nnp"),
        pytest.param({"security_opt": ("seccomp=unconfined",)}, id="unconfined"),
        pytest.param({"pid_mode": "host", "ipc_mode": "host", "uts_mode": "host"}, id="host"),
        pytest.param({"network": "host", "cgroup_mode": "host"}, id="host-network"),
        pytest.param(
            {"ulimits": (Ulimit("nofile", 60, 60), Ulimit("fsize", 5000, 6000))}, id="limits"
        ),
        pytest.param({"oom_score_adj": 500, "read_only": True}, id="more"),
    ],
)
def test_its_state_is_the_same(yard: Yard, container: dict[str, Any]) -> None:
    record = sleeping(yard, **container)
    for more in ({}, {"user": "7:8"}, {"privileged": True}, {"tty": True}):
        both_say(yard, record, ExecSettings(command=("/bin/sh", "-c", STATE), **more))


def test_its_words_are_the_same_where_it_cannot_be_run(yard: Yard) -> None:
    record = sleeping(yard)
    prepare = "printf x > /tmp/x; printf '#!/no\n' > /tmp/y; chmod +x /tmp/?; ln -s /loop /loop"
    said(yard, record, ExecSettings(command=("sh", "-c", prepare)))
    for command in ("/tmp/x", "/tmp/y", "/tmp", "/loop", "no", "/bin/no", "bin/no", "/etc/passwd"):
        both_say(yard, record, ExecSettings(command=(command,)))
    for place in ("/no", "/loop", "/bin/true", "/root/x"):
        both_say(yard, record, ExecSettings(command=("true",), working_dir=place, user="7"))


def test_a_closed_directory_is_the_users_to_enter(yard: Yard) -> None:
    record = sleeping(yard)
    script = "mkdir -m 700 /mine; chown 7 /mine"
    said(yard, record, ExecSettings(command=("sh", "-c", script)))

    for user in ("7", "8"):
        both_say(yard, record, ExecSettings(command=("pwd",), working_dir="/mine", user=user))


def test_its_system_calls_are_judged_the_same(yard: Yard) -> None:
    record = sleeping(yard)
    [theirs] = filters_of(first_pid(yard, record))
    created = yard.containers.exec_create(record.id, ExecSettings(command=("sleep", "1000")))
    yard.containers.exec_start(created.id, detach=True)
    [ours] = filters_of(yard.containers.exec_get(created.id).pid)

    numbers = (*range(600), 0x40000000, 0x40000001, 2**32 - 1)
    arguments = ([0] * 6, [8] * 6, [38] * 6, [39] * 6, [40] * 6, [0x7E020000] * 6, [2**40] * 6)
    calls = [
        (architecture, number, each)
        for architecture in (X86_64, I386, 0xC00000B7)
        for number in numbers
        for each in arguments
    ]
    assert [each for each in calls if judge(ours, *each) != judge(theirs, *each)] == []


def test_its_groups_are_the_containers(yard: Yard) -> None:
    record = sleeping(yard)
    created = yard.containers.exec_create(record.id, ExecSettings(command=("sleep", "1000")))
    yard.containers.exec_start(created.id, detach=True)
    pid = yard.containers.exec_get(created.id).pid

    groups = [Path(f"/proc/{each}/cgroup").read_text() for each in (first_pid(yard, record), pid)]
    assert record.id in groups[0]
    assert groups[0] == groups[1]


def first_pid(yard: Yard, record: ContainerRecord) -> int:
    identity = yard.means.runtime.identity(yard.means.bundles.locate(record.id))
    assert identity
    return identity.pid


# --- What may happen to it ---------------------------------------------------------------------


def running(
    yard: Yard, record: ContainerRecord, script: str, *, stdin: bool = False
) -> tuple[str, Attachment]:
    command = ("sh", "-c", f"echo ready; {script}")
    created = yard.containers.exec_create(record.id, ExecSettings(command=command, stdin=stdin))
    attachment = yard.containers.exec_start(created.id)
    assert attachment
    read_until(attachment, b"ready")
    return created.id, attachment


def test_its_watcher_is_seen_to_be_of_the_container(yard: Yard) -> None:
    record = sleeping(yard)
    exec_id, attachment = running(yard, record, "sleep 1000")
    with attachment:
        place = yard.means.bundles.locate(record.id).execs / exec_id
        watcher = int((place / "monitor.pid").read_text())

        assert arguments_of(watcher)[:2] == ["shipshape-exec", record.id]


def test_a_watcher_that_is_killed_is_the_end_of_it(yard: Yard) -> None:
    record = sleeping(yard)
    exec_id, attachment = running(yard, record, "sleep 1000")
    place = yard.means.bundles.locate(record.id).execs / exec_id
    os.kill(int((place / "monitor.pid").read_text()), signal.SIGKILL)

    assert attachment.read(SECONDS) is None
    assert attachment.exit_code == 137
    assert not yard.containers.exec_get(exec_id).is_running
    assert yard.means.cgroups.members(f"/shipshape/{record.id}") == [first_pid(yard, record)]
    yard.containers.exec_end(exec_id, grace=0)
    yard.containers.kill(record.id)
    assert yard.containers.wait(record.id, timeout=SECONDS) is not None


def test_the_program_may_be_killed_at_any_time(yard: Yard) -> None:
    record = sleeping(yard)
    _, attachment = running(yard, record, "read x; exit 3", stdin=True)
    kill_and_wait(programs_of(os.getpid()))
    attachment.write(b"go\n")

    assert attachment.read(SECONDS) is None
    assert attachment.exit_code == 3
    assert said(yard, record, ExecSettings(command=("echo", "again"))) == ("again\n", "", "0")


def programs_of(pid: int) -> list[int]:
    """Return the processes that run a copy of an interpreter which process *pid* has made."""
    wanted = f"/proc/{pid}/fd/"
    pids = [int(each.name) for each in Path("/proc").iterdir() if each.name.isdecimal()]
    return [each for each in pids if "".join(arguments_of(each)[:1]).startswith(wanted)]


def test_it_goes_on_when_whoever_started_it_is_killed(yard: Yard) -> None:
    record = sleeping(yard)
    created = yard.containers.exec_create(
        record.id, ExecSettings(command=("sh", "-c", "echo on > /tmp/on; sleep 1000"))
    )

    def start_and_die() -> None:
        yard.reopened().exec_start(created.id, detach=True)
        os.kill(os.getpid(), signal.SIGKILL)

    starter = get_context("fork").Process(target=start_and_die)
    starter.start()
    starter.join(SECONDS)

    assert yard.containers.exec_get(created.id).is_running
    yard.containers.exec_end(created.id, grace=0)
    assert yard.containers.exec_get(created.id).exit_code == 137


def test_a_container_that_has_just_stopped_says_so(yard: Yard) -> None:
    record = sleeping(yard)
    identity = yard.means.runtime.identity(yard.means.bundles.locate(record.id))
    assert identity
    created = yard.containers.exec_create(record.id, ExecSettings(command=("true",)))
    kill_and_wait([identity.pid])

    with pytest.raises(EngineError):
        yard.containers.exec_start(created.id)


# --- What a container may try ------------------------------------------------------------------


def test_the_interpreter_cannot_be_overwritten_from_inside(yard: Yard) -> None:
    # CVE-2019-5736, with a script whose interpreter is the program that enters.
    interpreter = Path(sys.executable).resolve()
    before = hashlib.sha256(interpreter.read_bytes()).hexdigest()
    record = sleeping(yard, cap_add=("SYS_PTRACE",))
    script = "printf '#!/proc/self/exe\nx\n' > /tmp/evil; chmod +x /tmp/evil"
    said(yard, record, ExecSettings(command=("sh", "-c", script)))
    attack = (
        "for n in $(seq 300); do for p in /proc/[0-9]*; do"
        " case $p in /proc/1|/proc/$$) ;; *) (echo x >> $p/exe) 2>/dev/null;; esac; done; done"
    )
    attacker = yard.containers.exec_create(record.id, ExecSettings(command=("sh", "-c", attack)))
    yard.containers.exec_start(attacker.id, detach=True)
    for command in ("/proc/self/exe", "/tmp/evil") * 3:
        said(yard, record, ExecSettings(command=(command,)))

    assert hashlib.sha256(interpreter.read_bytes()).hexdigest() == before


def test_a_terminal_is_not_made_by_what_stands_in_its_place(yard: Yard) -> None:
    record = sleeping(yard)
    for other in ("mkfifo /dev/ptmx", "ln -s /dev/zero /dev/ptmx", "mkdir /dev/ptmx"):
        script = f"rm -rf /dev/ptmx; {other}"
        said(yard, record, ExecSettings(command=("sh", "-c", script)))
        answer = said(yard, record, ExecSettings(command=("true",), tty=True))
        assert answer[0] == "RuntimeFailed"


def test_without_what_makes_terminals_it_says_so(yard: Yard) -> None:
    record = sleeping(yard)
    said(yard, record, ExecSettings(command=("rm", "/dev/ptmx")))
    both_say(yard, record, ExecSettings(command=("true",), tty=True))


def test_nothing_of_the_host_is_open_in_it(yard: Yard) -> None:
    record = sleeping(yard)
    for tty in (False, True):
        found = said(yard, record, ExecSettings(command=("ls", "/proc/self/fd"), tty=tty))
        # The last is the directory that it lists.
        assert found[0].split() == ["0", "1", "2", "3"]


def test_what_is_stopped_on_its_way_does_not_stay(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spawner, "START_SECONDS", 0.5)
    record = sleeping(yard)
    stopping = (
        "while [ ! -e /tmp/enough ]; do for each in /proc/[0-9]*; do case $each in"
        " /proc/1|/proc/$$) ;; *) kill -STOP ${each#/proc/} 2> /dev/null;; esac; done; done"
    )
    exec_id, attachment = running(yard, record, stopping)
    for _ in range(4):
        with suppress(RuntimeFailed):
            created = yard.containers.exec_create(record.id, ExecSettings(command=("true",)))
            yard.containers.exec_start(created.id, detach=True)
        yard.containers.exec_end(created.id, grace=0)
        assert not yard.containers.exec_get(created.id).is_running
    yard.containers.exec_end(exec_id, grace=0)
    attachment.close()

    members = yard.means.cgroups.members(f"/shipshape/{record.id}")
    assert members == [first_pid(yard, record)]


def test_what_was_not_begun_in_time_never_is(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    record = sleeping(yard)
    said(yard, record, ExecSettings(command=("true",)))
    programs = programs_of(os.getpid())
    monkeypatch.setattr(spawner, "START_SECONDS", 0.1)
    monkeypatch.setattr(exec_monitor, "ABORT_SECONDS", 0.1)
    for each in programs:
        os.kill(each, signal.SIGSTOP)
    created = yard.containers.exec_create(record.id, ExecSettings(command=("touch", "/tmp/ran")))
    with pytest.raises(RuntimeFailed, match="not started in time"):
        yard.containers.exec_start(created.id)
    for each in programs:
        os.kill(each, signal.SIGCONT)
    monkeypatch.undo()

    # They obey one after the other.
    answer = said(yard, record, ExecSettings(command=("ls", "/tmp")))
    assert "ran" not in answer[0]
    assert yard.containers.exec_get(created.id).exit_code == 126


# Looks at every process there for as long as it may, without a process of its own.
LOOKING = """
    while [ ! -e /tmp/enough ]; do for each in /proc/[0-9]*; do
        case $each in /proc/1|/proc/$$) continue;; esac
        [ -e $each/root$1 ] && echo a way to the files
        [ -e $each/fd/5 ] && echo more descriptors
        while read key value; do
            [ "$key" = CapPrm: ] && echo "may $value"
        done < $each/status
    done; done 2> /dev/null
"""


def test_what_traces_finds_no_way_to_the_host(yard: Yard, tmp_path: Path) -> None:
    (tmp_path / "secret").touch()
    record = sleeping(yard, cap_drop=("ALL",), cap_add=("SYS_PTRACE",))
    command = ("sh", "-c", f"echo ready; {LOOKING}", "-", str(tmp_path / "secret"))
    created = yard.containers.exec_create(record.id, ExecSettings(command=command))
    attacker = yard.containers.exec_start(created.id)
    assert attacker
    read_until(attacker, b"ready")
    for _ in range(30):
        said(yard, record, ExecSettings(command=("true",)))
    said(yard, record, ExecSettings(command=("touch", "/tmp/enough")))

    # But for CAP_SYS_PTRACE at most what it takes to become another user.
    found = set(read_all(attacker)[StreamKind.STDOUT].decode().split("\n"))
    assert found <= {"", "may 0000000000080000", "may 00000000000800c1"}


def test_the_hosts_null_device_is_not_the_containers(yard: Yard) -> None:
    record = sleeping(yard)
    look = ("stat", "-Lc", "%d", "/proc/self/fd/0", "/dev/null")
    ours, own = said(yard, record, ExecSettings(command=look))[0].split()
    assert ours == own

    said(yard, record, ExecSettings(command=("sh", "-c", "rm /dev/null; mkfifo /dev/null")))
    script = "[ -p /proc/self/fd/0 ] && ! read x && echo ended"
    assert said(yard, record, ExecSettings(command=("sh", "-c", script)))[0] == "ended\n"
