"""A run directory that somebody cleared while the host went on: bridges are known by their sign."""

import shutil
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from engine.networks.assembly import linux_host
from engine.networks.door import BridgePlan, Host
from engine.networks.settings import OPTION_BRIDGE, NetworkSettings
from engine.system.paths import EnginePaths
from engine.system.processes import find_by_arguments
from engine.system.runner import find_program, run
from tests.support.fakes_networks import FakeLinks, FakeNames
from tests.support.networks import Wires, wires_on
from tests.support.services import wait_until


def links(wires: Wires) -> FakeLinks:
    return cast("FakeLinks", wires.host.links)


def default(wires: Wires) -> str:
    """The bridge that every engine has that has any."""
    return wires.networks.get("bridge").bridge


def clear(wires: Wires) -> None:
    shutil.rmtree(wires.paths.networks)


def reconcile(wires: Wires) -> None:
    wires.means.wiring.reconcile(set(wires.means.store.enrolled()), set())


def orphaned(wires: Wires, name: str, **options: str) -> str:
    """Make a network, let its record go as a kill may, and return the bridge that is left."""
    network = wires.networks.create(NetworkSettings(name, options=options))
    wires.means.store.delete(network.id)
    return network.bridge


def other(wires: Wires, root: Path, host: Host | None = None) -> Wires:
    """Another engine on the same host."""
    return wires_on(host or wires.host, root / "other")


def test_a_bridge_of_no_network_goes(wires: Wires) -> None:
    wires.networks.create(NetworkSettings("mine"))
    bridge = orphaned(wires, "gone")
    own_name = orphaned(wires, "named", **{OPTION_BRIDGE: "mybr0"})
    clear(wires)

    reconcile(wires)

    assert {bridge, own_name}.isdisjoint(links(wires).bridges)
    assert wires.networks.get("mine").bridge in links(wires).bridges


@pytest.mark.parametrize("is_reconciled", [True, False], ids=["reconciled", "at-once"])
def test_a_network_that_nobody_uses_takes_its_bridge_along(
    wires: Wires, *, is_reconciled: bool
) -> None:
    bridges = {OPTION_BRIDGE: "mybr0"}
    wires.networks.create(NetworkSettings("mine"))
    wires.networks.create(NetworkSettings("named", options=bridges))
    clear(wires)
    if is_reconciled:
        reconcile(wires)

    wires.networks.remove("mine")
    wires.networks.remove("named")

    assert list(links(wires).bridges) == [default(wires)]


def test_one_that_was_named_by_hand_is_used_again(wires: Wires) -> None:
    wires.networks.create(NetworkSettings("named", options={OPTION_BRIDGE: "mybr0"}))
    clear(wires)

    wires.started("web", "named")

    assert set(links(wires).bridges) == {"mybr0", default(wires)}


def test_dismantling_finds_them_all(wires: Wires) -> None:
    wires.networks.create(NetworkSettings("mine"))
    orphaned(wires, "gone")
    clear(wires)

    wires.networks.dismantle()

    assert links(wires).bridges == {}


def test_a_bridge_that_bears_no_sign_of_ours_stays_whatever_it_is_called(wires: Wires) -> None:
    wires.networks.create(NetworkSettings("mine"))
    foreign = [wires.means.mark.bridge("f" * 64), "docker0", "br-123456789abc"]
    for name in foreign:
        links(wires).ensure_bridge(BridgePlan(name, "", 1500, (), is_routed=False))
    # Such as one of a root that was thrown away, of an engine with the same run directory.
    older = replace(
        links(wires).bridges[foreign[0]], name=f"{foreign[0][:-1]}e", sign="shipshape x"
    )
    links(wires).ensure_bridge(older)
    clear(wires)

    reconcile(wires)

    assert {*foreign, older.name} < links(wires).bridges.keys()


def test_another_engine_keeps_its_own(wires: Wires, tmp_path: Path) -> None:
    second = other(wires, tmp_path)
    theirs, left = second.networks.create(NetworkSettings("theirs")).bridge, orphaned(second, "x")
    ours = orphaned(wires, "gone")
    clear(wires)
    clear(second)

    reconcile(wires)
    assert set(links(wires).bridges) == {theirs, left, default(wires), default(second)}
    assert ours not in links(wires).bridges
    reconcile(second)
    assert set(links(wires).bridges) == {theirs, default(wires), default(second)}
    second.means.database.close()


def test_where_nothing_was_made_nothing_is_asked_or_noted(wires: Wires) -> None:
    reconcile(wires)

    assert not wires.paths.networks.exists()


def test_a_name_server_that_nothing_knows_of_is_ended(wires: Wires) -> None:
    member = wires.member("web", wires.networks.create(NetworkSettings("mine")).name)
    wires.start(member)
    clear(wires)
    wires.means.store.delete_endpoint(member.id, "mine")

    reconcile(wires)

    assert cast("FakeNames", wires.host.names).files == {}


@pytest.mark.parametrize("is_noted", [True, False], ids=["upgraded", "cleared-too"])
def test_what_an_earlier_version_made_is_brought_up_to_date(
    wires: Wires, *, is_noted: bool
) -> None:
    network = wires.networks.create(NetworkSettings("mine", enable_ipv6=True))
    plan = links(wires).bridges[network.bridge]
    links(wires).bridges[network.bridge] = replace(plan, sign="", stand_in="")
    note = wires.paths.networks / "bridges" / network.bridge
    note.write_text("")
    if not is_noted:
        note.unlink()

    wires.started("web", "mine")

    assert links(wires).bridges[network.bridge] == plan


class TestOnTheKernel:
    """Real bridges, in a network namespace of the test's own."""

    pytestmark = pytest.mark.root

    @pytest.fixture
    def real(self, tmp_path: Path) -> Iterator[Wires]:
        made = wires_on(linux_host(EnginePaths(tmp_path / "root", tmp_path / "run")), tmp_path)
        yield made
        made.networks.dismantle()
        made.means.database.close()

    def test_each_engine_removes_its_own_and_no_other(self, real: Wires, tmp_path: Path) -> None:
        paths = EnginePaths(tmp_path / "other/root", tmp_path / "other/run")
        second = other(real, tmp_path, linux_host(paths))
        kept = real.networks.create(NetworkSettings("kept", enable_ipv6=True)).bridge
        theirs = second.networks.create(NetworkSettings("theirs")).bridge
        ours, left = orphaned(real, "gone"), orphaned(second, "gone")
        named = orphaned(real, "named", **{OPTION_BRIDGE: "mybr0"})
        imposter = real.means.mark.bridge("f" * 64)
        run(["ip", "link", "add", imposter, "type", "bridge"], timeout=10)
        try:
            clear(real)
            clear(second)

            reconcile(real)
            assert present(kept, theirs, ours, left, named, imposter) == {
                kept, theirs, left, imposter
            }  # fmt: skip
            assert tables() >= {real.means.mark.table, second.means.mark.table}
            reconcile(second)
            assert present(kept, theirs, left, imposter) == {kept, theirs, imposter}

            real.networks.remove("kept")
            assert present(kept, theirs) == {theirs}
            real.networks.dismantle()
            assert real.means.mark.table not in tables()
        finally:
            run(["ip", "link", "del", imposter], timeout=10)
            second.networks.dismantle()
            second.means.database.close()
        assert second.means.mark.table not in tables()

    def test_a_name_server_without_a_note_is_ended(self, real: Wires) -> None:
        if find_program("aardvark-dns") is None and not Path("/usr/lib/podman").exists():
            pytest.skip("aardvark-dns is not installed")
        network = real.networks.create(NetworkSettings("mine"))
        names = real.paths.networks / "names"
        names.mkdir(parents=True)
        gateway = network.subnets[0].gateway
        (names / "mine").write_text(f"{gateway}\nabc 172.31.0.9  web\n")
        real.host.names.reload(names)
        assert serving(names)
        clear(real)

        reconcile(real)

        wait_until(lambda: not serving(names), what="no name server", seconds=10.0)


def present(*names: str) -> set[str]:
    """Those of *names* that are links of the host."""
    return {name for _, name in socket.if_nameindex()} & set(names)


def tables() -> set[str]:
    lines = run(["nft", "list", "tables", "inet"], timeout=10).stdout.decode().splitlines()
    return {line.split()[-1] for line in lines}


def serving(names: Path) -> list[int]:
    words = ["--config", str(names), "--port", "53", "run"]
    programs = ["/usr/lib/podman/aardvark-dns", "/usr/libexec/podman/aardvark-dns"]
    found = find_program("aardvark-dns")
    programs += [found] if found else []
    return [pid for program in programs for pid in find_by_arguments([program, *words])]
