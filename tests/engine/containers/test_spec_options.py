"""What each option of a launch makes of the runtime spec."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.containers.bundle import Bundle
from engine.containers.devices import Device
from engine.containers.process import resolve_process
from engine.containers.resources import check_against_host, warnings
from engine.containers.seccomp_json import convert_profile
from engine.containers.spec import SpecInputs, runtime_spec
from engine.containers.spec_mounts import merged_options
from engine.containers.surroundings import NOTHING, Surroundings
from engine.containers.users import (
    Account,
    Accounts,
    GroupEntry,
    Identity,
    resolve_user,
    with_groups,
)
from engine.errors import InvalidSetting
from engine.oci.config import ProcessDefaults
from engine.settings import (
    ContainerSettings,
    DeviceRate,
    DeviceWeight,
    MountKind,
    MountPoint,
    Ulimit,
)
from engine.settings.capabilities import CAPABILITIES
from tests.support.containers import FAKE_FACTS

BUNDLE = Bundle("<id>", Path("<files>"), Path("<run>"))
NULL = Device("/dev/nothing", "c", 1, 3, 0o666, 0, 0, "r")
HOST = replace(FAKE_FACTS, open_files=20_000)
FEW = replace(
    HOST,
    missing=frozenset({"blkio_weight", "blkio_weight_device", "memory_swappiness", "cpuset"}),
    has_swap_limit=False,
    limits={"nofile": 1000, "core": 0},
)


def spec(surroundings: Surroundings = NOTHING, host: Any = HOST, **settings: Any) -> dict[str, Any]:
    made = ContainerSettings(image="bb", command=("sh",), **settings)
    process = resolve_process(ProcessDefaults(), made, hostname="<name>")
    inputs = SpecInputs(BUNDLE, made, process, Identity(), "<name>", host, surroundings)
    return runtime_spec(inputs)


def mount_at(place: str, **settings: Any) -> dict[str, Any] | None:
    found = [each for each in spec(**settings)["mounts"] if each["destination"] == place]
    return found[0] if found else None


def test_it_can_be_carried_by_json_whatever_is_asked_for() -> None:
    json.dumps(spec(Surroundings(devices=(NULL,)), annotations={"a": "b"}, privileged=True))


class TestCapabilities:
    @pytest.mark.parametrize(
        ("settings", "has", "lacks"),
        [
            pytest.param({"cap_add": ("net_admin",)}, "CAP_NET_ADMIN", "CAP_SYS_ADMIN", id="add"),
            pytest.param({"cap_drop": ("CHOWN",)}, "CAP_KILL", "CAP_CHOWN", id="drop"),
            pytest.param(
                {"cap_add": ("ALL",), "cap_drop": ("SYS_ADMIN",)},
                "CAP_NET_ADMIN",
                "CAP_SYS_ADMIN",
                id="all-but-one",
            ),
            pytest.param(
                {"cap_add": ("CHOWN",), "cap_drop": ("ALL",)},
                "CAP_CHOWN",
                "CAP_KILL",
                id="only-one",
            ),
        ],
    )
    def test_added_and_dropped(self, settings: dict[str, Any], has: str, lacks: str) -> None:
        bounding = spec(**settings)["process"]["capabilities"]["bounding"]

        assert has in bounding
        assert lacks not in bounding

    def test_a_privileged_one_has_what_the_host_can_give_and_sees_everything(self) -> None:
        host = replace(HOST, capability_bits=(1 << len(CAPABILITIES)) - 1 & ~(1 << 24))
        made = spec(Surroundings(devices=(NULL,)), host, privileged=True)

        assert set(CAPABILITIES) - set(made["process"]["capabilities"]["bounding"]) == {
            "CAP_SYS_RESOURCE"
        }
        assert made["linux"]["maskedPaths"] == made["linux"]["readonlyPaths"] == []
        assert made["linux"]["resources"]["devices"] == [{"allow": True, "access": "rwm"}]
        assert made["linux"]["devices"][0]["path"] == "/dev/nothing"
        assert "seccomp" not in made["linux"]
        assert not [
            m for m in made["mounts"] if m["type"] in {"sysfs", "cgroup"} and "ro" in m["options"]
        ]


class TestSecurity:
    def test_options_are_what_they_say(self) -> None:
        made = spec(
            security_opt=("no-new-privileges", "seccomp=unconfined", "systempaths=unconfined")
        )

        assert made["process"]["noNewPrivileges"]
        assert "seccomp" not in made["linux"]
        assert made["linux"]["maskedPaths"] == []

    def test_a_profile_of_apparmor_holds_where_the_kernel_has_it(self) -> None:
        asked = ("apparmor=mine", "label=disable")

        confining = replace(HOST, has_apparmor=True)
        assert spec(host=confining, security_opt=asked)["process"]["apparmorProfile"] == "mine"
        assert warnings(confining, ContainerSettings(image="x", security_opt=asked)) == ()
        assert "apparmorProfile" not in spec(security_opt=asked)["process"]

    @pytest.mark.parametrize(
        ("option", "words"),
        [
            pytest.param("apparmor=mine", "does not support AppArmor", id="apparmor"),
            pytest.param("label=type:mine_t", "SELinux labels are not supported", id="label"),
        ],
    )
    def test_who_asks_for_what_this_host_cannot_confine_is_told(
        self, option: str, words: str
    ) -> None:
        (told,) = warnings(HOST, ContainerSettings(image="x", security_opt=(option,)))

        assert words in told

    def test_masked_paths_can_be_chosen(self) -> None:
        assert spec(masked_paths=("/proc/x",))["linux"]["maskedPaths"] == ["/proc/x"]

    def test_a_profile_of_ones_own_is_converted(self) -> None:
        profile = {
            "defaultAction": "SCMP_ACT_ERRNO",
            "archMap": [
                {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}
            ],
            "syscalls": [
                {"names": ["read"], "action": "SCMP_ACT_ALLOW"},
                {"name": "write", "action": "SCMP_ACT_ALLOW", "args": []},
                {"names": ["a"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["arm64"]}},
                {"names": ["b"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_KILL"]}},
                {"names": ["c"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_KILL"]}},
                {"names": ["d"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "99.0"}},
                {"names": ["e"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
            ],
        }
        made = spec(security_opt=(f"seccomp={json.dumps(profile)}",))["linux"]["seccomp"]

        assert [each["names"] for each in made["syscalls"]] == [["read"], ["write"], ["b"], ["e"]]
        assert made["architectures"] == ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]
        assert made["syscalls"][-1]["errnoRet"] == 38

    @pytest.mark.parametrize("text", ['{"defaultAction": 1, "syscalls": [5]}', "[]", '{"x": 1}'])
    def test_a_profile_of_another_form_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidSetting):
            convert_profile(text, capabilities=(), host=HOST)


class TestNamespaces:
    @pytest.mark.parametrize(
        ("settings", "kind"),
        [
            ({"network": "host"}, "network"),
            ({"pid_mode": "host"}, "pid"),
            ({"ipc_mode": "host"}, "ipc"),
            ({"uts_mode": "host"}, "uts"),
            ({"cgroup_mode": "host"}, "cgroup"),
        ],
    )
    def test_the_hosts_is_shared_by_having_none(self, settings: dict[str, Any], kind: str) -> None:
        kinds = [each["type"] for each in spec(**settings)["linux"]["namespaces"]]

        assert kind not in kinds
        assert len(kinds) == 5

    def test_anothers_is_joined_by_its_path(self) -> None:
        joined = Surroundings(joined={"pid": "/proc/7/ns/pid"})

        assert {"type": "pid", "path": "/proc/7/ns/pid"} in spec(joined, pid_mode="container:x")[
            "linux"
        ]["namespaces"]

    def test_a_host_that_is_shared_keeps_its_parameters_and_its_name(self) -> None:
        assert spec(network="host")["linux"]["sysctl"] == {}
        assert "hostname" not in spec(uts_mode="host")

    def test_parameters_and_a_domain_are_set(self) -> None:
        sysctl = spec(domainname="d", sysctls={"net.core.somaxconn": "9"})["linux"]["sysctl"]

        assert sysctl["kernel.domainname"] == "d"
        assert sysctl["net.core.somaxconn"] == "9"


class TestMounts:
    def test_shared_memory_has_its_size(self) -> None:
        assert "size=4096" in (mount_at("/dev/shm", shm_size=4096) or {})["options"]

    def test_without_ipc_there_is_none(self) -> None:
        assert mount_at("/dev/shm", ipc_mode="none") is None
        assert mount_at("/dev/mqueue", ipc_mode="none") is not None

    def test_that_of_the_host_or_of_another_is_bound(self) -> None:
        assert (mount_at("/dev/shm", ipc_mode="host") or {})["source"] == "/dev/shm"
        shared = spec(Surroundings(shm=Path("/run/x/shm")), ipc_mode="shareable")["mounts"]
        assert "/run/x/shm" in [each["source"] for each in shared]

    def test_memory_is_mounted_with_dockers_options(self) -> None:
        mount = MountPoint(MountKind.TMPFS, "/run/", options=("exec", "size=64k"), mode=0o1770)

        assert mount_at("/run", mounts=(mount,)) == {
            "destination": "/run",
            "type": "tmpfs",
            "source": "tmpfs",
            "options": ["nosuid", "nodev", "rprivate", "exec", "size=64k", "mode=1770"],
        }

    @pytest.mark.parametrize("option", ["colour=red", "size", "size=", "bind"])
    def test_options_that_memory_does_not_have_are_refused(self, option: str) -> None:
        with pytest.raises(InvalidSetting, match="invalid tmpfs option"):
            merged_options([option])

    def test_what_is_mounted_over_takes_its_place(self) -> None:
        made = spec(
            mounts=(MountPoint(MountKind.TMPFS, "/dev"), MountPoint(MountKind.TMPFS, "/etc/hosts"))
        )
        places = [each["destination"] for each in made["mounts"]]

        assert places.count("/dev") == places.count("/etc/hosts") == 1
        assert "/dev/pts" not in places

    def test_a_read_only_root_keeps_little_writable(self) -> None:
        writable = [
            each["destination"]
            for each in spec(read_only=True)["mounts"]
            if "ro" not in each["options"]
        ]

        assert writable == ["/proc", "/dev", "/dev/pts", "/dev/mqueue", "/dev/shm"]

    def test_lower_places_come_before_what_lies_in_them(self) -> None:
        around = Surroundings(
            mounts=({"destination": "/a", "type": "bind", "source": "/x", "options": []},)
        )
        made = spec(around, mounts=(MountPoint(MountKind.TMPFS, "/a/b/c"),))
        places = [each["destination"] for each in made["mounts"]]

        assert places.index("/a") < places.index("/a/b/c")

    def test_an_init_stands_before_the_command(self) -> None:
        made = spec(Surroundings(init=Path("/usr/bin/tini-static")), init=True)

        assert made["process"]["args"] == ["/sbin/docker-init", "--", "sh"]
        assert made["mounts"][-1]["source"] == "/usr/bin/tini-static"
        assert "ro" in made["mounts"][-1]["options"]


class TestLimits:
    def test_each_is_where_the_runtime_looks_for_it(self) -> None:
        rates = (DeviceRate("/dev/x", 9),)
        made = spec(
            Surroundings(numbers={"/dev/x": (8, 1)}),
            memory_bytes=64 << 20,
            memory_swap=-1,
            memory_reservation=32 << 20,
            memory_swappiness=5,
            oom_kill_disable=True,
            cpu_shares=7,
            cpu_period=2000,
            cpu_quota=1000,
            cpuset_cpus="0-1",
            cpuset_mems="0",
            pids_limit=-1,
            blkio_weight=10,
            blkio_weight_device=(DeviceWeight("/dev/x", 20),),
            device_read_bps=rates,
            device_write_iops=rates,
        )["linux"]["resources"]

        assert made["memory"] == {
            "limit": 64 << 20,
            "swap": -1,
            "reservation": 32 << 20,
            "swappiness": 5,
            "disableOOMKiller": True,
        }
        assert made["cpu"] == {
            "shares": 7,
            "quota": 1000,
            "period": 2000,
            "cpus": "0-1",
            "mems": "0",
        }
        assert made["pids"] == {"limit": -1}
        numbered = {"major": 8, "minor": 1}
        assert made["blockIO"] == {
            "weight": 10,
            "weightDevice": [{**numbered, "weight": 20}],
            "throttleReadBpsDevice": [{**numbered, "rate": 9}],
            "throttleWriteIOPSDevice": [{**numbered, "rate": 9}],
        }

    def test_what_the_kernel_cannot_do_is_left_out_and_warned_of(self) -> None:
        asked = {
            "blkio_weight": 10,
            "memory_swappiness": 5,
            "cpuset_cpus": "0",
            "memory_bytes": 8 << 20,
        }

        made = spec(host=FEW, **asked)["linux"]["resources"]
        assert "blockIO" not in made
        assert made["memory"] == {"limit": 8 << 20}
        told = warnings(FEW, ContainerSettings(image="x", **asked))  # type: ignore[arg-type]
        assert told == (
            "Your kernel does not support memory swappiness capabilities or the cgroup is not "
            "mounted. Memory swappiness discarded.",
            "Your kernel does not support cpuset or the cgroup is not mounted. Cpuset discarded.",
            "Your kernel does not support Block I/O weight or the cgroup is not mounted. "
            "Weight discarded.",
            "Your kernel does not support swap limit capabilities or the cgroup is not mounted. "
            "Memory limited without swap.",
        )

    def test_ulimits_are_lowered_to_what_the_host_gives_and_it_is_said(self) -> None:
        limits = (Ulimit("nofile", 500, 2000), Ulimit("core", -1, -1), Ulimit("nproc", 7, 9))

        made = spec(host=FEW, ulimits=limits)["process"]["rlimits"]
        assert made == [
            {"type": "RLIMIT_NOFILE", "soft": 500, "hard": 1000},
            {"type": "RLIMIT_CORE", "soft": 0, "hard": 0},
            {"type": "RLIMIT_NPROC", "soft": 7, "hard": 9},
        ]
        told = warnings(FEW, ContainerSettings(image="x", ulimits=limits))
        assert [each.split()[2] for each in told] == ["nofile", "core"]

    def test_a_killer_that_is_switched_off_without_a_limit_is_warned_of(self) -> None:
        told = warnings(HOST, ContainerSettings(image="x", oom_kill_disable=True))

        assert "can result in the system running out of resources" in told[0]

    def test_processors_that_are_not_there_are_refused(self) -> None:
        with pytest.raises(InvalidSetting, match="Requested CPUs are not available"):
            check_against_host(HOST, ContainerSettings(image="x", cpuset_cpus="0,7"))

    def test_devices_and_rules_are_allowed_after_the_harmless_ones(self) -> None:
        rules = spec(Surroundings(devices=(NULL,)), device_cgroup_rules=("b *:3 rw",))["linux"][
            "resources"
        ]["devices"]

        assert rules[-2:] == [
            {"allow": True, "type": "c", "major": 1, "minor": 3, "access": "r"},
            {"allow": True, "type": "b", "minor": 3, "access": "rw"},
        ]


class TestGroups:
    ACCOUNTS = Accounts(
        (Account("ana", 1000, 1000, "/home/ana"),),
        (
            GroupEntry("ana", 1000, ()),
            GroupEntry("staff", 50, ("ana",)),
            GroupEntry("audio", 29, ()),
        ),
    )

    def test_added_ones_come_after_the_users_own(self) -> None:
        identity = with_groups(
            resolve_user("ana", self.ACCOUNTS), ("audio", "77", "50"), self.ACCOUNTS
        )

        assert identity.groups == (1000, 50, 29, 77)

    def test_one_that_the_image_does_not_have_is_refused(self) -> None:
        with pytest.raises(InvalidSetting) as caught:
            with_groups(Identity(), ("nobodys",), self.ACCOUNTS)

        assert caught.value.field == "group_add"
