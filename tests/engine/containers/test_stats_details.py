from pathlib import Path

from engine.containers.stats_details import InterfaceUse, parse_interfaces, read_details
from engine.system.cgroup_files import UNIFIED, Group
from tests.engine.containers.test_stats import tree

NET_DEV = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop …
    lo:       1       1    0    0    0     0          0         0        1       1    0    0 0 0 0 0
  eth0:     100       2    3    4    0     0          0         0      500       6    7    8 0 0 0 0
"""
ETH0 = InterfaceUse("eth0", 100, 2, 3, 4, 500, 6, 7, 8)


def test_interfaces_are_told_apart_and_loopback_is_left_out() -> None:
    assert parse_interfaces(NET_DEV) == (ETH0,)
    assert parse_interfaces("") == ()


def proc_tree(root: Path) -> Path:
    tree(root, {"stat": "cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1\n", "77/net/dev": NET_DEV})
    return root


def test_the_new_layout_is_read(tmp_path: Path) -> None:
    files = {
        "memory.current": "5000\n",
        "memory.peak": "6000\n",
        "memory.stat": "anon 3000\nfile 2000\n",
        "memory.events": "low 0\nmax 4\n",
        "cpu.stat": "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_throttled 2\n",
        "io.stat": "8:0 rbytes=100 wbytes=200 rios=1 wios=2\n",
        "pids.max": "max\n",
    }
    tree(tmp_path, files)
    found = read_details(Group({UNIFIED: tmp_path}), 77, proc=proc_tree(tmp_path / "proc"))

    assert (found.memory.private_bytes, found.memory.cache_bytes) == (3000, 2000)
    assert (found.memory.largest_bytes, found.memory.failures) == (6000, 4)
    assert (found.cpu.total_ns, found.cpu.user_ns, found.cpu.system_ns) == (30000, 20000, 10000)
    assert found.cpu.host_ns == 36 * 10_000_000
    assert found.cpu.throttled_periods == 2
    assert [(each.operation, each.value) for each in found.block_bytes] == [
        ("read", 100),
        ("write", 200),
    ]
    assert [each.value for each in found.block_times] == [1, 2]
    assert found.networks == (ETH0,)
    assert found.pids_limit == 0


def test_the_old_layout_is_read(tmp_path: Path) -> None:
    files = {
        "memory/memory.usage_in_bytes": "5000\n",
        "memory/memory.max_usage_in_bytes": "6000\n",
        "memory/memory.failcnt": "4\n",
        "memory/memory.stat": "rss 1\ntotal_rss 3000\ntotal_cache 2000\n",
        "cpuacct/cpuacct.usage": "30\n",
        "cpuacct/cpuacct.stat": "user 2\nsystem 1\n",
        "cpuacct/cpuacct.usage_percpu": "10 20\n",
        "cpu/cpu.stat": "nr_throttled 2\n",
        "blkio/blkio.throttle.io_service_bytes_recursive": "8:1 Read 7\nTotal 7\n",
        "pids/pids.max": "12\n",
    }
    tree(tmp_path, files)
    names = ("memory", "cpuacct", "cpu", "blkio", "pids")
    group = Group({name: tmp_path / name for name in names})
    found = read_details(group, 77, proc=proc_tree(tmp_path / "proc"))

    assert (found.memory.private_bytes, found.memory.cache_bytes) == (3000, 2000)
    assert found.cpu.per_cpu_ns == (10, 20)
    assert found.cpu.user_ns == 20_000_000
    assert (found.block_bytes[0].major, found.block_bytes[0].minor) == (8, 1)
    assert found.pids_limit == 12


def test_what_vanishes_counts_as_nothing(tmp_path: Path) -> None:
    found = read_details(Group({UNIFIED: tmp_path / "gone"}), 77, proc=tmp_path)

    assert found.cpu.total_ns == found.memory.usage_bytes == 0
    assert found.networks == ()
