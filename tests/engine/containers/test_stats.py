from pathlib import Path

import pytest

from engine.containers.stats import Sampler, Usage, cpu_percent, read_usage
from engine.errors import ContainerNotRunning
from engine.system.cgroup_files import UNIFIED, Group
from tests.support.containers import Yard

HOST = 8 << 30


def tree(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.fixture
def unified(tmp_path: Path) -> Group:
    tree(
        tmp_path,
        {
            "memory.current": "5000000\n",
            "memory.stat": "anon 1\ninactive_file 1000000\n",
            "memory.max": "max\n",
            "cpu.stat": "usage_usec 1500\nuser_usec 1\n",
            "pids.current": "3\n",
            "io.stat": "8:0 rbytes=100 wbytes=200 rios=1\n8:16 rbytes=1 wbytes=2\n",
        },
    )
    return Group({UNIFIED: tmp_path})


@pytest.fixture
def legacy(tmp_path: Path) -> Group:
    tree(
        tmp_path,
        {
            "memory/memory.usage_in_bytes": "5000000\n",
            "memory/memory.stat": "inactive_file 1\ntotal_inactive_file 1000000\n",
            "memory/memory.limit_in_bytes": "9223372036854771712\n",
            "cpuacct/cpuacct.usage": "1500000\n",
            "pids/pids.current": "3\n",
            "blkio/blkio.throttle.io_service_bytes_recursive": (
                "8:0 Read 100\n8:0 Write 200\n8:16 Read 1\n8:16 Write 2\nTotal 303\n"
            ),
        },
    )
    names = ("memory", "cpuacct", "pids", "blkio")
    return Group({name: tmp_path / name for name in names})


@pytest.mark.parametrize("layout", ["unified", "legacy"])
def test_both_layouts_say_the_same(layout: str, request: pytest.FixtureRequest) -> None:
    usage = read_usage(request.getfixturevalue(layout), host_memory=HOST)

    assert usage.memory_bytes == 4_000_000
    assert usage.memory_limit == HOST
    assert usage.cpu_ns == 1_500_000
    assert usage.pids == 3
    assert (usage.read_bytes, usage.written_bytes) == (101, 202)


def test_a_limit_is_told_where_there_is_one(unified: Group) -> None:
    (unified.directories[UNIFIED] / "memory.max").write_text("67108864\n")

    assert read_usage(unified, host_memory=HOST).memory_limit == 64 << 20


def test_a_limit_of_the_old_layout_is_told_too(legacy: Group) -> None:
    (legacy.directories["memory"] / "memory.limit_in_bytes").write_text("67108864\n")

    assert read_usage(legacy, host_memory=HOST).memory_limit == 64 << 20


def test_files_that_vanish_count_as_nothing(tmp_path: Path) -> None:
    usage = read_usage(Group({UNIFIED: tmp_path / "gone"}), host_memory=HOST)

    assert (usage.memory_bytes, usage.cpu_ns, usage.pids) == (0, 0, 0)


def usage(*, at: int, cpu: int) -> Usage:
    return Usage(at, cpu, 0, HOST, 1, 0, 0)


@pytest.mark.parametrize(
    ("before", "after", "percent"),
    [
        pytest.param(usage(at=0, cpu=0), usage(at=1000, cpu=500), 50.0, id="half"),
        pytest.param(usage(at=0, cpu=0), usage(at=1000, cpu=2000), 200.0, id="two-processors"),
        pytest.param(usage(at=0, cpu=9), usage(at=1000, cpu=0), 0.0, id="counter-went-back"),
        pytest.param(usage(at=5, cpu=0), usage(at=5, cpu=1), 0.0, id="no-time-passed"),
    ],
)
def test_how_busy_shows_between_two_readings(before: Usage, after: Usage, percent: float) -> None:
    assert cpu_percent(before, after) == percent


def test_the_first_sample_cannot_say_how_busy(yard: Yard, tmp_path: Path) -> None:
    record = yard.containers.start(yard.containers.create(yard.settings()).id)
    group = Group({UNIFIED: tmp_path / record.id})
    tree(tmp_path / record.id, {"cpu.stat": "usage_usec 5\n", "memory.current": "10\n"})
    sampler = Sampler(HOST, find_group=lambda _: group)

    (sample,) = sampler.sample_all([record])

    assert sample.container_id == record.id
    assert sample.cpu_percent is None
    assert sample.memory_bytes == 10


def test_a_number_that_another_process_has_now_is_not_taken_for_the_container(
    yard: Yard, tmp_path: Path
) -> None:
    record = yard.containers.start(yard.containers.create(yard.settings()).id)
    sampler = Sampler(HOST, find_group=lambda _: Group({UNIFIED: tmp_path / "other"}))

    assert sampler.sample(record) is None


def test_what_does_not_run_has_no_stats(yard: Yard) -> None:
    record = yard.containers.create(yard.settings())

    with pytest.raises(ContainerNotRunning):
        yard.containers.stats(record.id)
    assert yard.containers.list_stats() == []
