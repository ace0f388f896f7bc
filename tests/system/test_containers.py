"""Containers of the real kernel: runc, conmon, overlayfs, control groups."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.containers.containers import IfRunning
from engine.containers.state import ContainerState
from engine.errors import CommandNotFound
from engine.system.marks import end_holders, is_held
from tests.contracts.runtime import RuntimeContract
from tests.support.crashes import kill_oneself
from tests.support.real_containers import SECONDS, remains_of

if TYPE_CHECKING:
    from engine.containers.record import ContainerRecord
    from tests.support.containers import Yard

pytestmark = pytest.mark.root


DEFAULT_CAPABILITIES = "00000000a80425fb"


def run(yard: Yard, script: str, **settings: object) -> str:
    """Run *script* in a container to its end and return what it printed."""
    return output(yard, finished(yard, script, **settings))


def finished(yard: Yard, script: str, **settings: object) -> ContainerRecord:
    record = yard.containers.create(yard.settings("/bin/sh", "-c", script, **settings))
    yard.containers.start(record.id)
    assert yard.containers.wait(record.id, timeout=SECONDS) is not None
    return yard.containers.get(record.id)


def output(yard: Yard, record: ContainerRecord) -> str:
    return "\n".join(line.text for line in yard.containers.logs(record.id))


def sleeping(yard: Yard, **settings: object) -> ContainerRecord:
    """Start a container and return when its own program runs."""
    script = "echo ready; exec sleep 1000"
    created = yard.containers.create(yard.settings("/bin/sh", "-c", script, **settings))
    record = yard.containers.start(created.id)
    assert next(yard.containers.logs(record.id, follow=True)).text == "ready"
    return record


class TestOciRuntime(RuntimeContract):
    pass


class TestRun:
    def test_output_and_exit_code_come_back(self, yard: Yard) -> None:
        record = finished(yard, "echo hello; echo oh no >&2; exit 3")

        assert (record.state, record.exit_code) == (ContainerState.EXITED, 3)
        lines = [(each.stream, each.text) for each in yard.containers.logs(record.id)]
        assert lines == [("stdout", "hello"), ("stderr", "oh no")]
        assert yard.actions() == ["create", "start", "die"]
        assert yard.leftovers(records=1) == []

    def test_a_signal_is_told_as_docker_tells_it(self, yard: Yard) -> None:
        # The first process of a container is deaf to signals of its own.
        record = finished(yard, "sh -c 'kill -9 $$'; exit $?")

        assert record.exit_code == 137

    def test_what_was_written_is_there_at_the_next_start_and_gone_after_removal(
        self, yard: Yard
    ) -> None:
        record = finished(yard, "cat /tmp/note; echo kept > /tmp/note")
        yard.containers.start(record.id)
        yard.containers.wait(record.id, timeout=SECONDS)

        assert "kept" in output(yard, record)
        loss = yard.containers.what_would_be_lost(record.id)
        assert loss.files >= 1
        assert yard.containers.remove(record.id) == loss.bytes
        assert yard.leftovers() == []

    @pytest.mark.parametrize(
        ("command", "code"),
        [("nope", 127), ("/nope", 127), ("/etc/passwd", 126), ("/bin", 126)],
    )
    def test_a_command_that_cannot_run_has_dockers_exit_code(
        self, yard: Yard, command: str, code: int
    ) -> None:
        record = yard.containers.create(yard.settings(command))

        with pytest.raises(CommandNotFound) as caught:
            yard.containers.start(record.id)

        assert caught.value.exit_code == code
        assert caught.value.command == command
        after = yard.containers.get(record.id)
        assert (after.state, after.exit_code) == (ContainerState.CREATED, code)
        assert yard.leftovers(records=1) == []
        assert remains_of([record.id]) == []

    def test_a_terminal_is_one(self, yard: Yard) -> None:
        assert "tty" in run(yard, "test -t 0 && test -t 1 && echo tty; env", tty=True)

    def test_a_container_to_be_removed_is_gone_after_its_exit(self, yard: Yard) -> None:
        record = yard.containers.create(yard.settings("/bin/true", auto_remove=True))
        yard.containers.start(record.id)

        ended = yard.containers.wait(record.id, timeout=SECONDS)

        assert ended is not None
        assert ended.code == 0
        assert yard.leftovers() == []

    def test_one_to_be_removed_keeps_its_files_as_long_as_it_is_there(self, yard: Yard) -> None:
        command = "cat /note 2>&1; echo kept >> /note; echo done; exec sleep 60"
        settings = yard.settings("/bin/sh", "-c", command, auto_remove=True)
        record = yard.containers.create(settings)
        yard.containers.start(record.id)
        # The kernel refuses a layer that it did not write out, unless told that it is known.
        for _ in range(2):
            texts = (each.text for each in yard.containers.logs(record.id, follow=True))
            assert "done" in texts
            yard.containers.restart(record.id, timeout=0)

        texts = (each.text for each in yard.containers.logs(record.id, follow=True))
        assert "kept" in texts
        yard.containers.stop(record.id, timeout=0)
        assert yard.leftovers() == []

    def test_following_sees_every_line(self, yard: Yard) -> None:
        record = yard.containers.create(yard.settings("/bin/sh", "-c", "seq 1 3000"))
        yard.containers.start(record.id)

        lines = [each.text for each in yard.containers.logs(record.id, follow=True)]

        assert lines == [str(number) for number in range(1, 3001)]

    def test_a_line_of_a_megabyte_comes_whole(self, yard: Yard) -> None:
        record = finished(yard, "yes 12345678 | head -c 1000000 | tr -d '\\n'; echo")

        content = b"".join(each.content for each in yard.containers.logs(record.id))

        assert content == (b"12345678\n" * 111_112)[:1_000_000].replace(b"\n", b"")


class TestStop:
    def test_a_deaf_container_is_killed_after_its_grace(self, yard: Yard) -> None:
        record = sleeping(yard)

        assert yard.containers.stop(record.id, timeout=0.2).exit_code == 137

    def test_one_that_listens_ends_at_its_own_word(self, yard: Yard) -> None:
        script = "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done"
        record = yard.containers.create(yard.settings("/bin/sh", "-c", script))
        yard.containers.start(record.id)
        assert next(yard.containers.logs(record.id, follow=True)).text == "ready"

        assert yard.containers.stop(record.id).exit_code == 7

    def test_removal_by_force_ends_it(self, yard: Yard) -> None:
        record = sleeping(yard)

        yard.containers.remove(record.id, if_running=IfRunning.KILL)

        assert yard.leftovers() == []
        assert remains_of([record.id]) == []


class TestIsolation:
    def test_capabilities_seccomp_and_privileges_are_dockers(self, yard: Yard) -> None:
        status = dict(
            line.split(":\t", 1)
            for line in run(yard, "cat /proc/self/status").splitlines()
            if ":\t" in line
        )

        assert status["CapInh"] == status["CapAmb"] == "0" * 16
        assert {status[key] for key in ("CapPrm", "CapEff", "CapBnd")} == {DEFAULT_CAPABILITIES}
        assert status["Seccomp"] == "2"
        assert status["NoNewPrivs"] == "0"

    def test_another_user_has_no_capability_and_the_right_groups(self, yard: Yard) -> None:
        printed = run(yard, "id; grep CapEff /proc/self/status; echo $HOME", user="ana")

        assert "uid=1000(ana) gid=1000(ana) groups=50(staff),1000(ana)" in printed
        assert "CapEff:\t0000000000000000" in printed
        assert printed.endswith("/home/ana")

    def test_namespaces_are_its_own(self, yard: Yard) -> None:
        names = ("mnt", "pid", "net", "ipc", "uts", "cgroup")
        printed = run(
            yard, "cd /proc/self/ns; for n in mnt pid net ipc uts cgroup; do readlink $n; done"
        )

        mine = [str(Path("/proc/self/ns", name).readlink()) for name in names]
        theirs = printed.splitlines()
        assert len(theirs) == len(mine)
        assert set(mine) & set(theirs) == set()

    def test_only_its_own_processes_are_seen(self, yard: Yard) -> None:
        printed = run(yard, "ls -d /proc/[0-9]*")

        assert set(printed.split()) <= {"/proc/1", "/proc/2", "/proc/3"}

    def test_there_is_no_network_but_a_loopback_that_is_up(self, yard: Yard) -> None:
        printed = run(yard, "ip -o link")

        assert "lo:" in printed
        assert "UP" in printed
        assert "eth" not in printed

    def test_what_is_masked_is_empty_and_what_is_fixed_cannot_be_written(self, yard: Yard) -> None:
        printed = run(
            yard,
            """
            cat /proc/timer_list /proc/keys | wc -c
            groups=/sys/fs/cgroup; [ -d $groups/pids ] && groups=$groups/pids
            mkdir $groups/x || echo refused
            echo 1 > /proc/sys/kernel/panic || echo refused
            mount -t tmpfs none /tmp || echo refused
            """,
        )

        assert [line for line in printed.splitlines() if "refused" in line] == ["refused"] * 3
        assert printed.splitlines()[:1] == ["0"]

    def test_name_files_and_environment_are_its_own(self, yard: Yard) -> None:
        record = finished(
            yard,
            "hostname; cat /etc/hostname /etc/hosts; env",
            env=("A=b c",),
            hostname="web.example",
        )
        printed = output(yard, record).splitlines()

        assert printed[:2] == ["web.example", "web.example"]
        assert "127.0.0.1\tlocalhost" in printed
        assert {"A=b c", "HOSTNAME=web.example", "HOME=/root"} <= set(printed)

    def test_its_name_is_its_short_id_otherwise(self, yard: Yard) -> None:
        record = finished(yard, "hostname")

        assert output(yard, record) == record.short_id

    def test_a_read_only_root_is_one(self, yard: Yard) -> None:
        assert "refused" in run(yard, "touch /x || echo refused", read_only=True)

    def test_no_descriptor_of_the_host_is_open(self, yard: Yard) -> None:
        printed = run(yard, "for each in /proc/1/fd/*; do readlink $each; done")

        targets = {each for each in printed.split() if not each.startswith(("pipe:", "/proc/"))}
        assert targets == {"/dev/null"}

    def test_a_mount_point_that_is_a_link_leads_nowhere_outside(self, yard: Yard) -> None:
        victim = Path(tempfile.mkdtemp())
        try:
            script = f"rm -rf /etc/hosts; ls /etc; mkdir -p {victim}; true"
            record = finished(yard, script)
            rootfs = yard.means.snapshotter.changes_directory(record.id)
            assert rootfs is not None
            (rootfs / "etc").mkdir(exist_ok=True)
            (rootfs / "etc/hosts").unlink(missing_ok=True)
            (rootfs / "etc/hosts").symlink_to(victim / "hosts")
            yard.containers.start(record.id)
            yard.containers.wait(record.id, timeout=SECONDS)

            assert list(victim.iterdir()) == []
        finally:
            victim.rmdir()


class TestLimits:
    def test_too_much_memory_ends_it_and_is_told(self, yard: Yard) -> None:
        record = finished(yard, "tail /dev/zero", memory_bytes=16 << 20)

        assert record.exit_code == 137
        assert record.oom_killed
        assert yard.actions() == ["create", "start", "oom", "die"]

    def test_processes_are_limited(self, yard: Yard) -> None:
        script = "for n in $(seq 20); do sleep 100 & done 2>&1; ps | grep -c 'sleep 100'"
        record = finished(yard, f"({script}); true", pids_limit=8)

        assert "can't fork" in output(yard, record)

    def test_the_limits_stand_in_the_control_group(self, yard: Yard) -> None:
        record = sleeping(yard, memory_bytes=64 << 20, nano_cpus=500_000_000, pids_limit=50)

        sample = yard.containers.stats(record.id)

        assert sample.memory_limit == 64 << 20
        assert 0 < sample.memory_bytes < 64 << 20
        assert sample.pids == 1
        assert [each.container_id for each in yard.containers.list_stats()] == [record.id]


class TestOutlivingUs:
    def test_a_container_goes_on_when_its_launcher_is_killed(self, yard: Yard) -> None:
        record = yard.containers.create(yard.settings("/bin/sleep", "1000"))
        context = get_context("fork")

        def start_and_die() -> None:
            yard.reopened().start(record.id)
            kill_oneself()

        child = context.Process(target=start_and_die)
        child.start()
        child.join(SECONDS)

        assert child.exitcode == -signal.SIGKILL
        assert yard.containers.reconcile().is_clean
        assert yard.containers.get(record.id).is_running
        assert yard.containers.kill(record.id).exit_code == 137

    def test_a_monitor_can_be_found_by_its_mark_as_long_as_it_lives(self, yard: Yard) -> None:
        record = sleeping(yard)
        bundle = yard.means.bundles.locate(record.id)
        assert is_held(bundle.mark)

        assert end_holders(bundle.mark, timeout=SECONDS)

        # The container's own processes do not hold it: nothing of the host is open in them.
        assert yard.means.runtime.signal(bundle, signal.SIGCONT)
        yard.containers.reconcile()

    def test_a_start_that_died_before_it_had_tidied_up_does_no_harm(self, yard: Yard) -> None:
        record = sleeping(yard)
        os.mkfifo(yard.paths.run / "runtime" / record.id / "exec.fifo")

        assert yard.containers.reconcile().lost == ()
        assert yard.containers.get(record.id).is_running

    def test_a_killed_monitor_is_noticed_and_nothing_is_left(self, yard: Yard) -> None:
        record = sleeping(yard)
        bundle = yard.means.bundles.locate(record.id)
        os.kill(int(bundle.monitor_pid_file.read_text()), signal.SIGKILL)
        assert yard.means.monitor.wait(bundle, timeout=SECONDS)

        assert yard.containers.reconcile().lost == (record.id,)

        assert yard.containers.get(record.id).exit_code == 137
        assert yard.leftovers(records=1) == []
        assert remains_of([record.id]) == []

    def test_after_a_reboot_what_ran_has_exited_and_can_run_again(self, yard: Yard) -> None:
        record = sleeping(yard)
        bundle = yard.means.bundles.locate(record.id)
        # What a reboot does: processes, control groups, mounts and the run directory are gone.
        yard.means.monitor.abort(bundle)
        yard.means.cgroups.destroy(bundle.cgroup)
        yard.means.mounter.unmount(bundle.rootfs)
        for place in ("containers", "runtime", "exits", "locks"):
            shutil.rmtree(yard.paths.run / place, ignore_errors=True)
        yard.paths.ensure()

        assert yard.containers.reconcile().lost == (record.id,)
        assert yard.containers.get(record.id).exit_code == 255
        assert yard.containers.start(record.id).is_running
