"""What can be started without the runtime: all that the engine writes itself, and nothing else."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from engine.containers.entry import Inside, find_entry
from engine.containers.seccomp import seccomp_profile
from engine.settings.capabilities import DEFAULT_CAPABILITIES
from engine.system.processes import ProcessIdentity

PROCESS: dict[str, Any] = {
    "terminal": False,
    "user": {"uid": 5, "gid": 6, "additionalGids": [6, 7]},
    "args": ["echo", "ü"],
    "env": ["A=b"],
    "cwd": "/tmp",
    "capabilities": {
        "bounding": ["CAP_CHOWN", "CAP_KILL"],
        "effective": ["CAP_CHOWN"],
        "permitted": ["CAP_CHOWN"],
    },
    "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 10, "hard": 20}],
    "noNewPrivileges": True,
    "oomScoreAdj": 3,
}
LINUX: dict[str, Any] = {"namespaces": [{"type": "mount"}, {"type": "network", "path": "/x"}]}


def entry(process: dict[str, Any] = PROCESS, linux: dict[str, Any] = LINUX) -> Any:
    first = ProcessIdentity(7, 8, "boot")
    inside = Inside("c" * 64, {"linux": linux}, first, (Path("/cgroup/x"),))
    return find_entry(inside, process)


def test_it_says_what_the_process_and_the_spec_say() -> None:
    found = entry()

    assert (found.pid, found.started) == (7, 8)
    assert found.namespaces == ("mnt", "net")
    assert found.cgroups == ("/cgroup/x",)
    assert found.keyring == "_ses." + "c" * 64
    assert (found.uid, found.gid, found.groups) == (5, 6, (6, 7))
    assert (found.bounding, found.effective, found.permitted) == (0b100001, 1, 1)
    assert found.limits == ((7, 10, 20),)
    assert (found.no_new_privileges, found.oom_score_adj, found.filter) == (True, 3, "")
    assert (found.working_dir, found.arguments, found.env) == ("/tmp", ("echo", "ü"), ("A=b",))


def test_its_filter_is_made_of_the_profile() -> None:
    profile = seccomp_profile(DEFAULT_CAPABILITIES, architecture="amd64", kernel=(6, 1))
    found = entry(linux=LINUX | {"seccomp": profile})

    # Where libseccomp is not installed, the runtime has to do it.
    assert found is None or len(found.filter) > 1000


def changed(**more: Any) -> dict[str, Any]:
    return copy.deepcopy(PROCESS) | more


@pytest.mark.parametrize(
    "process",
    [
        pytest.param(changed(apparmorProfile="mine"), id="apparmor"),
        pytest.param(changed(selinuxLabel="x"), id="selinux"),
        pytest.param(changed(user=PROCESS["user"] | {"umask": 7}), id="umask"),
        pytest.param(
            changed(capabilities=PROCESS["capabilities"] | {"ambient": ["CAP_KILL"]}), id="ambient"
        ),
        pytest.param(
            changed(capabilities=PROCESS["capabilities"] | {"bounding": ["CAP_NEW"]}), id="unknown"
        ),
        pytest.param(changed(rlimits=[{"type": "RLIMIT_LOCKS", "soft": 1, "hard": 1}]), id="limit"),
        pytest.param(changed(cwd="here"), id="relative"),
        pytest.param(changed(args=["a\0b"]), id="nul-in-argument"),
        pytest.param(changed(env=["A=\0"]), id="nul-in-variable"),
        pytest.param(changed(env=["A=\ud800"]), id="half-a-character"),
        pytest.param(changed(args=["\udcff"]), id="a-byte-that-is-none"),
    ],
)
def test_what_is_not_known_is_left_to_the_runtime(process: dict[str, Any]) -> None:
    assert entry(process) is None


@pytest.mark.parametrize(
    "linux",
    [
        pytest.param({"namespaces": [{"type": "user"}]}, id="user-namespace"),
        pytest.param({"namespaces": [{"type": "time"}]}, id="time-namespace"),
        pytest.param(LINUX | {"seccomp": {"defaultAction": "SCMP_ACT_LOG"}}, id="seccomp"),
    ],
)
def test_so_is_a_container_of_another_kind(linux: dict[str, Any]) -> None:
    assert entry(linux=linux) is None
