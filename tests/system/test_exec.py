"""Commands in running containers of the real kernel."""

from __future__ import annotations

import hashlib
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.containers.attachment import StreamKind
from engine.errors import CommandNotFound, RuntimeFailed
from engine.settings import ExecSettings
from tests.contracts.exec_monitor import ExecMonitorContract
from tests.system.test_attach import read_all, read_until
from tests.system.test_containers import SECONDS, sleeping

if TYPE_CHECKING:
    from engine.containers.record import ContainerRecord
    from tests.support.containers import Yard

pytestmark = pytest.mark.root


class TestLinuxExecMonitor(ExecMonitorContract):
    pass


@pytest.fixture
def record(yard: Yard) -> ContainerRecord:
    return sleeping(yard)


def run_in(yard: Yard, record: ContainerRecord, script: str, **more: object) -> tuple[str, int]:
    settings = ExecSettings(command=("/bin/sh", "-c", script), **more)  # type: ignore[arg-type]
    created = yard.containers.exec_create(record.id, settings)
    attachment = yard.containers.exec_start(created.id)
    assert attachment
    found = read_all(attachment)
    code = attachment.exit_code
    assert code is not None
    assert yard.containers.exec_get(created.id).exit_code == code
    return (found[StreamKind.STDOUT] + found[StreamKind.STDERR]).decode(), code


def test_who_and_where_it_is_and_how_it_ends(yard: Yard, record: ContainerRecord) -> None:
    script = "id -u; id -g; pwd; echo $A; exit 7"
    printed, code = run_in(yard, record, script, user="ana", working_dir="/tmp", env=("A=b",))

    assert printed.split() == ["1000", "1000", "/tmp", "b"]
    assert code == 7
    assert run_in(yard, record, "kill -9 $$")[1] == 137


def test_nothing_of_ours_is_inherited(yard: Yard, record: ContainerRecord) -> None:
    printed, _ = run_in(yard, record, "ls -l /proc/self/fd; cat /proc/self/environ | tr '\\0' ' '")

    links = [line.rpartition(" -> ")[2] for line in printed.splitlines() if " -> " in line]
    assert [each.partition("[")[0] for each in links] == ["/dev/null", "pipe:", "pipe:"]
    assert "_OCI" not in printed


def test_a_privileged_one_may_more(yard: Yard, record: ContainerRecord) -> None:
    plain, _ = run_in(yard, record, "grep CapEff /proc/self/status")
    more, _ = run_in(yard, record, "grep CapEff /proc/self/status", privileged=True)

    assert plain.split()[1] == "00000000a80425fb"
    assert int(more.split()[1], 16) > int(plain.split()[1], 16)


def test_input_ends_and_output_comes(yard: Yard, record: ContainerRecord) -> None:
    created = yard.containers.exec_create(record.id, ExecSettings(command=("cat",), stdin=True))
    attachment = yard.containers.exec_start(created.id)
    assert attachment
    content = bytes(range(256)) * 4000

    def write() -> None:
        attachment.write(content)
        attachment.close_stdin()

    threading.Thread(target=write).start()
    assert read_all(attachment)[StreamKind.STDOUT] == content
    assert attachment.exit_code == 0


def test_a_terminal_can_be_resized(yard: Yard, record: ContainerRecord) -> None:
    settings = ExecSettings(command=("sh",), tty=True, stdin=True)
    created = yard.containers.exec_create(record.id, settings)
    attachment = yard.containers.exec_start(created.id)
    assert attachment
    yard.containers.exec_resize(created.id, rows=21, columns=43)
    attachment.write(b"until stty size | grep '21 43'; do :; done; exit 3\n")
    read_until(attachment, b"\n21 43")
    while attachment.read() is not None:
        pass
    assert attachment.exit_code == 3


def test_what_it_left_in_its_session_ends_with_it(yard: Yard, record: ContainerRecord) -> None:
    settings = ExecSettings(command=("sh", "-i"), tty=True, stdin=True)
    created = yard.containers.exec_create(record.id, settings)
    attachment = yard.containers.exec_start(created.id)
    assert attachment
    attachment.write(
        b"trap '' HUP TERM; nohup sleep 2001 >/dev/null & sleep 2002 & setsid sleep 2003 &\n"
    )
    attachment.write(b"echo rea''dy; cat\n")
    read_until(attachment, b"ready")

    attachment.close()
    yard.containers.exec_end(created.id, grace=0.1)
    yard.containers.exec_end(created.id)

    found = "\n".join(row[-1] for row in yard.containers.top(record.id).rows)
    assert [each in found for each in ("sleep 2001", "sleep 2002", "sh -i", "cat")] == [False] * 4
    assert "sleep 2003" in found
    assert "sleep 1000" in found
    assert not yard.containers.exec_get(created.id).is_running


def test_ending_what_nobody_knows_is_fine(yard: Yard) -> None:
    yard.containers.exec_end("e" * 64)


@pytest.mark.parametrize(
    ("command", "more", "code"),
    [
        (("nope",), {}, 127),
        (("/etc/passwd",), {}, 126),
        (("true",), {"working_dir": "/nowhere/at/all"}, 126),
    ],
)
def test_what_cannot_be_run_says_so(
    yard: Yard, record: ContainerRecord, command: tuple[str, ...], more: dict, code: int
) -> None:
    created = yard.containers.exec_create(record.id, ExecSettings(command=command, **more))
    with pytest.raises((CommandNotFound, RuntimeFailed)):
        yard.containers.exec_start(created.id)
    assert yard.containers.exec_get(created.id).exit_code == code


def test_one_that_goes_on_ends_with_its_container(yard: Yard, record: ContainerRecord) -> None:
    script = "echo on; sleep 1000"
    created = yard.containers.exec_create(record.id, ExecSettings(command=("sh", "-c", script)))
    attachment = yard.containers.exec_start(created.id)
    assert attachment
    read_until(attachment, b"on")
    yard.containers.kill(record.id)

    assert attachment.read() is None
    assert attachment.exit_code == 137
    assert yard.containers.wait(record.id, timeout=SECONDS) is not None


def test_many_at_once_do_not_mix(yard: Yard, record: ContainerRecord) -> None:
    answers: dict[int, tuple[str, int]] = {}
    threads = [
        threading.Thread(
            target=lambda n=n: answers.update({n: run_in(yard, record, f"echo {n}; exit {n}")})
        )
        for n in range(8)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join(SECONDS)

    assert answers == {n: (f"{n}\n", n) for n in range(8)}


def test_top_and_stats_see_what_runs_in_it(yard: Yard, record: ContainerRecord) -> None:
    created = yard.containers.exec_create(record.id, ExecSettings(command=("sleep", "77")))
    yard.containers.exec_start(created.id, detach=True)

    top = yard.containers.top(record.id, "-eo pid,args")
    assert [row[1] for row in top.rows] == ["sleep 1000", "sleep 77"]
    assert yard.containers.top(record.id).titles[:2] == ("UID", "PID")

    first = yard.containers.stats(record.id).details
    assert first
    assert first.before is None
    assert first.memory.usage_bytes > 0
    second = yard.containers.stats(record.id).details
    assert second
    assert second.before == first.cpu
    assert second.cpu.host_ns >= first.cpu.host_ns > 0


@pytest.mark.parametrize("number", range(3, 10))
def test_no_descriptor_of_the_host_is_a_working_directory(
    yard: Yard, record: ContainerRecord, tmp_path: Path, number: int
) -> None:
    # CVE-2024-21626: a leaked descriptor of the host as working directory is a way out.
    (tmp_path / "secret").write_text("of the host")
    script = f"cat ../../../../../../../..{tmp_path}/secret"
    with suppress(RuntimeFailed):
        printed, code = run_in(yard, record, script, working_dir=f"/proc/self/fd/{number}")
        assert code != 0
        assert "of the host" not in printed


def test_the_runtime_cannot_be_overwritten_from_inside(yard: Yard) -> None:
    # CVE-2019-5736: a program that is the runtime itself, and whoever writes to it meanwhile.
    runtime = Path(yard.means.runtime._programs.runtime.path)  # type: ignore[attr-defined]
    before = hashlib.sha256(runtime.read_bytes()).hexdigest()
    record = sleeping(yard)
    attack = (
        "for n in $(seq 400); do for p in /proc/[0-9]*; do"
        " case $p in /proc/1|/proc/$$) ;; *) (echo x >> $p/exe) 2>/dev/null;; esac; done; done"
    )
    attacker = yard.containers.exec_create(
        record.id, ExecSettings(command=("/bin/sh", "-c", attack))
    )
    yard.containers.exec_start(attacker.id, detach=True)
    for _ in range(3):
        created = yard.containers.exec_create(
            record.id, ExecSettings(command=("/proc/self/exe", "init"))
        )
        with suppress(CommandNotFound, RuntimeFailed):
            yard.containers.exec_start(created.id, detach=True)

    assert hashlib.sha256(runtime.read_bytes()).hexdigest() == before
