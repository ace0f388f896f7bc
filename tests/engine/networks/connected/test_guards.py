"""What does not get through, and what is left of networks."""

import socket
from pathlib import Path

import pytest

from engine.errors import PortTaken
from engine.networks.files import parse_resolver
from engine.networks.networks import Networks
from engine.networks.settings import NetworkSettings
from engine.settings.network import PortBinding
from engine.system.runner import run
from tests.support.connected import fetched, get, started, when_served
from tests.support.containers import Yard, clear_away, real_yard
from tests.support.services import wait_until

pytestmark = pytest.mark.root


class TestGuard:
    def test_nothing_of_the_hosts_loopback_is_reached_from_inside(self, yard: Yard) -> None:
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            server.listen()
            port = server.getsockname()[1]
            record = started(yard, "web", "/bin/sleep", "100", publish=(PortBinding(80),))
            run_in = ["nsenter", "-t", str(record.pid), "-n"]
            route = ["ip", "route", "add", "127.0.0.2/32", "via", "172.17.0.1"]
            run([*run_in, *route], timeout=5)

            server.settimeout(0.5)
            asked = run([*run_in, "nc", "-w", "1", "127.0.0.2", str(port)], timeout=5)
            assert asked.stdout == b""
            with pytest.raises(TimeoutError):
                server.accept()


class TestLeaks:
    def test_nothing_is_left_when_all_are_gone(self, yard: Yard, networks: Networks) -> None:
        networks.list()
        before = host_state()
        networks.create(NetworkSettings("mine", enable_ipv6=True))
        for number in range(3):
            started(yard, f"web{number}", network="mine", publish=(PortBinding(80),))
        clear_away(yard)
        networks.remove("mine")

        # Links go with their processes' network, a moment after them.
        wait_until(lambda: host_state()[0] == before[0], what="links as they were", seconds=5.0)
        assert host_state() == before

    def test_what_was_killed_in_the_middle_is_swept(self, yard: Yard, networks: Networks) -> None:
        networks.create(NetworkSettings("mine"))
        record = started(yard, "web", network="mine", publish=(PortBinding(80, host_port=8080),))
        run(["nft", "delete", "table", "inet", networks_table(yard)], timeout=5)
        yard.containers.reconcile()

        assert when_served(lambda: fetched("http://127.0.0.1:8080/")) == record.short_id


def host_state() -> tuple[list[str], str, str]:
    """Links, routes and rules of the host."""
    links = sorted(name for _, name in socket.if_nameindex())
    routes = run(["ip", "route"], timeout=5).stdout.decode().replace(" linkdown", "")
    return links, routes, run(["nft", "list", "ruleset"], timeout=5).stdout.decode()


def networks_table(yard: Yard) -> str:
    return yard.means.networks.mark.table


class TestTwoEngines:
    def test_they_share_no_subnet_no_port_and_no_rule(
        self, yard: Yard, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        other = real_yard(tmp_path_factory.mktemp("other"))
        binding = PortBinding(80, host_port=8080)
        try:
            web = started(yard, "web", publish=(binding,))
            with pytest.raises(PortTaken, match="address already in use"):
                started(other, "web", publish=(binding,))
            second = started(other, "second", publish=(PortBinding(80, host_port=8081),))
            pools = {
                str(each.means.networks.store.get("bridge").subnets[0].pool)
                for each in (yard, other)
            }

            assert len(pools) == 2
            assert when_served(lambda: fetched("http://127.0.0.1:8080/")) == web.short_id
            assert when_served(lambda: fetched("http://127.0.0.1:8081/")) == second.short_id
        finally:
            clear_away(other)
            other.means.networks.plane.dismantle()
        assert fetched("http://127.0.0.1:8080/") == web.short_id


def test_no_socket_that_holds_a_port_reaches_the_container(yard: Yard) -> None:
    record = started(yard, "web", "/bin/ls", "-l", "/proc/self/fd", publish=(PortBinding(80),))
    yard.containers.wait(record.id)

    seen = [each.text for each in yard.containers.logs(record.id)]
    assert len(seen) > 3
    assert [each for each in seen if "socket:" in each] == []


def test_questions_do_not_leave_an_internal_network(yard: Yard, networks: Networks) -> None:
    """They would be a way out of it (CVE-2024-29018)."""
    networks.create(NetworkSettings("inside", internal=True))
    record = started(yard, "web", "/bin/sleep", "100", network="inside")

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as resolver:
        resolver.settimeout(0.5)
        servers = parse_resolver(Path("/etc/resolv.conf").read_text()).servers[:1]
        for server in servers:
            run(["ip", "addr", "add", f"{server}/32", "dev", "lo"], timeout=5)
            resolver.bind((server, 53))
        get(record, "http://example.com/")
        with pytest.raises(TimeoutError):
            resolver.recv(512)
        for server in servers:
            run(["ip", "addr", "del", f"{server}/32", "dev", "lo"], timeout=5)
