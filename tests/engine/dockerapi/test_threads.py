"""Threads that end when nobody needs them."""

from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError

import pytest

from engine.dockerapi.threads import Threads
from tests.support.services import wait_until

SECONDS = 20.0


@pytest.fixture
def threads():
    made = Threads(4, "test", idle_seconds=60.0)
    yield made
    made.shutdown()
    until(lambda: made.count == 0)


def until(holds) -> None:
    wait_until(holds, what="threads", seconds=SECONDS)


class LetIn:
    """A lock that calls *once* at the first moment when somebody else could come in between."""

    def __init__(self, lock, is_time) -> None:
        self._lock = lock
        self._is_time = is_time
        self.once = None

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
        if self.once and self._is_time():
            call, self.once = self.once, None
            call()


def test_work_that_comes_while_the_last_thread_ends_is_done():
    threads = Threads(1, "test", idle_seconds=0.05)
    found = []
    # Whoever is the last thread is not idle any more, and may still be counted.
    guard = LetIn(threads._guard, lambda: not threads._idle)
    threads._guard = guard
    threads.submit(abs, -1).result(SECONDS)
    until(lambda: threads._idle or not threads.count)
    guard.once = lambda: found.append(threads.submit(abs, -2))

    until(lambda: found)

    assert found[0].result(SECONDS) == 2
    threads.shutdown()
    until(lambda: threads.count == 0)


def test_the_outcome_is_told(threads):
    assert threads.submit(divmod, 7, 2).result(SECONDS) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        threads.submit(divmod, 7, 0).result(SECONDS)


def test_one_after_the_other_needs_one_thread(threads):
    for number in range(20):
        assert threads.submit(abs, -number).result(SECONDS) == number
        until(lambda: len(threads._idle) == threads.count)
    assert threads.count == 1


def test_there_are_never_more_than_allowed_and_none_is_lost(threads):
    go = threading.Event()

    def work(number: int) -> int:
        go.wait(SECONDS)
        return number

    futures = [threads.submit(work, number) for number in range(50)]
    assert threads.count == 4
    go.set()
    assert [each.result(SECONDS) for each in futures] == list(range(50))


def test_idle_threads_end_and_new_ones_come():
    threads = Threads(8, "test", idle_seconds=0.01)
    for _ in range(3):
        together = threading.Barrier(8)
        futures = [threads.submit(together.wait, SECONDS) for _ in range(8)]
        assert sorted(each.result(SECONDS) for each in futures) == list(range(8))
        until(lambda: threads.count == 0)
    threads.shutdown()


def test_work_that_comes_while_a_thread_gives_up_is_done():
    threads = Threads(2, "test", idle_seconds=0.0005)
    for number in range(300):
        assert threads.submit(abs, number).result(SECONDS) == number
        # Not a wait for anything: so the next comes at the moment when the thread gives up.
        time.sleep(0.0005)
    threads.shutdown()
    until(lambda: threads.count == 0)


def test_what_waits_is_cancelled_at_the_end():
    threads = Threads(1, "test")
    go, begun = threading.Event(), threading.Event()
    first = threads.submit(lambda: (begun.set(), go.wait(SECONDS)))
    second = threads.submit(abs, 1)
    begun.wait(SECONDS)
    threads.shutdown(cancel_futures=True)
    with pytest.raises(CancelledError):
        second.result(SECONDS)
    go.set()
    assert first.result(SECONDS) == (None, True)
    with pytest.raises(RuntimeError, match="no more work"):
        threads.submit(abs, 1)
    until(lambda: threads.count == 0)


def test_the_last_idle_thread_says_that_there_is_rest():
    told = threading.Event()
    threads = Threads(4, "test", idle_seconds=0.01, at_rest=told.set)
    assert threads.submit(abs, -1).result(SECONDS) == 1
    assert told.wait(SECONDS)
    threads.shutdown()


def test_of_threads_that_ended_python_keeps_nothing_but_of_the_last():
    kept = len(threading._shutdown_locks)
    rest = threading.Event()
    threads = Threads(8, "test", idle_seconds=0.01, at_rest=rest.set)
    together = threading.Barrier(8)
    for each in [threads.submit(together.wait, SECONDS) for _ in range(8)]:
        each.result(SECONDS)
    assert rest.wait(SECONDS)
    until(lambda: len(threading._shutdown_locks) <= kept + 1)
    threads.shutdown()
