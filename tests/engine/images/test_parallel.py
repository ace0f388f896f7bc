from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.errors import DigestMismatch
from engine.images.parallel import JointCancellation, results_of
from engine.progress import NEVER, Cancellation, Cancelled


def test_results_come_in_the_order_of_the_work() -> None:
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(lambda number=number: number) for number in range(5)]

        assert results_of(futures, cancellation=JointCancellation(NEVER)) == [0, 1, 2, 3, 4]


def test_no_work_has_no_results() -> None:
    assert results_of([], cancellation=JointCancellation(NEVER)) == []


def test_the_first_failure_stops_the_rest_and_is_what_is_raised() -> None:
    joint = JointCancellation(NEVER)
    started = threading.Event()

    def patient() -> None:
        started.set()
        joint.wait(60)

    def failing() -> None:
        started.wait()
        raise DigestMismatch(expected=1, actual=2)

    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(patient), pool.submit(failing), pool.submit(patient)]
        with pytest.raises(DigestMismatch):
            results_of(futures, cancellation=joint)


def test_a_request_from_outside_is_what_is_raised() -> None:
    outer = Cancellation()
    joint = JointCancellation(outer)

    with ThreadPoolExecutor(1) as pool:
        futures = [pool.submit(joint.wait, 60)]
        outer.cancel()
        with pytest.raises(Cancelled):
            results_of(futures, cancellation=joint)


def test_one_of_us_does_not_cancel_who_asked() -> None:
    outer = Cancellation()
    joint = JointCancellation(outer)

    joint.cancel()

    assert joint.is_cancelled
    assert not outer.is_cancelled


def test_time_passes_when_nobody_asks_to_stop() -> None:
    JointCancellation(Cancellation()).wait(0.01)
