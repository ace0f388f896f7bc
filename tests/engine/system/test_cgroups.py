from pathlib import Path

import pytest

from engine.system.cgroup_files import UNIFIED, group_of, parse_flat
from engine.system.cgroups import CgroupLayout, Cgroups, detect_layout


def touch(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("files", "layout"),
    [
        (["cgroup.controllers"], CgroupLayout.UNIFIED),
        (["memory/tasks", "unified/cgroup.controllers"], CgroupLayout.HYBRID),
        (["memory/tasks"], CgroupLayout.LEGACY),
        ([], CgroupLayout.NONE),
    ],
)
def test_a_layout_is_told_by_its_files(
    tmp_path: Path, files: list[str], layout: CgroupLayout
) -> None:
    for name in files:
        touch(tmp_path / name)

    assert detect_layout(tmp_path) is layout


def test_a_process_is_found_in_the_unified_layout(tmp_path: Path) -> None:
    touch(tmp_path / "7/cgroup", "0::/shipshape/abc\n")

    group = group_of(7, mount=Path("/m"), proc=tmp_path)

    assert group is not None
    assert group.is_unified
    assert group.directories == {UNIFIED: Path("/m/shipshape/abc")}


def test_a_process_is_found_in_the_hybrid_layout(tmp_path: Path) -> None:
    touch(tmp_path / "7/cgroup", "4:memory:/s/abc\n2:cpu,cpuacct:/s/abc\n1:name=systemd:/\n0::/x\n")

    group = group_of(7, mount=Path("/m"), proc=tmp_path)

    assert group is not None
    assert not group.is_unified
    assert group.directories["memory"] == Path("/m/memory/s/abc")
    assert group.directories["cpuacct"] == Path("/m/cpuacct/s/abc")


def test_a_process_that_is_gone_has_no_group(tmp_path: Path) -> None:
    assert group_of(7, proc=tmp_path) is None


@pytest.mark.parametrize("files", [["cgroup.controllers"], ["memory/tasks"]])
def test_destroying_what_is_not_there_is_fine(tmp_path: Path, files: list[str]) -> None:
    for name in files:
        touch(tmp_path / name)

    assert Cgroups(tmp_path).destroy("/shipshape/abc")


def test_a_group_goes_from_every_hierarchy(tmp_path: Path) -> None:
    for controller in ("memory", "pids", "unified"):
        (tmp_path / controller / "shipshape/abc/child").mkdir(parents=True)
    cgroups = Cgroups(tmp_path)
    assert cgroups.exists("/shipshape/abc")

    assert cgroups.destroy("/shipshape/abc")

    assert not cgroups.exists("/shipshape/abc")
    assert (tmp_path / "memory/shipshape").exists()


def test_parents_are_told_from_others_and_go_when_they_are_empty(tmp_path: Path) -> None:
    for each in ("pids", "memory"):
        (tmp_path / each / "known").mkdir(parents=True)
    cgroups = Cgroups(tmp_path)
    assert cgroups.missing_parents("/known/a/b/id") == ["/known/a/b", "/known/a"]

    (tmp_path / "pids/known/a").mkdir()
    assert not cgroups.remove_empty("/known")
    assert cgroups.remove_empty("/known/a")
    assert cgroups.remove_empty("/known/a")
    assert not (tmp_path / "pids/known/a").exists()


def test_a_group_that_does_not_empty_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.system.cgroups.EMPTY_WITHIN", 0.02)
    touch(tmp_path / "memory/shipshape/abc/stays")

    assert not Cgroups(tmp_path).destroy("/shipshape/abc")


@pytest.mark.parametrize(
    "name", ["shipshape/abc/memory.events", "memory/shipshape/abc/memory.oom_control"]
)
def test_kills_for_lack_of_memory_are_counted(tmp_path: Path, name: str) -> None:
    touch(tmp_path / name, "low 0\noom_kill_disable 0\noom_kill 2\n")

    assert Cgroups(tmp_path).oom_kills("/shipshape/abc") == 2
    assert Cgroups(tmp_path).oom_kills("/shipshape/other") == 0


def test_flat_files_give_their_numbers() -> None:
    assert parse_flat("a 1\nb max\nc 2 3\n\nd 4\n") == {"a": 1, "d": 4}
