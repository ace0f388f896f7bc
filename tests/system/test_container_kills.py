"""Containers of the real kernel, whose engines are killed or are many at once."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING

import pytest

from engine.containers.containers import IfRunning
from tests.support.crashes import Countdown, dying, kill_oneself
from tests.support.real_containers import SECONDS, list_with_argument, remains_of
from tests.support.services import wait_until

if TYPE_CHECKING:
    from tests.support.containers import Yard

pytestmark = pytest.mark.root


# More of them are for a look by hand.
EACH = int(os.environ.get("SHIPSHAPE_TEST_CYCLES", "5"))


SCENES = {
    "create": lambda it, yard: it.create(yard.settings("/bin/sleep", "1000", name="web")),
    "start": lambda it, _: it.start("web"),
    "stop": lambda it, _: it.stop("web", timeout=0),
    "remove": lambda it, _: it.remove("web"),
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("scene", SCENES)
def test_a_kill_at_any_step_leaves_a_true_state(yard: Yard, scene: str) -> None:
    act = SCENES[scene]
    context = get_context("fork")
    ids: list[str] = []
    for step in range(100):
        if scene != "create":
            record = yard.containers.create(yard.settings("/bin/sleep", "1000", name="web"))
            ids.append(record.id)
            if scene == "stop":
                yard.containers.start(record.id)

        def die(step: int = step) -> None:
            mortal = yard.reopened(dying(yard.means, Countdown(step, kill_oneself)))
            act(mortal, yard)
            os._exit(0)

        # Connections to SQLite do not survive a fork.
        yard.means.database.close()
        child = context.Process(target=die)
        child.start()
        child.join(SECONDS)

        assert child.exitcode in {0, -signal.SIGKILL}
        yard.containers.reconcile()
        found = yard.containers.find("web")
        if found is not None:
            ids.append(found.id)
            expected = [] if found.is_running else yard.leftovers(records=1)
            assert expected == [], f"died at step {step}"
            if not found.is_running:
                assert yard.containers.start(found.id).is_running
            yard.containers.remove(found.id, if_running=IfRunning.KILL)
        assert yard.leftovers() == [], f"died at step {step}"
        assert remains_of(ids) == [], f"died at step {step}"
        if child.exitcode == 0:
            return
    pytest.fail(f"{scene} never ended")


@pytest.mark.timeout(600)
def test_a_kill_while_the_monitor_is_launching_leaves_nothing(yard: Yard) -> None:
    """The window in which conmon exists and nobody knows its number."""
    context = get_context("fork")
    record = yard.containers.create(yard.settings("/bin/sleep", "1000", name="web"))
    for step in range(25):

        def die(step: int = step) -> None:
            threading.Timer(step * 0.002, kill_oneself).start()
            try:
                yard.reopened().start("web")
            finally:
                signal.pause()

        yard.means.database.close()
        child = context.Process(target=die)
        child.start()
        child.join(SECONDS)
        yard.containers.reconcile()

        found = yard.containers.get("web")
        if found.is_running:
            assert not yard.means.runtime.is_held(yard.means.bundles.locate(found.id))
            yard.containers.kill("web")
        assert yard.leftovers(records=1) == []
        assert remains_of([record.id]) == []


def cycles(yard: Yard, count: int) -> list[str]:
    containers = yard.reopened()
    ids = []
    for number in range(count):
        network = "bridge" if number % 2 else "none"
        record = containers.create(
            yard.settings("/bin/sh", "-c", f"exit {number}", network=network)
        )
        ids.append(record.id)
        containers.start(record.id)
        ended = containers.wait(record.id, timeout=SECONDS)
        assert ended is not None
        assert ended.code == number
        containers.remove(record.id)
    return ids


def of_the_network() -> tuple[list[str], str]:
    """Return the interfaces and rules of this network, which is this test session's own."""
    # The kernel takes a container's cable away some time after its namespace has ended.
    wait_until(lambda: not any(map(is_cable, interfaces())), what="cables of containers gone")
    rules = subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True, check=True)
    return interfaces(), rules.stdout


def interfaces() -> list[str]:
    return sorted(name for _, name in socket.if_nameindex())


def is_cable(name: str) -> bool:
    return name.startswith("sv")


@pytest.mark.timeout(600)
def test_eight_processes_at_once_leave_nothing(yard: Yard) -> None:
    cycles(yard, 2)
    before, locks = of_the_network(), sorted(yard.paths.locks.iterdir())
    yard.means.database.close()
    context = get_context("fork")
    children = [context.Process(target=cycles, args=(yard, EACH)) for _ in range(8)]
    for child in children:
        child.start()
    for child in children:
        child.join(SECONDS * 5)

    assert [child.exitcode for child in children] == [0] * 8
    assert yard.leftovers() == []
    assert of_the_network() == before
    assert list_with_argument(str(yard.paths.exits)) == []
    assert sorted(yard.paths.locks.iterdir()) == locks


def test_threads_share_one_engine(yard: Yard) -> None:
    with ThreadPoolExecutor(4) as pool:
        ids = [each for done in pool.map(lambda _: cycles(yard, 3), range(4)) for each in done]

    assert len(ids) == 12
    assert yard.leftovers() == []
    assert remains_of(ids) == []
