"""What starts the program that starts commands, in many threads and processes."""

from __future__ import annotations

import os
import threading
from multiprocessing import get_context
from typing import TYPE_CHECKING

from engine.system.entering import spawner as module
from engine.system.entering.spawner import Spawner

if TYPE_CHECKING:
    import socket

    import pytest

SECONDS = 30.0


def test_a_fork_does_not_wait_for_a_thread_of_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    parent, begun, forked = os.getpid(), threading.Event(), threading.Event()

    def started() -> socket.socket | None:
        if os.getpid() == parent:
            begun.set()
            assert forked.wait(SECONDS)
        return None

    monkeypatch.setattr(module, "_started", started)
    spawner = Spawner()
    thread = threading.Thread(target=spawner.is_possible)
    thread.start()
    assert begun.wait(SECONDS)
    fork = get_context("fork").Process(target=spawner.is_possible)
    try:
        fork.start()
        fork.join(SECONDS)
        assert fork.exitcode == 0
    finally:
        forked.set()
        fork.kill()
        thread.join()
