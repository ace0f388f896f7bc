"""Threads that are made when work comes and end when none does."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")

IDLE_SECONDS = 5.0
Work = tuple[Future[T], "Callable[[], T]"]


@dataclass(slots=True, eq=False)
class _Worker:
    """One thread: what it is to do next, and a lock that is let go when it is told."""

    work: Work[object] | None
    told: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.told.acquire()

    @property
    def is_idle(self) -> bool:
        """Whether it has nothing to do."""
        return self.work is None

    def tell(self, work: Work[object] | None) -> None:
        """Give it *work*, or have it end; it waits for that."""
        self.work = work
        self.told.release()


class Threads(Executor):
    """
    At most *most* threads, each of which ends once it had nothing to do for some seconds.

    What comes while all are busy waits. The thread that was busy last is used first, so that those
    which are too many stay idle. When no idle one is left, the last that ended calls *at_rest*.
    """

    def __init__(
        self,
        most: int,
        name: str,
        *,
        idle_seconds: float = IDLE_SECONDS,
        at_rest: Callable[[], None] = lambda: None,
    ) -> None:
        self._most = most
        self._name = name
        self._idle_seconds = idle_seconds
        self._at_rest = at_rest
        self._guard = threading.Lock()
        self._idle: list[_Worker] = []
        self._waiting: deque[Work[object]] = deque()
        self._count = 0
        self._ended: threading.Thread | None = None
        self._is_closed = False

    @property
    def count(self) -> int:
        """How many threads there are now."""
        return self._count

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have *fn* called by one of the threads; return what its outcome will be."""
        future: Future[T] = Future()
        work: Work[object] = (future, partial(fn, *args, **kwargs))  # type: ignore[assignment]
        with self._guard:
            if self._is_closed:
                raise RuntimeError("no more work is taken")
            if self._idle:
                self._idle.pop().tell(work)
            elif self._count < self._most:
                self._begin(work)
            else:
                self._waiting.append(work)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002
        """Take no more work and let idle threads end; what runs is not waited for."""
        del wait
        with self._guard:
            self._is_closed = True
            while self._idle:
                self._idle.pop().tell(None)
            left = list(self._waiting) if cancel_futures else []
            if cancel_futures:
                self._waiting.clear()
        for future, _ in left:
            future.cancel()

    def _begin(self, work: Work[object]) -> None:
        worker = _Worker(work)
        threading.Thread(target=self._serve, args=(worker,), name=self._name).start()
        self._count += 1

    def _serve(self, worker: _Worker) -> None:
        is_last = False
        while worker.work is not None:
            _do(worker.work)
            is_last = self._find_work(worker)
        self._join_the_one_before()
        if is_last:
            self._at_rest()

    def _join_the_one_before(self) -> None:
        # Of each thread that nobody joins Python keeps a lock, until it makes another thread.
        with self._guard:
            before, self._ended = self._ended, threading.current_thread()
        if before is not None:
            before.join()

    def _find_work(self, worker: _Worker) -> bool:
        """
        Give *worker* something to do, once there is something, or nothing if it is to end.

        Returns whether it is the last one to end.
        """
        worker.work = None
        with self._guard:
            if self._waiting:
                worker.work = self._waiting.popleft()
                return False
            if self._is_closed:
                self._count -= 1
                return False
            self._idle.append(worker)
        is_told = worker.told.acquire(timeout=self._idle_seconds)
        with self._guard:
            # In one piece: who comes by sees it idle, or not counted any more.
            if not is_told:
                self._give_up(worker)
            self._count -= worker.is_idle
            return worker.is_idle and not self._idle and not self._is_closed

    def _give_up(self, worker: _Worker) -> None:
        if worker in self._idle:
            self._idle.remove(worker)
        else:
            # It was told something at the last moment.
            worker.told.acquire()


def _do(work: Work[object]) -> None:
    future, call = work
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001 - it belongs to whoever asked
        future.set_exception(error)
    else:
        future.set_result(result)
    finally:
        # An error holds on to this frame, which must not hold on to the error.
        del future
