"""Processes that are killed, and many at once, over real networks: nothing is shared or left."""

import os
import signal
import socket
from collections import Counter
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path

import pytest

from engine.containers.containers import Containers, IfRunning
from engine.networks.aardvark import PID_FILE
from engine.networks.networks import Networks
from engine.networks.settings import NetworkSettings
from engine.settings.network import PortBinding
from engine.system.processes import arguments_of, find_by_arguments
from engine.system.runner import run
from tests.support.containers import Yard, clear_away, real_yard
from tests.support.crashes import Countdown, dying, kill_oneself
from tests.support.services import wait_until

pytestmark = [pytest.mark.root, pytest.mark.timeout(300)]
SECONDS = 60.0
NETWORK = "mine"


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    made = real_yard(tmp_path)
    Networks(made.means.networks, made.containers).create(NetworkSettings(NETWORK))
    yield made
    clear_away(made)
    made.means.networks.plane.dismantle()


def launch(yard: Yard, it: Containers, name: str) -> str:
    settings = yard.settings(
        "/bin/sleep", "1000", name=name, network=NETWORK, publish=(PortBinding(80),)
    )
    return it.start(it.create(settings).id).id


def remains(yard: Yard) -> list[str]:
    """What the host and the records have of endpoints, ports and names."""
    mark, store = yard.means.networks.mark, yard.means.networks.store
    found = [name for _, name in socket.if_nameindex() if name.startswith(mark.links)]
    found += [f"enrolled {each}" for each in store.enrolled()]
    found += [each.name for each in (yard.paths.networks / "names").glob("*")]
    rules = run(["nft", "list", "table", "inet", mark.table], timeout=10).stdout.decode()
    return found + [line for line in rules.splitlines() if "tcp ." in line]


@pytest.mark.parametrize("scene", ["start", "remove"])
def test_a_kill_at_any_step_leaves_nothing_after_reconciling(yard: Yard, scene: str) -> None:
    context = get_context("fork")
    # Every step is died at over a host that is made up; here, every third on the kernel.
    for step in range(0, 200, 3):
        if scene == "remove":
            launch(yard, yard.containers, "web")

        def die(step: int = step) -> None:
            mortal = yard.reopened(dying(yard.means, Countdown(step, kill_oneself)))
            if scene == "start":
                launch(yard, mortal, "web")
            else:
                mortal.remove("web", if_running=IfRunning.KILL)
            os._exit(0)

        yard.means.database.close()
        child = context.Process(target=die)
        child.start()
        child.join(SECONDS)

        assert child.exitcode in {0, -signal.SIGKILL}
        yard.containers.reconcile()
        found = yard.containers.find("web")
        if found is not None:
            assert found.is_running or yard.containers.start(found.id).is_running
            yard.containers.remove(found.id, if_running=IfRunning.KILL)
        wait_until(lambda: remains(yard) == [], what=f"nothing left of {step}", seconds=5.0)
        if child.exitcode == 0:
            return
    pytest.fail(f"{scene} never ended")


def test_eight_processes_at_once_share_no_address_and_no_port(yard: Yard) -> None:
    def work(number: int) -> None:
        it = yard.reopened()
        for count in range(3):
            launch(yard, it, f"web-{number}-{count}")

    yard.means.database.close()
    context = get_context("fork")
    children = [context.Process(target=work, args=(each,)) for each in range(8)]
    for child in children:
        child.start()
    for child in children:
        child.join(SECONDS)

    assert [child.exitcode for child in children] == [0] * 8
    store = yard.means.networks.store
    active = store.active_endpoints()
    assert len(active) == 24
    assert Counter(each.ipv4 for each in active).most_common(1)[0][1] == 1
    ports = [port.host_port for _, port in store.list_ports()]
    assert len(set(ports)) == 24
    clear_away(yard)
    wait_until(lambda: remains(yard) == [], what="nothing left", seconds=5.0)


def test_a_reboot_leaves_records_that_can_be_started_again(yard: Yard) -> None:
    """The run directory is gone, and with it bridges, rules, names and processes."""
    launch(yard, yard.containers, "web")
    yard.containers.kill("web")
    record = yard.containers.get("web")
    yard.means.networks.plane.dismantle()
    run(["rm", "-rf", str(yard.paths.networks)], timeout=10)

    yard.containers.reconcile()
    assert yard.containers.start(record.id).is_running

    endpoint = yard.means.networks.store.endpoints_of(record.id)[0]
    assert endpoint.link in {name for _, name in socket.if_nameindex()}
    assert (yard.paths.networks / "names" / NETWORK).exists()


def test_a_run_directory_that_was_cleared_takes_no_network_away(yard: Yard) -> None:
    """Bridges, rules and the name server are still on the host, and nothing says whose."""
    launch(yard, yard.containers, "web")
    record = yard.containers.get("web")
    run(["rm", "-rf", str(yard.paths.networks)], timeout=10)

    yard.containers.reconcile()
    yard.containers.kill("web")
    assert yard.containers.start(record.id).is_running

    server = int((yard.paths.networks / "names" / PID_FILE).read_text())
    assert find_by_arguments(arguments_of(server)) == [server]
    clear_away(yard)
    wait_until(lambda: remains(yard) == [], what="nothing left", seconds=5.0)
