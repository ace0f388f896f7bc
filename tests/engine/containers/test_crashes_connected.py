"""
Death at any step of a container with a network, a published port and a volume: nothing stays.

The steps inside the network's doors count like all others.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from engine.containers.containers import Containers, IfRunning
from engine.containers.record import ContainerRecord
from engine.networks.networks import Networks
from engine.networks.settings import NetworkSettings
from engine.settings.mounts import MountKind, MountPoint
from engine.settings.network import PortBinding
from tests.support.containers import Yard, fake_yard
from tests.support.crashes import Countdown, Died, dying

if TYPE_CHECKING:
    from tests.support.fakes_networks import FakeFirewall, FakeLinks, FakeNames, FakePorts

MANY = 300
NAME = "web"
NETWORK = "mine"


def contradictions(yard: Yard) -> list[str]:
    """Whatever the host has of networks and volumes that no container explains."""
    networks, host = yard.means.networks, yard.means.networks.host
    links, names = cast("FakeLinks", host.links), cast("FakeNames", host.names)
    running = {each.id for each in yard.means.store.list_all() if each.is_running}
    known = {each.id for each in yard.means.store.list_all()}
    active = {each.container_id: each for each in networks.store.active_endpoints()}
    found = [f"active {each}" for each in active.keys() - running]
    found += [f"resting {each}" for each in running - active.keys()]
    # The links of a process that has ended go with it; of one that lives they stay.
    wired = {name for name, (pid, _) in links.links.items() if is_alive(yard, pid)}
    if wired != {each.link for each in active.values()}:
        found.append(f"links {wired} for {active}")
    ports = {container_id for container_id, _ in networks.store.list_ports()}
    found += [f"port of {each}" for each in ports ^ running]
    rules = cast("FakeFirewall", host.firewall).rules
    if ("tcp . 8080" in rules) != bool(running):
        found.append("rules")
    if (NETWORK in names.files) != bool(running):
        found.append(f"names {names.files}")
    found += [f"enrolled {each}" for each in networks.store.enrolled() - known]
    found += [f"uses of {each}" for each in yard.means.volumes.users() - known]
    loose = {
        each.name for each in yard.means.volumes.list() if not yard.means.volumes.holders(each.name)
    }
    directories = {each.name for each in yard.paths.volumes.iterdir()}
    if directories != {each.name for each in yard.means.volumes.list()}:
        found.append(f"directories {directories}")
    found += [f"loose volume {each}" for each in loose]
    return found


def is_alive(yard: Yard, pid: int) -> bool:
    return any(each.pid == pid and each.is_alive for each in yard.fake_host.containers.values())


def nothing(yard: Yard) -> None:
    Networks(yard.means.networks, yard.containers).create(NetworkSettings(NETWORK))


def created(yard: Yard) -> ContainerRecord:
    nothing(yard)
    return create(yard, yard.containers)


def create(yard: Yard, containers: Containers) -> ContainerRecord:
    return containers.create(
        yard.settings(
            "/bin/sleep",
            name=NAME,
            network=NETWORK,
            auto_remove=True,
            publish=(PortBinding(80, host_port=8080),),
            mounts=(MountPoint(MountKind.VOLUME, "/data", no_copy=True),),
        )
    )


def running(yard: Yard) -> ContainerRecord:
    return yard.containers.start(created(yard).id)


def ended(yard: Yard) -> None:
    yard.fake_host.finish(running(yard).id)


SCENES: dict[str, tuple[Callable[[Yard], object], Callable[[Yard, Containers], object]]] = {
    "create": (nothing, lambda yard, it: create(yard, it)),
    "start": (created, lambda _, it: it.start(NAME)),
    "settle": (ended, lambda _, it: it.settle()),
    "remove": (running, lambda _, it: it.remove(NAME, if_running=IfRunning.KILL)),
}


@pytest.mark.parametrize("scene", SCENES)
def test_death_at_any_step_is_put_right(tmp_path: Path, scene: str) -> None:
    prepare, act = SCENES[scene]
    for step in range(MANY):
        yard = fake_yard(tmp_path / f"{step}")
        prepare(yard)
        countdown = Countdown(step)
        try:
            act(yard, yard.reopened(dying(yard.means, countdown)))
        except Died:
            # What the dead process held of ports is free; the monitor's own is not counted here.
            cast("FakePorts", yard.means.networks.host.ports).held.clear()
        survivor = yard.reopened()
        survivor.reconcile()

        assert contradictions(yard) == [], f"died at step {step}, {countdown.died_at}"
        assert survivor.reconcile().is_clean
        yard.means.database.close()
        if not countdown.died_at:
            assert step > 5
            return
    pytest.fail(f"{scene} never ended")
