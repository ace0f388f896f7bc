"""Memory, health and changes of state, as far as no stack is needed to see them."""

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from workers.host.console import render_bytes, render_table
from workers.host.foreground import describe_changes
from workers.host.health import is_port_taken, is_redis_answering, is_web_healthy
from workers.host.memory import iter_tree, measure, measure_tree
from workers.host.ownership import find_closed_parent
from workers.host.readiness import Starts, explain, read_tail
from workers.host.supervision import ProcessState, read_state


def state(word: str, pid: int = 7, code: int = 0) -> ProcessState:
    return ProcessState("web", word, pid, 0, 1, code, Path("/l/web.log"))


def test_what_did_not_change_is_not_told():
    assert describe_changes([state("RUNNING")], [state("RUNNING")]) == []


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (state("RUNNING", pid=8), "web: running again (process 8)"),
        (state("BACKOFF", pid=0, code=3), "web: backoff, exit code 3; log: /l/web.log"),
        (state("STOPPING"), "web: stopping; log: /l/web.log"),
    ],
)
def test_a_change_is_told_with_where_to_look(now, told):
    assert describe_changes([state("RUNNING")], [now]) == [told]


def started_at(*times: int) -> Starts:
    starts = Starts()
    for time in times:
        starts.note([replace(state("RUNNING"), started=time)])
    return starts


def test_a_process_that_never_failed_is_settled_as_soon_as_it_runs():
    assert started_at(1, 1).is_settled(state("RUNNING"))
    assert not started_at(1).is_settled(state("STARTING"))


def test_a_process_that_failed_must_run_for_a_while_to_be_believed():
    again = state("RUNNING")
    assert not started_at(1, 3).is_settled(again)
    assert started_at(1, 3).is_settled(replace(again, uptime_seconds=5))


def test_a_process_that_keeps_failing_is_given_up_naming_its_log():
    starts = started_at(1, 2, 3)
    assert not starts.is_hopeless()
    starts.note([replace(state("BACKOFF"), started=4)])
    assert starts.is_hopeless()
    assert "/l/web.log" in explain([state("BACKOFF")], starts)


def test_the_managers_words_become_a_state():
    info = {
        "name": "web", "statename": "RUNNING", "pid": 9, "now": 100, "start": 40,
        "exitstatus": 0, "stdout_logfile": "/l/web.log",
    }  # fmt: skip
    assert read_state(info).uptime_seconds == 60
    assert read_state({**info, "pid": 0}).uptime_seconds == 0


def test_the_end_of_a_log_or_why_there_is_none(tmp_path):
    log = tmp_path / "log"
    assert read_tail(log) == "  (No such file or directory)"
    log.touch()
    assert read_tail(log) == "  (empty)"
    log.write_text("".join(f"{n}\n" for n in range(100)))
    assert read_tail(log, lines=2) == "  98\n  99"


def make_process(proc: Path, pid: int, name: str, *, pss: int, children: str = "") -> None:
    (proc / str(pid) / "task" / str(pid)).mkdir(parents=True)
    (proc / str(pid) / "comm").write_text(f"{name}\n")
    (proc / str(pid) / "smaps_rollup").write_text(f"Rss: 9 kB\nPss: {pss} kB\nPss_Anon: 5 kB\n")
    (proc / str(pid) / "task" / str(pid) / "children").write_text(children)


def test_memory_of_a_tree_leaves_containers_out(tmp_path):
    make_process(tmp_path, 1, "python", pss=10, children="2 3 ")
    make_process(tmp_path, 2, "python", pss=20)
    make_process(tmp_path, 3, "conmon", pss=40, children="4")
    make_process(tmp_path, 4, "sh", pss=80)
    assert list(iter_tree(1, tmp_path)) == [1, 2]
    assert measure_tree(1, tmp_path) == 30 * 1024


def test_memory_of_a_process_that_is_gone_is_none(tmp_path):
    assert measure(1, tmp_path) == 0
    assert measure_tree(0, tmp_path) == 0


def test_our_own_memory_is_some():
    assert measure(os.getpid()) > 1_000_000


def test_a_port_is_taken_only_while_someone_listens():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        assert is_port_taken(address)
        assert not is_web_healthy(("127.0.0.1", 1))
    assert not is_port_taken(address)


@pytest.mark.redis
def test_redis_answers_to_its_password_only(redis_server):
    assert is_redis_answering(redis_server.socket, redis_server.password)
    assert not is_redis_answering(redis_server.socket, "wrong")
    assert not is_redis_answering(redis_server.socket.with_name("gone"), "x")


def test_the_directory_that_is_closed_to_others_is_found(short_path):
    short_path.chmod(0o755)
    closed = short_path / "closed"
    closed.mkdir(mode=0o700)
    assert find_closed_parent(closed / "deep" / "er") == closed
    assert find_closed_parent(short_path / "new") is None


def test_a_table_lines_up():
    assert render_table([("A", "B"), ("long", "x")]) == "A      B\nlong   x"


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (2_500_000_000_000, "2.5 TB")]
)
def test_bytes_are_told_as_docker_tells_them(count, text):
    assert render_bytes(count) == text
