"""Containers in networks of the kernel: the default bridge, no network, somebody else's."""

import socket
from pathlib import Path

import pytest

from engine.errors import InvalidSetting, PortTaken, Unsupported
from engine.networks.files import HOSTS
from engine.networks.networks import Networks
from engine.networks.settings import NetworkSettings
from engine.settings.network import Endpoint, PortBinding
from tests.support.connected import answered, answering, fetched, get, inside, started, when_served
from tests.support.containers import Yard
from tests.support.other_hosts import OtherHost

pytestmark = pytest.mark.root


class TestDefaultBridge:
    def test_containers_reach_each_other_by_address_and_not_by_name(
        self, yard: Yard, networks: Networks
    ) -> None:
        web, other = started(yard, "web"), started(yard, "other", "/bin/sleep", "100")
        address = networks.endpoints(web.id)[0].ipv4

        assert when_served(lambda: get(other, f"http://{address}/")) == web.short_id
        assert get(other, "http://web/") != web.short_id
        assert f"{address}\t{web.short_id}\n" in inside(web, "cat", "/etc/hosts")

    def test_ports_are_reached_from_the_host_from_others_and_from_inside(
        self, yard: Yard, networks: Networks, other_host: OtherHost
    ) -> None:
        web = started(yard, "web", publish=(PortBinding(80, host_port=8080),))
        peer = started(yard, "peer", "/bin/sleep", "100")
        gateway = str(networks.get("bridge").subnets[0].gateway)

        assert when_served(lambda: fetched("http://127.0.0.1:8080/")) == web.short_id
        assert fetched(f"http://{gateway}:8080/") == web.short_id
        assert fetched(f"http://{other_host.our_address}:8080/") == web.short_id
        assert other_host.fetch(f"http://{other_host.our_address}:8080/") == web.short_id
        assert get(peer, f"http://{gateway}:8080/") == web.short_id
        assert get(web, f"http://{gateway}:8080/") == web.short_id

        yard.containers.kill(web.id)
        assert "refused" in fetched("http://127.0.0.1:8080/")

    def test_a_udp_conversation_goes_on_with_the_container_that_has_the_port_now(
        self, yard: Yard
    ) -> None:
        binding = PortBinding(53, protocol="udp", host_port=5300)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(2)
            for name in ("first", "second"):
                record = started(yard, name, "/bin/sleep", "100", publish=(binding,))
                with answering(record, name):
                    client.sendto(b"who", ("127.0.0.1", 5300))
                    assert client.recv(100).decode() == name
                yard.containers.kill(record.id)

    def test_one_host_address_is_the_only_one(self, yard: Yard, other_host: OtherHost) -> None:
        binding = PortBinding(80, host_ip="127.0.0.1", host_port=8080)
        web = started(yard, "web", publish=(binding,))

        assert when_served(lambda: fetched("http://127.0.0.1:8080/")) == web.short_id
        assert other_host.fetch(f"http://{other_host.our_address}:8080/") == ""

    def test_a_neighbour_that_routes_loopback_addresses_to_us_reaches_nothing(
        self, yard: Yard, networks: Networks, other_host: OtherHost
    ) -> None:
        networks.create(NetworkSettings("six", enable_ipv6=True))
        bindings = [PortBinding(53, "udp", each, 5300) for each in ("127.0.0.1", "::1")]
        record = started(yard, "web", "/bin/sleep", "100", network="six", publish=tuple(bindings))
        other_host.route_loopback()

        for address in ("127.0.0.1", "::1"):
            with answering(record, "it") as received:
                other_host.send(b"theirs", address, 5300)
                assert answered(b"ours", address, 5300) == b"it"
                assert received() == "ours"

    def test_unpublished_ports_are_not_reached_from_other_hosts(
        self, yard: Yard, networks: Networks, other_host: OtherHost
    ) -> None:
        web = started(yard, "web")
        address = networks.endpoints(web.id)[0].ipv4
        when_served(lambda: fetched(f"http://{address}/"))
        other_host.route(f"{address}/32")

        assert other_host.fetch(f"http://{address}/") == ""

    def test_a_container_reaches_other_hosts_under_the_hosts_address(
        self, yard: Yard, other_host: OtherHost
    ) -> None:
        record = started(yard, "web", "/bin/sleep", "100")

        with other_host.server() as seen:
            get(record, f"http://{other_host.address}:9000/")
            assert seen() == other_host.our_address

    def test_a_port_that_is_held_is_nobody_elses(self, yard: Yard) -> None:
        started(yard, "web", publish=(PortBinding(80, host_port=8080),))

        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with pytest.raises(OSError, match="in use"):
                other.bind(("127.0.0.1", 8080))

    def test_a_port_that_a_program_has_is_refused_and_nothing_is_left(self, yard: Yard) -> None:
        with socket.socket() as other:
            other.bind(("0.0.0.0", 8080))
            other.listen()
            with pytest.raises(PortTaken, match="address already in use"):
                started(yard, "web", publish=(PortBinding(80, host_port=8080),))

        record = yard.containers.get("web")
        assert (record.exit_code, record.is_running) == (128, False)
        assert yard.leftovers(records=1) == []


class TestModes:
    def test_none_has_loopback_only(self, yard: Yard) -> None:
        record = started(yard, "web", "/bin/sleep", "100", network="none")

        assert [line.split()[1] for line in inside(record, "ip", "-o", "link").splitlines()] == [
            "lo:"
        ]

    def test_host_is_the_hosts_network_with_its_files(self, yard: Yard) -> None:
        record = started(yard, "web", "/bin/sleep", "100", network="host")

        assert Path(f"/proc/{record.pid}/ns/net").readlink() == Path("/proc/self/ns/net").readlink()
        assert inside(record, "cat", "/etc/hosts") == Path("/etc/hosts").read_text()

    def test_another_containers_network_is_joined_with_its_files(
        self, yard: Yard, networks: Networks
    ) -> None:
        web = started(yard, "web", "/bin/sleep", "100", hostname="box")
        guest = started(yard, "guest", "/bin/sleep", "100", network="container:web")

        assert (
            Path(f"/proc/{guest.pid}/ns/net").readlink()
            == Path(f"/proc/{web.pid}/ns/net").readlink()
        )
        assert inside(guest, "cat", "/etc/hosts") == inside(web, "cat", "/etc/hosts")
        with pytest.raises(InvalidSetting, match="cannot be connected to any other network"):
            networks.connect("bridge", "guest", Endpoint("bridge"))

    def test_all_exposed_ports_are_published_at_once(self, yard: Yard, networks: Networks) -> None:
        record = started(yard, "web", publish_all=True, expose=("80", "9000-9001/udp"))

        published = networks.ports(record.id)
        assert [(each.container_port, each.protocol) for each in published] == [
            (80, "tcp"),
            (9000, "udp"),
            (9001, "udp"),
        ]
        assert all(32768 <= each.host_port <= 60999 for each in published)
        port = published[0].host_port
        assert when_served(lambda: fetched(f"http://127.0.0.1:{port}/")) == record.short_id

    def test_what_the_kernel_does_not_speak_is_refused_by_name(self, yard: Yard) -> None:
        try:
            socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP).close()
        except OSError:
            with pytest.raises(Unsupported, match="does not know sctp"):
                started(yard, "web", publish=(PortBinding(80, protocol="sctp", host_port=80),))

    def test_links_are_names_for_one_container_alone(self, yard: Yard, networks: Networks) -> None:
        networks.create(NetworkSettings("mine"))
        started(yard, "web", network="mine")
        linked = Endpoint("mine", links=("web:db",))
        other = started(yard, "other", "/bin/sleep", "100", network="mine", endpoints=(linked,))

        assert "\tdb " in inside(other, "cat", "/etc/hosts")


class TestFiles:
    def test_hosts_and_resolver_say_what_was_asked_for(
        self, yard: Yard, networks: Networks
    ) -> None:
        record = started(
            yard,
            "web",
            "/bin/sleep",
            "100",
            hostname="box",
            domainname="example.test",
            extra_hosts=("db:10.0.0.9", "host:host-gateway"),
            dns=("10.0.0.53",),
            dns_search=("example.test",),
            dns_options=("rotate",),
        )
        gateway = networks.get("bridge").subnets[0].gateway
        address = networks.endpoints(record.id)[0].ipv4

        assert inside(record, "cat", "/etc/resolv.conf") == (
            "search example.test\nnameserver 10.0.0.53\noptions rotate\n"
        )
        assert inside(record, "cat", "/etc/hosts") == (
            f"{HOSTS}10.0.0.9\tdb\n{gateway}\thost\n{address}\tbox.example.test box\n"
        )
