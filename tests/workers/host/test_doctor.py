"""Every finding: what makes it, and that it says what to do."""

from dataclasses import replace
from pathlib import Path

import pytest

from workers.host.accounts import LedgerFacts, probe_ledger
from workers.host.diagnosis import render_diagnosis
from workers.host.doctor import Severity, list_findings, list_obstacles_to_start
from workers.host.facts import CgroupLayout, Disk, Facts, probe, probe_cgroups, probe_disk
from workers.host.stack import Stack
from workers.host.supervision import ProcessState

GB = 1_000_000_000


def process(state: str) -> ProcessState:
    return ProcessState("agent", state, 7, 0, 60, 1, Path("/srv/root/logs/agent.log"))


def disk(free: int, inodes: int | None = 10**6) -> Disk:
    return Disk(Path("/srv/root"), free, 100 * GB, inodes)


WELL = Facts(
    is_linux=True,
    is_root=True,
    can_mount=True,
    can_raise_limits=True,
    has_overlay=True,
    cgroups=CgroupLayout.V2,
    programs=frozenset({"runc", "conmon"}),
    missing_packages=(),
    python_closed_at=None,
    disks=(disk(50 * GB),),
    now=2.0,
    newest_source=1.0,
    address="127.0.0.1:8080",
    is_port_taken=False,
    exposed_secrets=(),
    is_up=True,
    processes=(process("RUNNING"),),
    is_redis_answering=True,
    is_web_healthy=True,
    is_migrated=True,
)


def test_where_all_is_well_nothing_is_found():
    assert list_findings(WELL) == []
    assert render_diagnosis(WELL, []) == "runc, cgroups v2, 50.0 GB free\nnothing is wrong"


def test_the_ledger_stands_beside_what_the_file_system_says():
    facts = replace(WELL, ledger=LedgerFacts(995_000_000, 1_000_000_000))

    assert list_findings(facts) == []
    assert "995.0 MB by the ledger, 1000.0 MB by the file system (0.50% apart)" in render_diagnosis(
        facts, []
    )


def test_what_the_ledger_does_not_know_of_is_told():
    (found,) = list_findings(replace(WELL, ledger=LedgerFacts(800_000_000, 1_000_000_000)))

    assert (found.code, found.severity) == ("ledger-differs", Severity.WARNING)
    assert "20.0% apart" in found.problem


def test_an_engine_that_was_never_there_has_no_ledger(tmp_path: Path):
    assert probe_ledger(Stack(tmp_path, tmp_path, tmp_path)) is None


@pytest.mark.parametrize(
    ("change", "code", "severity"),
    [
        ({"is_root": False}, "no-root", Severity.FATAL),
        ({"can_mount": False}, "no-mount", Severity.FATAL),
        ({"can_raise_limits": False}, "no-sys-resource", Severity.WARNING),
        ({"is_linux": False}, "no-linux", Severity.FATAL),
        ({"has_overlay": False}, "no-overlayfs", Severity.WARNING),
        ({"cgroups": CgroupLayout.NONE}, "no-cgroups", Severity.FATAL),
        ({"missing_packages": ("conmon",)}, "missing-program", Severity.FATAL),
        ({"programs": frozenset()}, "no-runtime", Severity.FATAL),
        (
            {"programs": frozenset({"crun"}), "cgroups": CgroupLayout.HYBRID},
            "crun-on-hybrid",
            Severity.FATAL,
        ),
        ({"python_closed_at": Path("/root")}, "python-closed", Severity.FATAL),
        ({"disks": (disk(GB),)}, "disk-low", Severity.WARNING),
        ({"disks": (disk(10_000),)}, "disk-full", Severity.FATAL),
        ({"disks": (disk(50 * GB, inodes=3),)}, "no-inodes", Severity.FATAL),
        ({"now": 0.5}, "clock-behind", Severity.FATAL),
        ({"is_port_taken": True, "is_up": False, "processes": ()}, "port-taken", Severity.FATAL),
        ({"exposed_secrets": (Path("/s/field-key"),)}, "secret-exposed", Severity.FATAL),
        ({"is_up": False, "processes": ()}, "down", Severity.WARNING),
        ({"processes": (process("FATAL"),)}, "agent-not-running", Severity.FATAL),
        ({"is_redis_answering": False}, "redis-unreachable", Severity.FATAL),
        ({"is_web_healthy": False}, "web-unhealthy", Severity.FATAL),
        ({"is_migrated": False}, "not-migrated", Severity.FATAL),
    ],
)
def test_each_condition_has_its_finding_with_a_remedy(change, code, severity):
    found = {finding.code: finding for finding in list_findings(replace(WELL, **change))}
    assert found[code].severity is severity
    assert found[code].remedy
    assert found[code].problem in render_diagnosis(WELL, list(found.values()))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"disks": (disk(50 * GB, inodes=None),)}, id="no-inode-count"),
        pytest.param({"is_redis_answering": None}, id="outside-redis"),
        pytest.param({"is_migrated": None}, id="database-server"),
        pytest.param({"cgroups": CgroupLayout.HYBRID}, id="runc-on-hybrid"),
    ],
)
def test_what_does_not_apply_is_no_finding(change):
    assert list_findings(replace(WELL, **change)) == []


def test_a_start_is_refused_only_for_what_it_cannot_mend():
    bare = replace(
        WELL, is_up=False, processes=(), missing_packages=("runc",), programs=frozenset()
    )
    assert list_obstacles_to_start(bare) == []
    assert [f.code for f in list_obstacles_to_start(replace(bare, is_root=False))] == ["no-root"]


@pytest.mark.parametrize(
    ("files", "layout"),
    [
        pytest.param(["cgroup.controllers"], CgroupLayout.V2, id="v2"),
        pytest.param(["memory/tasks"], CgroupLayout.V1, id="v1"),
        pytest.param(
            ["memory/tasks", "unified/cgroup.controllers"], CgroupLayout.HYBRID, id="hybrid"
        ),
        pytest.param([], CgroupLayout.NONE, id="none"),
    ],
)
def test_the_layout_of_control_groups_is_seen(tmp_path, files, layout):
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert probe_cgroups(tmp_path) is layout


def test_room_is_measured_where_a_directory_will_be(tmp_path):
    found = probe_disk(tmp_path / "not" / "yet")
    assert found.path == tmp_path / "not" / "yet"
    assert 0 < found.free_bytes <= found.total_bytes


def test_probing_a_stack_that_never_ran_makes_nothing(tmp_path):
    stack = Stack(root=tmp_path / "root", run=tmp_path / "run", data=tmp_path / "data")
    facts = probe(stack, {})
    assert not facts.is_up
    assert list(tmp_path.iterdir()) == []
