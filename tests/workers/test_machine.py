"""What the kernel tells about the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from workers.agent.machine import (
    CPUTime,
    cpu_percent,
    read_cpu_time,
    read_disk,
    read_facts,
    read_memory,
    read_os_name,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "stat").write_text("cpu  100 5 50 800 45 0 10 0 7 0\ncpu0 1 2 3 4 5 6 7 8 9 0\n")
    (tmp_path / "meminfo").write_text(
        "MemTotal:       1000 kB\nMemFree: 100 kB\nMemAvailable:  400 kB\n"
    )
    return tmp_path


def test_waiting_for_a_disk_is_not_busy_and_guests_count_once(proc) -> None:
    assert read_cpu_time(proc) == CPUTime(busy=165, total=1010)


@pytest.mark.parametrize(
    ("before", "after", "percent"),
    [
        pytest.param(CPUTime(0, 0), CPUTime(50, 200), 25.0, id="a-quarter"),
        pytest.param(CPUTime(50, 200), CPUTime(50, 200), None, id="no-time-passed"),
        pytest.param(CPUTime(50, 200), CPUTime(10, 20), None, id="the-clock-began-anew"),
    ],
)
def test_busy_is_a_share_of_the_time_between(before, after, percent) -> None:
    assert cpu_percent(before, after) == percent


def test_memory_that_can_be_had_back_is_not_used(proc) -> None:
    memory = read_memory(proc)

    assert (memory.used, memory.total) == (600 * 1024, 1000 * 1024)


def test_the_disk_is_the_one_that_holds_the_path(tmp_path) -> None:
    disk = read_disk(tmp_path)

    assert 0 < disk["free"] <= disk["total"]


def test_this_machine_has_facts() -> None:
    assert all(read_facts()[name] for name in ("os", "kernel", "architecture", "cpus"))


@pytest.mark.parametrize(
    ("content", "name"),
    [
        pytest.param(
            'NAME="D"\nPRETTY_NAME="Debian GNU/Linux 12"\n', "Debian GNU/Linux 12", id="debian"
        ),
        pytest.param("nonsense\n\n", "Linux", id="nonsense"),
        pytest.param(None, "Linux", id="no-file"),
    ],
)
def test_the_system_is_named_by_its_makers(tmp_path, content, name) -> None:
    release = tmp_path / "os-release"
    if content is not None:
        release.write_text(content)

    assert read_os_name(release) == name
