"""Networks as records: over a host that is made up."""

import ipaddress
from datetime import UTC, datetime
from typing import cast

import pytest

from engine.errors import (
    EndpointExists,
    InvalidSetting,
    NetworkExists,
    NetworkInUse,
    NetworkNotFound,
    NetworkPredefined,
    NotConnected,
    PoolOverlaps,
    PoolsExhausted,
)
from engine.networks.door import BridgePlan
from engine.networks.settings import OPTION_BRIDGE, IpamPool, NetworkSettings
from engine.settings.network import Endpoint
from tests.support.fakes_networks import FakeFirewall, FakeLinks, FakeNames
from tests.support.networks import Wires


def links(wires: Wires) -> FakeLinks:
    return cast("FakeLinks", wires.host.links)


def mine(name: str = "mine", subnet: str = "10.9.0.0/24", **more: object) -> NetworkSettings:
    return NetworkSettings(name, ipam=(IpamPool(subnet),), **more)  # type: ignore[arg-type]


class TestDefaults:
    def test_three_are_always_there(self, wires: Wires) -> None:
        assert [(each.name, each.driver) for each in wires.networks.list()] == [
            ("bridge", "bridge"),
            ("host", "host"),
            ("none", "null"),
        ]

    def test_they_are_made_once(self, wires: Wires) -> None:
        assert wires.networks.get("bridge").id == wires.networks.get("bridge").id

    def test_one_that_has_no_room_is_in_nobodys_way_but_its_own(self, wires: Wires) -> None:
        links(wires).foreign.append(ipaddress.ip_network("0.0.0.0/0"))

        assert [each.name for each in wires.networks.list()] == ["host", "none"]
        assert wires.networks.get("none").driver == "null"
        with pytest.raises(PoolsExhausted):
            wires.networks.get("bridge")

        links(wires).foreign.clear()
        assert wires.networks.get("bridge").driver == "bridge"

    @pytest.mark.parametrize("name", ["bridge", "host", "none"])
    def test_they_cannot_be_removed(self, wires: Wires, name: str) -> None:
        with pytest.raises(NetworkPredefined, match=f"{name} is a pre-defined network"):
            wires.networks.remove(name)


class TestCreating:
    def test_it_has_a_subnet_a_gateway_and_a_bridge(self, wires: Wires) -> None:
        network = wires.networks.create(NetworkSettings("mine"), owner="ana")

        assert [str(each.pool) for each in network.subnets] == ["172.18.0.0/16"]
        assert links(wires).bridges[network.bridge].addresses == ("172.18.0.1/16",)
        assert wires.networks.get(network.id[:10]) == network

    def test_what_the_host_has_is_kept_clear_of(self, wires: Wires) -> None:
        links(wires).foreign.append(ipaddress.ip_network("172.16.0.0/12"))

        network = wires.networks.create(NetworkSettings("mine", enable_ipv6=True))

        assert next(str(each.pool) for each in network.subnets) == "192.168.16.0/20"
        assert network.subnets[1].pool.subnet_of(ipaddress.ip_network("fd00::/8"))  # type: ignore[arg-type]

    def test_a_name_is_given_once(self, wires: Wires) -> None:
        wires.networks.create(mine())

        with pytest.raises(NetworkExists, match="network with name mine already exists"):
            wires.networks.create(mine(subnet="10.8.0.0/24"))

    def test_subnets_do_not_overlap(self, wires: Wires) -> None:
        wires.networks.create(mine())

        with pytest.raises(
            PoolOverlaps, match="Pool overlaps with other one on this address space"
        ):
            wires.networks.create(mine("other", "10.9.0.128/25"))
        assert wires.networks.find("other") is None

    def test_a_bridge_of_somebody_else_is_not_taken_over(self, wires: Wires) -> None:
        links(wires).ensure_bridge(BridgePlan("br0", "", 1500, (), is_routed=False))
        with pytest.raises(InvalidSetting, match="already"):
            wires.networks.create(mine(options={OPTION_BRIDGE: "br0"}))

        assert "br0" in links(wires).bridges
        assert wires.networks.find("mine") is None

    def test_another_host_network_is_refused(self, wires: Wires) -> None:
        with pytest.raises(
            NetworkPredefined, match='only one instance of "host" network is allowed'
        ):
            wires.networks.create(NetworkSettings("mine", driver="host"))

    def test_events_tell_of_it(self, wires: Wires) -> None:
        network = wires.networks.create(mine())
        wires.networks.remove("mine")

        told = [(each.action, each.attributes) for each in wires.means.events.list_since(0)]
        assert told[-2:] == [
            ("create", {"name": "mine", "type": "bridge"}),
            ("destroy", {"name": "mine", "type": "bridge"}),
        ]
        assert network.name == "mine"


class TestRemoving:
    def test_nothing_is_left_on_the_host(self, wires: Wires) -> None:
        wires.networks.list()
        before = cast("FakeFirewall", wires.host.firewall).rules
        network = wires.networks.create(mine())

        wires.networks.remove("mine")

        assert network.bridge not in links(wires).bridges
        assert cast("FakeFirewall", wires.host.firewall).rules == before
        with pytest.raises(NetworkNotFound, match="network mine not found"):
            wires.networks.get("mine")

    def test_it_is_refused_while_somebody_runs_in_it(self, wires: Wires) -> None:
        network = wires.networks.create(mine())
        member = wires.started("web", "mine")

        with pytest.raises(NetworkInUse) as refused:
            wires.networks.remove("mine")
        assert refused.value.message == (
            f"error while removing network: network mine id {network.id} has active endpoints"
        )
        wires.means.wiring.release(member.id)
        wires.networks.remove("mine")

    def test_prune_takes_what_nobody_stands_in(self, wires: Wires) -> None:
        wires.networks.create(mine("used"))
        wires.networks.create(mine("kept", "10.8.0.0/24", labels={"keep": "1"}))
        wires.networks.create(mine("gone", "10.7.0.0/24", labels={"team": "a"}))
        wires.member("web", "used")

        old = datetime(2000, 1, 1, tzinfo=UTC)
        assert wires.networks.prune(until=old) == ()
        assert wires.networks.prune(labels=["team=b"]) == ()
        assert wires.networks.prune(without_labels=["keep"]) == ("gone",)
        assert {each.name for each in wires.networks.list()} >= {"used", "kept", "bridge"}


class TestDismantling:
    def test_nothing_is_left_on_the_host_and_the_next_start_makes_it_again(
        self, wires: Wires
    ) -> None:
        member = wires.started("web")
        with pytest.raises(NetworkInUse):
            wires.networks.dismantle()
        wires.means.wiring.release(member.id)

        wires.networks.dismantle()

        assert links(wires).bridges == {}
        assert cast("FakeFirewall", wires.host.firewall).rules == ""
        wires.start(member)
        assert len(links(wires).bridges) == 1
        assert cast("FakeFirewall", wires.host.firewall).rules != ""


class TestConnecting:
    def test_at_run_time_it_is_joined_at_once(self, wires: Wires) -> None:
        wires.networks.create(mine())
        member = wires.started("web")

        wires.networks.connect("mine", "web", Endpoint("mine", aliases=("www",)))

        first, second = wires.networks.endpoints(member.id)
        assert (first.interface, second.interface, second.ipv4) == ("eth0", "eth1", "10.9.0.2")
        assert second.link in links(wires).links
        assert "www" in cast("FakeNames", wires.host.names).files["mine"]

    def test_and_left_again(self, wires: Wires) -> None:
        wires.networks.create(mine())
        member = wires.started("web", "bridge", "mine")

        wires.networks.disconnect("mine", "web")

        assert [each.network for each in wires.networks.endpoints(member.id)] == ["bridge"]
        assert len(links(wires).links) == 1
        assert "mine" not in cast("FakeNames", wires.host.names).files

    def test_a_stopped_one_joins_at_its_next_start(self, wires: Wires) -> None:
        wires.networks.create(mine())
        member = wires.member("web")

        wires.networks.connect("mine", "web", Endpoint("mine"))
        assert links(wires).links == {}
        wires.start(member)

        assert [each.ipv4 for each in wires.networks.endpoints(member.id)][1] == "10.9.0.2"

    def test_twice_is_refused(self, wires: Wires) -> None:
        wires.started("web")

        with pytest.raises(
            EndpointExists, match="endpoint with name web already exists in network"
        ):
            wires.networks.connect("bridge", "web", Endpoint("bridge"))

    def test_a_stopped_one_may_be_put_where_it_is_to_stand(self, wires: Wires) -> None:
        wires.networks.create(mine())
        member = wires.member("web")
        wires.networks.connect("mine", "web", Endpoint("mine", aliases=("www",)))

        wires.networks.connect("mine", "web", Endpoint("mine"))
        wires.networks.connect("mine", "web", Endpoint("mine", aliases=("www",)))

        (_, endpoint) = wires.networks.endpoints(member.id)
        assert endpoint.settings.aliases == ("www",)

    def test_but_not_with_other_wishes(self, wires: Wires) -> None:
        wires.networks.create(mine())
        wires.member("web")
        wires.networks.connect("mine", "web", Endpoint("mine"))

        with pytest.raises(EndpointExists):
            wires.networks.connect("mine", "web", Endpoint("mine", aliases=("www",)))

    def test_leaving_where_one_does_not_stand_is_refused(self, wires: Wires) -> None:
        wires.networks.create(mine())
        wires.started("web")

        with pytest.raises(NotConnected, match="is not connected to network mine"):
            wires.networks.disconnect("mine", "web")
        wires.networks.disconnect("mine", "web", force=True)
