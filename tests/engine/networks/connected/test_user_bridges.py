"""Containers in networks that people made."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.networks.networks import Networks
from engine.networks.rules import STAND_IN
from engine.networks.settings import (
    OPTION_BRIDGE,
    OPTION_ICC,
    OPTION_MTU,
    IpamPool,
    NetworkSettings,
)
from engine.settings.network import Endpoint, PortBinding
from tests.support.connected import answered, answering, fetched, get, inside, started, when_served
from tests.support.containers import Yard
from tests.support.other_hosts import OtherHost

pytestmark = pytest.mark.root


TIMED_OUT = "code 124"


@contextmanager
def filtering_bridges(is_filtered: bool) -> Iterator[None]:
    """Have what passes a bridge go through the rules, or not, where the kernel can."""
    switch = Path("/proc/sys/net/bridge/bridge-nf-call-ip6tables")
    if not switch.exists():
        if is_filtered:
            pytest.skip("this kernel has no br_netfilter")
        yield
        return
    before = switch.read_text()
    switch.write_text(str(int(is_filtered)))
    try:
        yield
    finally:
        switch.write_text(before)


class TestUserBridges:
    def test_containers_find_each_other_by_every_name(self, yard: Yard, networks: Networks) -> None:
        networks.create(NetworkSettings("mine"))
        endpoint = Endpoint("mine", aliases=("www",))
        web = started(yard, "web", network="mine", endpoints=(endpoint,), hostname="box")
        other = started(yard, "other", "/bin/sleep", "100", network="mine")
        when_served(lambda: get(other, "http://web/"))

        for name in ("web", "www", web.short_id, "box", "WEB"):
            assert get(other, f"http://{name}/") == "box"
        assert "bad address" in get(other, "http://nobody/")

    def test_networks_are_strangers_to_each_other(self, yard: Yard, networks: Networks) -> None:
        networks.create(NetworkSettings("mine"))
        web = started(yard, "web", network="mine")
        other = started(yard, "other", "/bin/sleep", "100")
        address = networks.endpoints(web.id)[0].ipv4
        when_served(lambda: fetched(f"http://{address}/"))

        assert get(other, f"http://{address}/") == TIMED_OUT
        networks.connect("mine", "other", Endpoint("mine"))
        assert get(other, f"http://{address}/") == web.short_id
        assert get(other, "http://web/") == web.short_id
        networks.disconnect("mine", "other")
        assert get(other, f"http://{address}/") == TIMED_OUT

    def test_an_internal_one_has_no_way_out(
        self, yard: Yard, networks: Networks, other_host: OtherHost
    ) -> None:
        networks.create(NetworkSettings("inside", internal=True))
        web = started(yard, "web", network="inside")
        other = started(yard, "other", "/bin/sleep", "100", network="inside")

        assert when_served(lambda: get(other, "http://web/")) == web.short_id
        assert "unreachable" in get(other, f"http://{other_host.address}:9000/")

    def test_without_icc_its_containers_are_strangers(self, yard: Yard, networks: Networks) -> None:
        networks.create(NetworkSettings("quiet", options={OPTION_ICC: "false"}))
        web = started(yard, "web", network="quiet")
        other = started(yard, "other", "/bin/sleep", "100", network="quiet")
        address = networks.endpoints(web.id)[0].ipv4
        when_served(lambda: fetched(f"http://{address}/"))

        assert get(other, f"http://{address}/") != web.short_id

    def test_ipv6_is_spoken_between_containers_and_published(
        self, yard: Yard, networks: Networks, other_host: OtherHost
    ) -> None:
        networks.create(NetworkSettings("six", enable_ipv6=True))
        binding = PortBinding(80, host_port=8080)
        web = started(yard, "web", network="six", publish=(binding,))
        other = started(yard, "other", "/bin/sleep", "100", network="six")
        address = networks.endpoints(web.id)[0].ipv6

        assert when_served(lambda: get(other, f"http://[{address}]/")) == web.short_id
        assert fetched(f"http://[{other_host.our_ipv6}]:8080/") == web.short_id
        assert other_host.fetch(f"http://[{other_host.our_ipv6}]:8080/") == web.short_id

    @pytest.mark.parametrize("is_filtered", [True, False], ids=["filtered", "bridged"])
    def test_the_ipv6_loopback_of_the_host_alone_leads_to_what_is_published(
        self, yard: Yard, networks: Networks, other_host: OtherHost, *, is_filtered: bool
    ) -> None:
        with filtering_bridges(is_filtered):
            networks.create(NetworkSettings("six", enable_ipv6=True))
            bindings = (
                PortBinding(80, host_port=8080),
                PortBinding(80, host_ip="::1", host_port=8081),
                PortBinding(53, "udp", "::1", 5300),
            )
            web = started(yard, "web", network="six", publish=bindings)
            gateway = networks.get("six").subnets[1].gateway

            assert when_served(lambda: fetched("http://[::1]:8080/")) == web.short_id
            assert fetched("http://[::1]:8081/") == web.short_id
            for host in (other_host.our_ipv6, STAND_IN, gateway):
                assert "refused" in fetched(f"http://[{host}]:8081/")
                assert other_host.fetch(f"http://[{host}]:8081/") == ""
                assert get(web, f"http://[{host}]:8081/") != web.short_id
            # Longer than what passes in one piece, there and back.
            with answering(web, "long" * 1000) as received:
                assert answered(b"much" * 1000, "::1", 5300) == b"long" * 1000
                assert received() == "much" * 25
            with pytest.raises(ConnectionRefusedError):
                answered(b"nobody answers", "::1", 5300)

    def test_from_inside_what_is_published_at_ipv6_is_reached_too(
        self, yard: Yard, networks: Networks
    ) -> None:
        networks.create(NetworkSettings("six", enable_ipv6=True))
        web = started(yard, "web", network="six", publish=(PortBinding(80, host_port=8080),))
        gateway = networks.get("six").subnets[1].gateway
        when_served(lambda: fetched("http://[::1]:8080/"))

        assert get(web, f"http://[{gateway}]:8080/") == web.short_id

    def test_options_reach_the_link(self, yard: Yard, networks: Networks) -> None:
        options = {OPTION_MTU: "1400", OPTION_BRIDGE: "mybr0"}
        pool = IpamPool("10.44.0.0/16", gateway="10.44.0.254")
        networks.create(NetworkSettings("mine", options=options, ipam=(pool,)))
        endpoint = Endpoint("mine", ipv4="10.44.7.7", mac="02:00:00:00:00:09")
        record = started(yard, "web", "/bin/sleep", "100", network="mine", endpoints=(endpoint,))

        seen = inside(record, "ip", "addr", "show", "eth0")
        assert "mtu 1400" in seen
        assert "02:00:00:00:00:09" in seen
        assert "10.44.7.7/16" in seen
        assert "via 10.44.0.254" in inside(record, "ip", "route")
        assert "mybr0" in dict(map(reversed, socket.if_nameindex()))
