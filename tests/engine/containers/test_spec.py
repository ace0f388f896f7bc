"""The runtime spec, key by key beside what docker 20.10 made of the same options."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.containers.bundle import Bundle
from engine.containers.process import resolve_process
from engine.containers.spec import SpecInputs, runtime_spec
from engine.containers.users import Identity
from engine.oci.config import ProcessDefaults
from engine.settings import ContainerSettings
from engine.system.cgroups import CgroupLayout
from engine.system.host import HostFacts

GOLDEN = json.loads((Path(__file__).parent / "golden/docker-20.10.json").read_text())
BUNDLE = Bundle("<id>", Path("<files>"), Path("<run>"))
HOST = HostFacts(
    architecture="amd64",
    kernel=(6, 1),
    cgroups=CgroupLayout.HYBRID,
    has_cgroup_namespace=True,
    has_swap_limit=True,
    open_files=20_000,
    oom_score=0,
    cpus=2,
    memory_bytes=8 << 30,
    has_x32=True,
)
ROOT = Identity(0, 0, (0,), "/")
SETTINGS = ContainerSettings(
    image="bb",
    command=("/bin/sleep", "100"),
    env=("A=b",),
    memory_bytes=64 << 20,
    nano_cpus=500_000_000,
    pids_limit=50,
)


def spec(
    settings: ContainerSettings = SETTINGS,
    *,
    host: HostFacts = HOST,
    identity: Identity = ROOT,
) -> dict[str, Any]:
    process = resolve_process(ProcessDefaults(), settings, hostname="<short id>")
    return runtime_spec(SpecInputs(BUNDLE, settings, process, identity, "<short id>", host))


def test_it_is_a_spec_of_the_same_version_and_name() -> None:
    assert GOLDEN["ociVersion"].startswith(spec()["ociVersion"])
    assert spec()["hostname"] == GOLDEN["hostname"]


def test_the_process_is_dockers_and_we_say_more_of_it() -> None:
    ours, theirs = spec()["process"], GOLDEN["process"]

    assert ours == {
        **theirs,
        # docker leaves HOME to the runtime, and the limits to its own daemon's.
        "env": [*theirs["env"], "HOME=/"],
        "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 20_000, "soft": 20_000}],
        "terminal": False,
        "noNewPrivileges": False,
    }


def test_the_mounts_are_dockers() -> None:
    assert spec()["mounts"] == GOLDEN["mounts"]


def test_the_root_is_writable_at_our_place() -> None:
    assert spec()["root"] == {"path": "<files>/rootfs", "readonly": False}


def test_devices_and_limits_are_dockers() -> None:
    ours, theirs = spec()["linux"]["resources"], GOLDEN["linux"]["resources"]

    assert ours["devices"] == theirs["devices"]
    assert ours["pids"] == theirs["pids"]
    # What docker says besides is what holds anyway: zero weights, and a living OOM killer.
    assert ours["memory"].items() <= theirs["memory"].items()
    assert ours["cpu"].items() <= theirs["cpu"].items()
    assert set(theirs) - set(ours) == {"blockIO"}


def test_the_kernel_is_hidden_at_least_as_well_as_by_docker() -> None:
    ours, theirs = spec()["linux"], GOLDEN["linux"]

    assert set(ours["maskedPaths"]) - set(theirs["maskedPaths"]) == {
        "/proc/interrupts",
        "/sys/devices/virtual/powercap",
    }
    assert set(theirs["maskedPaths"]) <= set(ours["maskedPaths"])
    assert ours["readonlyPaths"] == theirs["readonlyPaths"]


def test_the_namespaces_are_dockers_and_that_of_control_groups() -> None:
    ours, theirs = spec()["linux"], GOLDEN["linux"]

    assert ours["namespaces"] == [*theirs["namespaces"], {"type": "cgroup"}]
    assert ours["sysctl"] == theirs["sysctl"]
    assert ours["cgroupsPath"] == "/shipshape/<id>"
    assert ours["rootfsPropagation"] == "private"


def test_there_is_no_key_that_was_not_compared() -> None:
    assert set(spec()) == set(GOLDEN)
    assert set(spec()["linux"]) - set(GOLDEN["linux"]) == {"rootfsPropagation"}
    assert set(GOLDEN["linux"]) <= set(spec()["linux"])


def test_system_calls_are_those_of_docker_but_for_what_came_and_went_since() -> None:
    ours, theirs = spec()["linux"]["seccomp"], GOLDEN["linux"]["seccomp"]
    allowed = {name for each in ours["syscalls"] for name in each["names"]}

    assert ours["defaultAction"] == theirs["defaultAction"]
    assert ours["architectures"] == theirs["architectures"]
    # Too much of the kernel behind too few calls: docker refuses them today.
    assert set(theirs["allowed"].split()) - allowed == {
        "io_uring_enter",
        "io_uring_register",
        "io_uring_setup",
    }


def test_without_limits_there_are_only_devices() -> None:
    plain = spec(ContainerSettings(image="bb", command=("sh",)))

    assert set(plain["linux"]["resources"]) == {"devices"}


def test_swap_is_not_mentioned_where_the_kernel_does_not_count_it() -> None:
    resources = spec(host=replace(HOST, has_swap_limit=False))["linux"]["resources"]

    assert resources["memory"] == {"limit": 64 << 20}


def test_open_files_are_clamped_to_what_the_host_gives() -> None:
    limits = spec(host=replace(HOST, open_files=1 << 30))["process"]["rlimits"]

    assert limits == [{"type": "RLIMIT_NOFILE", "hard": 1 << 20, "soft": 1 << 20}]


def test_a_kernel_without_cgroup_namespaces_is_asked_for_none() -> None:
    namespaces = spec(host=replace(HOST, has_cgroup_namespace=False))["linux"]["namespaces"]

    assert {"type": "cgroup"} not in namespaces


def test_a_user_other_than_root_has_capabilities_in_its_bounding_set_alone() -> None:
    process = spec(identity=Identity(1000, 1000, (1000, 50), "/home/ana"))["process"]

    assert len(process["capabilities"]["bounding"]) == 14
    assert process["capabilities"]["effective"] == process["capabilities"]["permitted"] == []
    assert process["user"] == {"uid": 1000, "gid": 1000, "additionalGids": [1000, 50]}
    assert "HOME=/home/ana" in process["env"]


@pytest.mark.parametrize("identity", [Identity(), Identity(1000, 1000)])
def test_nothing_is_ever_inheritable(identity: Identity) -> None:
    sets = spec(identity=identity)["process"]["capabilities"]

    assert "inheritable" not in sets
    assert "ambient" not in sets


def test_a_terminal_a_read_only_root_and_an_own_name_are_passed_on() -> None:
    settings = ContainerSettings(image="bb", command=("sh",), tty=True, read_only=True)

    made = spec(settings)

    assert made["process"]["terminal"]
    assert "TERM=xterm" in made["process"]["env"]
    assert made["root"]["readonly"]


def test_a_host_of_an_unknown_kind_has_no_profile() -> None:
    assert "seccomp" not in spec(host=replace(HOST, architecture="vax"))["linux"]


def test_equal_inputs_give_equal_specs_that_json_can_carry() -> None:
    assert json.dumps(spec()) == json.dumps(spec())
