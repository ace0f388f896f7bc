"""The life of containers on the real kernel: standing still, sharing, changing, being kept."""

from __future__ import annotations

import resource
import shutil
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.containers.containers import IfRunning, WaitFor
from engine.containers.health import HealthStatus
from engine.containers.state import ContainerState
from engine.errors import InvalidSetting
from engine.oci.healthcheck import Healthcheck
from engine.settings import ContainerSettings, DeviceMapping, ResourceUpdate, RestartPolicy, Ulimit
from engine.system.cgroups import CgroupLayout, Cgroups, detect_layout
from tests.support.containers import Yard, clear_away, real_yard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.containers.record import ContainerRecord

pytestmark = pytest.mark.root

SECONDS = 60.0
CGROUPS = Path("/sys/fs/cgroup")
IS_UNIFIED = detect_layout() is CgroupLayout.UNIFIED


@pytest.fixture
def yard() -> Iterator[Yard]:
    root = Path(tempfile.mkdtemp(prefix="life-"))
    made = real_yard(root)
    yield made
    clear_away(made)
    remains = made.leftovers()
    made.means.database.close()
    shutil.rmtree(root)
    assert remains == []


@pytest.fixture
def kept(yard: Yard) -> Iterator[Yard]:
    """A yard that somebody keeps."""
    stop = threading.Event()
    thread = threading.Thread(target=yard.reopened().keep, args=(stop.is_set,))
    thread.start()
    yield yard
    stop.set()
    thread.join(SECONDS)
    assert not thread.is_alive()


def limit(group: str, unified: str, legacy: str) -> str:
    """Return the first word of the file that holds a limit of *group*, whatever the layout."""
    controller, _, name = legacy.partition("/")
    place = CGROUPS / group.lstrip("/") / unified
    if not IS_UNIFIED:
        place = CGROUPS / controller / group.lstrip("/") / name
    return place.read_text().split()[0]


def alone(**settings: object) -> dict[str, object]:
    return {"network": "none", **settings}


def run(yard: Yard, script: str, **settings: object) -> str:
    """Run *script* in a container to its end and return what it printed."""
    record = sh(yard, script, **settings)
    yard.containers.start(record.id)
    assert yard.containers.wait(record.id, timeout=SECONDS) is not None
    printed = "\n".join(each.text for each in yard.containers.logs(record.id))
    yard.containers.remove(record.id)
    return printed


def sh(yard: Yard, script: str, **settings: object) -> ContainerRecord:
    made = yard.settings("/bin/sh", "-c", script, **alone(**settings))
    return yard.containers.create(made)


def started(yard: Yard, script: str, **settings: object) -> ContainerRecord:
    """Start *script*, which says ready, and return once it has."""
    record = yard.containers.start(sh(yard, script, **settings).id)
    assert next(yard.containers.logs(record.id, follow=True)).text == "ready"
    return record


def event(yard: Yard, after: int, wanted: Callable[[str], bool]) -> str:
    """Return the first action that is *wanted*, as soon as it is told of."""
    timer = threading.Event()
    stop = threading.Timer(SECONDS, timer.set)
    stop.start()
    try:
        found = yard.means.events.follow(after, is_stopped=timer.is_set)
        return next(each.action for each in found if wanted(each.action))
    finally:
        stop.cancel()


class TestPause:
    def test_a_paused_container_does_nothing_until_it_goes_on(self, yard: Yard) -> None:
        record = started(yard, "echo ready; read line; echo $line", open_stdin=True)
        yard.containers.pause(record.id)
        assert yard.means.cgroups.is_frozen(f"/shipshape/{record.id}")
        assert yard.reopened().reconcile().is_clean

        yard.containers.unpause(record.id)
        assert not yard.means.cgroups.is_frozen(f"/shipshape/{record.id}")

    @pytest.mark.parametrize("verb", ["kill", "remove"])
    def test_it_can_be_ended_while_it_stands_still(self, yard: Yard, verb: str) -> None:
        record = started(yard, "echo ready; exec sleep 1000")
        yard.containers.pause(record.id)

        if verb == "kill":
            assert yard.containers.kill(record.id).exit_code == 137
        else:
            yard.containers.remove(record.id, if_running=IfRunning.KILL)
            assert yard.containers.find(record.id) is None

    def test_records_and_control_groups_are_made_to_agree(self, yard: Yard) -> None:
        record = started(yard, "echo ready; exec sleep 1000")
        yard.means.cgroups.freeze(f"/shipshape/{record.id}")

        assert yard.containers.reconcile().finished == (record.id,)
        assert not yard.means.cgroups.is_frozen(f"/shipshape/{record.id}")


class TestUpdate:
    def test_limits_change_while_it_runs_and_hold_at_the_next_start(self, yard: Yard) -> None:
        record = started(yard, "echo ready; exec sleep 1000", memory_bytes=32 << 20)
        update = ResourceUpdate(memory_bytes=64 << 20, nano_cpus=500_000_000, pids_limit=40)

        yard.containers.update(record.id, update)

        group = f"/shipshape/{record.id}"
        assert limit(group, "memory.max", "memory/memory.limit_in_bytes") == str(64 << 20)
        assert limit(group, "pids.max", "pids/pids.max") == "40"
        assert limit(group, "cpu.max", "cpu/cpu.cfs_quota_us") == "50000"
        yard.containers.restart(record.id, timeout=0)
        assert limit(group, "memory.max", "memory/memory.limit_in_bytes") == str(64 << 20)

    def test_what_the_kernel_refuses_changes_nothing(self, yard: Yard) -> None:
        record = started(yard, "echo ready; exec sleep 1000")
        with pytest.raises(InvalidSetting):
            yard.containers.update(record.id, ResourceUpdate(cpuset_cpus="900"))

        assert yard.containers.get(record.id).settings.cpuset_cpus == ""


class TestSharing:
    def test_memory_processes_and_network_of_another_are_joined(self, yard: Yard) -> None:
        script = "echo secret > /dev/shm/note; echo ready; exec sleep 1000"
        other = started(yard, script, ipc_mode="shareable", hostname="other", name="other")
        namespaces = "for n in ipc pid net; do readlink /proc/self/ns/$n; done"
        theirs = [Path(f"/proc/{other.pid}/ns/{each}").readlink() for each in ("ipc", "pid", "net")]

        printed = run(
            yard,
            f"cat /dev/shm/note; hostname; {namespaces}; ps | grep -c 'sleep 1000'",
            ipc_mode="container:other",
            pid_mode="container:other",
            network="container:other",
        )

        first, name, *joined, count = printed.splitlines()
        assert (first, name) == ("secret", "other")
        assert joined == [str(each) for each in theirs]
        assert int(count) >= 1
        assert yard.containers.get("other").is_running

    def test_what_is_not_shared_cannot_be_joined(self, yard: Yard) -> None:
        started(yard, "echo ready; exec sleep 1000", name="other")
        joining = sh(yard, "true", ipc_mode="container:other")

        with pytest.raises(InvalidSetting, match="non-shareable"):
            yard.containers.start(joining.id)


class TestOptions:
    def test_an_init_is_the_first_process(self, yard: Yard) -> None:
        # Without it, the first process would be deaf to the signal.
        record = started(yard, "echo ready; sleep 1000 & wait", init=True)

        assert yard.containers.stop(record.id, timeout=SECONDS).exit_code == 143

    def test_devices_limits_and_privileges(self, yard: Yard) -> None:
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        printed = run(
            yard,
            "head -c 2 /dev/empty | wc -c; grep CapEff /proc/self/status; grep 'open files' "
            "/proc/self/limits; mount -t tmpfs tmpfs /tmp && echo mounted",
            devices=(DeviceMapping("/dev/zero", "/dev/empty"),),
            ulimits=(Ulimit("nofile", most + 1, most + 1),),
            cap_add=("SYS_ADMIN",),
        ).splitlines()

        assert printed[0].strip() == "2"
        assert int(printed[1].split()[1], 16) >> 21 & 1
        # Without the privilege to raise it, the limit is as high as it can be.
        assert int(printed[2].split()[4]) in {most, most + 1}
        assert printed[3] == "mounted"

    def test_a_privileged_one_can_do_what_the_host_can(self, yard: Yard) -> None:
        printed = run(yard, "grep CapEff /proc/self/status; ls /dev | grep -c .", privileged=True)
        capabilities, devices = printed.splitlines()

        own = int(Path("/proc/self/status").read_text().partition("CapBnd:")[2].split()[0], 16)
        assert int(capabilities.split()[1], 16) == own
        assert int(devices) > 15

    def test_a_control_group_may_have_another_parent_and_is_removed_with_it(
        self, yard: Yard
    ) -> None:
        record = started(yard, "echo ready; exec sleep 1000", cgroup_parent="/shipshape-test")
        cgroups = yard.means.cgroups
        assert cgroups.exists(f"/shipshape-test/{record.id}")

        other = started(yard, "echo ready; exec sleep 1000", cgroup_parent="/shipshape-test/x")
        yard.containers.kill(record.id)
        assert not cgroups.exists(f"/shipshape-test/{record.id}")
        assert cgroups.exists("/shipshape-test/x")

        yard.containers.kill(other.id)
        assert not cgroups.exists("/shipshape-test")

    def test_a_parent_that_somebody_made_stays(self, yard: Yard) -> None:
        cgroups = Cgroups()
        (CGROUPS / ("" if IS_UNIFIED else "pids") / "shipshape-mine").mkdir()
        try:
            record = started(yard, "echo ready; sleep 1000", cgroup_parent="/shipshape-mine/below")
            yard.containers.kill(record.id)
            assert cgroups.exists("/shipshape-mine")
            assert not cgroups.exists("/shipshape-mine/below")
        finally:
            cgroups.destroy("/shipshape-mine")


class TestKeeping:
    def test_what_fails_is_started_again(self, kept: Yard) -> None:
        record = sh(kept, "echo again; exit 1", restart=RestartPolicy("on-failure", 2))
        kept.containers.start(record.id)

        def is_over(_: str) -> bool:
            found = kept.means.store.find_by_id(record.id)
            return found is not None and found.state is ContainerState.EXITED

        event(kept, 0, lambda action: action == "die" and is_over(action))
        after = kept.containers.get(record.id)
        assert (after.state, after.restart_count, after.exit_code) == (ContainerState.EXITED, 2, 1)
        assert [each.text for each in kept.containers.logs(record.id)] == ["again"] * 3

    def test_health_is_asked_for(self, kept: Yard) -> None:
        check = Healthcheck(("CMD-SHELL", "cat /tmp/note"), interval=50_000_000, retries=1)
        record = started(
            kept, "echo fine > /tmp/note; echo ready; exec sleep 1000", healthcheck=check
        )
        event(kept, 0, lambda action: action == "health_status: healthy")
        sequence = kept.means.events.last_sequence()
        health = kept.containers.get(record.id).health
        assert health is not None
        assert (health.status, health.log[-1].output) == (HealthStatus.HEALTHY, "fine\n")

        Path(f"/proc/{record.pid}/root/tmp/note").unlink()
        event(kept, sequence, lambda action: action == "health_status: unhealthy")

    def test_a_check_that_hangs_is_ended_with_all_it_began(self, kept: Yard) -> None:
        check = Healthcheck(
            ("CMD", "sleep", "777"), interval=50_000_000, timeout=100_000_000, retries=1
        )
        record = started(kept, "echo ready; exec sleep 1000", healthcheck=check)
        event(kept, 0, lambda action: action == "health_status: unhealthy")
        kept.containers.pause(record.id)

        members = kept.means.cgroups.members(f"/shipshape/{record.id}")
        commands = [Path(f"/proc/{each}/cmdline").read_bytes() for each in members]
        # At most the one that is being asked at this moment.
        assert sum(b"777" in each for each in commands) <= 1

    def test_what_is_to_be_removed_goes_by_itself(self, kept: Yard) -> None:
        # Long enough for whoever waits to begin with it.
        record = sh(kept, "sleep 1", auto_remove=True)
        waited: list[object] = []
        other = kept.reopened()
        waiter = threading.Thread(
            target=lambda: waited.append(
                other.wait(record.id, condition=WaitFor.REMOVED, timeout=SECONDS)
            )
        )
        waiter.start()
        kept.containers.start(record.id)
        waiter.join(SECONDS)

        assert waited
        assert waited[0] is not None
        assert kept.means.store.find_by_id(record.id) is None


def test_settings_of_a_lifetime_can_be_refused_by_this_host(yard: Yard) -> None:
    with pytest.raises(InvalidSetting, match="Unknown runtime"):
        yard.containers.create(ContainerSettings(image="busybox:latest", runtime="gvisor"))
