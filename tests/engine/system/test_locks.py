from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from engine.system.locks import Locks


@pytest.fixture
def locks(tmp_path: Path) -> Locks:
    return Locks(tmp_path)


def test_a_free_lock_is_taken(locks: Locks) -> None:
    with locks.tried("a") as is_mine:
        assert is_mine


def test_a_lock_that_is_held_is_not_taken(locks: Locks) -> None:
    with locks.held("a"), locks.tried("a") as is_mine:
        assert not is_mine


def test_a_lock_is_free_again_afterwards(locks: Locks) -> None:
    with locks.held("a"):
        pass

    with locks.tried("a") as is_mine:
        assert is_mine


def test_a_lock_is_free_again_after_an_error(locks: Locks) -> None:
    def fail() -> None:
        with locks.held("a"):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    with locks.tried("a") as is_mine:
        assert is_mine


def test_locks_of_other_names_are_others(locks: Locks) -> None:
    with locks.held("a"), locks.tried("b") as is_mine:
        assert is_mine


@pytest.mark.parametrize("name", ["a/b", "../x", "x" * 1000, "ü", ""])
def test_any_name_will_do(locks: Locks, tmp_path: Path, name: str) -> None:
    with locks.held(name), locks.tried(name) as is_mine:
        assert not is_mine

    assert [path.parent for path in tmp_path.iterdir()] == [tmp_path]


def test_a_lock_is_waited_for(locks: Locks) -> None:
    order: list[str] = []
    is_waiting = threading.Event()

    def second() -> None:
        is_waiting.set()
        with locks.held("a"):
            order.append("second")

    thread = threading.Thread(target=second)
    with locks.held("a"):
        thread.start()
        is_waiting.wait()
        order.append("first")
    thread.join()

    assert order == ["first", "second"]


def test_threads_exclude_each_other(locks: Locks) -> None:
    inside = 0
    most = 0

    def enter() -> None:
        nonlocal inside, most
        for _ in range(50):
            with locks.held("a"):
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == 1


HOLDER = """
import signal, sys
from pathlib import Path
from engine.system.locks import Locks
with Locks(Path(sys.argv[1])).held("a"):
    print("held", flush=True)
    signal.pause()
"""


def test_the_kernel_gives_back_what_a_killed_process_held(locks: Locks, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with locks.tried("a") as is_mine:
            assert not is_mine
        process.kill()

    with locks.held("a"):
        pass


def test_a_program_that_is_started_does_not_hold_our_lock(locks: Locks) -> None:
    with locks.held("a"):
        process = subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False)

    with locks.tried("a") as is_mine:
        assert is_mine
    process.communicate()


def test_a_discarded_lock_leaves_no_file(locks: Locks, tmp_path: Path) -> None:
    with locks.held("a"):
        pass

    locks.discard("a")
    locks.discard("a")

    assert list(tmp_path.iterdir()) == []
