"""Containers in networks: addresses, ports and names, over a host that is made up."""

from typing import cast

import pytest

from engine.errors import AddressTaken, InvalidSetting, NetworkNotFound, PortTaken, Unsupported
from engine.networks.settings import IpamPool, NetworkSettings
from engine.settings.network import Endpoint, PortBinding
from tests.support.fakes_networks import FIRST, LAST, FakeFirewall, FakeLinks, FakeNames, FakePorts
from tests.support.networks import Wires

MINE = NetworkSettings("mine", ipam=(IpamPool("10.9.0.0/24"),))


def host(wires: Wires) -> tuple[FakeLinks, FakeFirewall, FakePorts, FakeNames]:
    return (
        cast("FakeLinks", wires.host.links),
        cast("FakeFirewall", wires.host.firewall),
        cast("FakePorts", wires.host.ports),
        cast("FakeNames", wires.host.names),
    )


class TestAddresses:
    def test_each_has_its_own(self, wires: Wires) -> None:
        one, two = wires.started("one"), wires.started("two")

        assert [wires.networks.endpoints(each.id)[0].ipv4 for each in (one, two)] == [
            "172.17.0.2",
            "172.17.0.3",
        ]
        assert wires.networks.endpoints(one.id)[0].mac == "02:42:ac:11:00:02"

    def test_one_that_was_let_go_rests(self, wires: Wires) -> None:
        one = wires.started("one")
        wires.means.wiring.release(one.id)

        assert not wires.networks.endpoints(one.id)[0].is_active
        assert wires.networks.endpoints(wires.started("two").id)[0].ipv4 == "172.17.0.3"

    def test_a_fixed_one_is_given_and_kept(self, wires: Wires) -> None:
        wires.networks.create(MINE)
        one = wires.started("one", Endpoint("mine", ipv4="10.9.0.77", mac="02:00:00:00:00:07"))
        endpoint = wires.networks.endpoints(one.id)[0]
        assert (endpoint.ipv4, endpoint.mac) == ("10.9.0.77", "02:00:00:00:00:07")

        two = wires.member("two", Endpoint("mine", ipv4="10.9.0.77"))
        with pytest.raises(AddressTaken, match="Address already in use"):
            wires.start(two)
        assert not wires.networks.endpoints(two.id)[0].is_active

    def test_a_fixed_one_needs_a_subnet_of_its_own(self, wires: Wires) -> None:
        wires.networks.create(NetworkSettings("plain"))
        for network, words in (
            ("bridge", "user defined networks"),
            ("plain", "configured subnets"),
        ):
            with pytest.raises(InvalidSetting, match=words):
                wires.member("one", Endpoint(network, ipv4="172.17.0.9"))

    def test_a_network_that_went_is_missed_at_the_start(self, wires: Wires) -> None:
        wires.networks.create(MINE)
        one = wires.member("one", "mine")
        wires.networks.remove("mine")

        with pytest.raises(NetworkNotFound, match="network mine not found"):
            wires.start(one)

    def test_the_way_out_is_the_first_network_that_has_one(self, wires: Wires) -> None:
        wires.networks.create(NetworkSettings("aaa", internal=True))
        wires.networks.create(MINE)
        wires.started("one", "mine", "aaa")

        assert next(iter(host(wires)[0].ways.values())).ipv4 == "10.9.0.1"


class TestPorts:
    def test_a_port_leads_to_the_container_until_it_ends(self, wires: Wires) -> None:
        _, firewall, ports, _ = host(wires)
        one = wires.member("one")
        undo = wires.start(one, PortBinding(80, host_port=8080))

        assert "tcp . 8080 : 172.17.0.2 . 80" in firewall.rules
        assert ports.held == {("tcp", "0.0.0.0", 8080)}
        undo.close()
        wires.means.wiring.release(one.id)
        assert "8080" not in firewall.rules
        assert wires.networks.ports(one.id) == []

    def test_one_that_another_container_has_is_refused(self, wires: Wires) -> None:
        wires.start(wires.member("one"), PortBinding(80, host_port=8080))
        two = wires.member("two")

        with pytest.raises(PortTaken) as refused:
            wires.start(two, PortBinding(80, host_port=8080, host_ip="127.0.0.1"))
        assert refused.value.message.startswith(
            "driver failed programming external connectivity on endpoint two ("
        )
        assert refused.value.message.endswith(
            "Bind for 127.0.0.1:8080 failed: port is already allocated"
        )
        assert wires.networks.ports(two.id) == []

    def test_one_that_a_program_of_the_host_has_is_refused(self, wires: Wires) -> None:
        host(wires)[2].foreign.add(8080)

        with pytest.raises(
            PortTaken, match=r"listen tcp4 0.0.0.0:8080: bind: address already in use"
        ):
            wires.start(wires.member("one"), PortBinding(80, host_port=8080))

    def test_one_port_may_be_published_at_two_addresses(self, wires: Wires) -> None:
        one = wires.member("one")
        wires.start(
            one,
            PortBinding(80, host_port=8080, host_ip="127.0.0.1"),
            PortBinding(80, host_port=8080, host_ip="10.0.0.1"),
        )

        assert [each.place for each in wires.networks.ports(one.id)] == [
            "10.0.0.1:8080",
            "127.0.0.1:8080",
        ]

    def test_one_that_cannot_lead_to_the_container_is_refused(self, wires: Wires) -> None:
        for address in ("fd00::1", "::1", "::"):
            one = wires.member(f"one-{len(address)}")
            with pytest.raises(Unsupported, match="nothing can be published at"):
                wires.start(one, PortBinding(80, host_port=8080, host_ip=address))
            assert wires.networks.ports(one.id) == []

    @pytest.mark.parametrize(
        ("asked", "place"),
        [
            pytest.param("fd00:0::1", "[fd00::1]:8080", id="one-of-the-hosts"),
            pytest.param("0:0:0:0:0:0:0:1", "[::1]:8080", id="loopback"),
            pytest.param("::", "[::]:8080", id="every"),
        ],
    )
    def test_ipv6_addresses_lead_to_a_container_that_has_one(
        self, wires: Wires, asked: str, place: str
    ) -> None:
        both = (IpamPool("10.9.0.0/24"), IpamPool("fd00:9::/64"))
        wires.networks.create(NetworkSettings("both", ipam=both, enable_ipv6=True))
        six = wires.member("six", "both")
        wires.start(six, PortBinding(80, host_port=8080, host_ip=asked))

        assert [each.place for each in wires.networks.ports(six.id)] == [place]

    def test_without_a_number_a_free_one_is_chosen(self, wires: Wires) -> None:
        host(wires)[2].foreign.add(FIRST)
        one, two = wires.member("one"), wires.member("two")
        wires.start(one, PortBinding(80), PortBinding(81, host_port=FIRST + 1))
        wires.start(two, PortBinding(80))

        assert {each.host_port for each in wires.networks.ports(one.id)} == {FIRST + 1, FIRST + 2}
        assert {each.host_port for each in wires.networks.ports(two.id)} == {FIRST + 3}

    def test_of_a_range_a_free_one_is_chosen(self, wires: Wires) -> None:
        binding = PortBinding(80, host_port=9000, host_port_end=9001)
        for name in ("one", "two"):
            wires.start(wires.member(name), binding)

        with pytest.raises(PortTaken, match=r"Bind for 0.0.0.0:9001 failed"):
            wires.start(wires.member("three"), binding)

    def test_when_none_is_left_it_says_so_and_keeps_none(self, wires: Wires) -> None:
        host(wires)[2].foreign.update(range(FIRST, LAST + 1))

        with pytest.raises(PortTaken):
            wires.start(wires.member("one"), PortBinding(80, host_port=80), PortBinding(81))
        assert host(wires)[2].held == set()

    def test_with_ipv6_both_versions_have_it(self, wires: Wires) -> None:
        wires.networks.create(NetworkSettings("six", enable_ipv6=True))
        one = wires.member("one", "six")
        wires.start(one, PortBinding(80, host_port=8080))

        places = [each.place for each in wires.networks.ports(one.id)]
        assert places == ["0.0.0.0:8080", "[::]:8080"]

    def test_udp_conversations_follow_the_rules(self, wires: Wires) -> None:
        one = wires.member("one")
        wires.start(one, PortBinding(53, protocol="udp", host_port=5300))
        assert host(wires)[0].forgotten == {5300}

        host(wires)[0].forgotten.clear()
        wires.means.wiring.release(one.id)
        assert host(wires)[0].forgotten == {5300}

    def test_no_port_is_published_into_an_internal_network(self, wires: Wires) -> None:
        wires.networks.create(NetworkSettings("inside", internal=True))
        one = wires.member("one", "inside")
        wires.start(one, PortBinding(80, host_port=8080))

        assert wires.networks.ports(one.id) == []


class TestNames:
    def test_a_container_answers_to_all_its_names(self, wires: Wires) -> None:
        wires.networks.create(MINE)
        one = wires.member("web", Endpoint("mine", aliases=("www",)), hostname="box")
        wires.start(one)

        assert host(wires)[3].files["mine"] == (
            f"10.9.0.1\n{one.id} 10.9.0.2  web,{one.id[:12]},box,www\n"
        )

    def test_in_the_default_bridge_nobody_is_called_by_name(self, wires: Wires) -> None:
        wires.started("web")

        assert host(wires)[3].files == {}
        with pytest.raises(InvalidSetting, match="user defined networks"):
            wires.member("two", Endpoint("bridge", aliases=("www",)))

    def test_a_new_name_replaces_the_old(self, wires: Wires) -> None:
        wires.networks.create(MINE)
        one = wires.started("web", "mine")

        wires.means.wiring.rename(type(one)(one.id, "new"))

        assert " new," in host(wires)[3].files["mine"]


class TestReconciling:
    def test_what_the_host_lost_is_made_again(self, wires: Wires) -> None:
        links, firewall, _, names = host(wires)
        wires.networks.create(MINE)
        wires.start(wires.member("one", "mine"), PortBinding(80, host_port=8080))
        bridges, rules, files = dict(links.bridges), firewall.rules, dict(names.files)
        links.bridges.clear()
        firewall.rules = ""
        names.files = {}

        wires.means.wiring.reconcile({each.id for each in wires.members.values()}, set())

        assert links.bridges.keys() <= bridges.keys()
        assert (firewall.rules, names.files) == (rules, files)

    def test_what_no_record_knows_is_swept(self, wires: Wires) -> None:
        one = wires.started("one")
        wires.means.wiring.reconcile(set(), wires.means.store.enrolled())

        assert wires.means.store.enrolled() == set()
        assert host(wires)[0].links == {}
        assert wires.networks.endpoints(one.id) == []

    def test_a_bridge_without_a_network_goes(self, wires: Wires) -> None:
        network = wires.networks.create(MINE)
        wires.means.store.delete(network.id)

        wires.means.wiring.reconcile(set(), set())

        assert network.bridge not in host(wires)[0].bridges
