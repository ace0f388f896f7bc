"""Real containers in real networks, with a network namespace of the test's own as the host."""

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.containers.record import ContainerRecord
from engine.errors import InvalidSetting, PortTaken, Unsupported
from engine.networks.files import HOSTS, parse_resolver
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
from engine.system.runner import run
from tests.support.containers import Yard, clear_away, real_yard
from tests.support.other_hosts import OtherHost
from tests.support.services import wait_until

pytestmark = pytest.mark.root
IN_TIME = ("timeout", "1")
UDP_SERVER = """
import socket, sys
server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
server.bind(("", 53))
print("ready", flush=True)
while True:
    data, sender = server.recvfrom(10_000)
    print(data[:100].decode(), flush=True)
    server.sendto(sys.argv[1].encode(), sender)
"""
TIMED_OUT = "code 124"
SERVE = "mkdir -p /www; hostname > /www/index.html; exec httpd -f -p [::]:80 -h /www"


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    made = real_yard(tmp_path)
    yield made
    clear_away(made)
    made.means.networks.plane.dismantle()


@pytest.fixture
def networks(yard: Yard) -> Networks:
    return Networks(yard.means.networks, yard.containers)


@pytest.fixture
def other_host() -> Iterator[OtherHost]:
    with OtherHost.joined() as made:
        yield made


def started(yard: Yard, name: str, *command: str, **more: object) -> ContainerRecord:
    words = command or ("/bin/sh", "-c", SERVE)
    more.setdefault("network", "bridge")
    record = yard.containers.create(yard.settings(*words, name=name, **more))
    return yard.containers.start(record.id)


def inside(record: ContainerRecord, *words: str) -> str:
    """What a program of the host prints that runs in the container's network and files."""
    finished = run(["nsenter", "-t", str(record.pid), "-n", "-m", *words], timeout=20)
    return finished.stdout.decode() + finished.complaint


@contextmanager
def answering(record: ContainerRecord, text: str) -> Iterator[Callable[[], str]]:
    """Have somebody in its network answer to UDP with *text*; yield what tells what came next."""
    words = ["nsenter", "-t", str(record.pid), "-n", sys.executable, "-c", UDP_SERVER, text]
    process = subprocess.Popen(words, stdout=subprocess.PIPE)
    output = process.stdout
    assert output
    output.readline()
    try:
        yield lambda: output.readline().decode().strip()
    finally:
        process.kill()
        process.communicate()


def fetched(url: str) -> str:
    """What the host gets for *url*, or why not."""
    finished = run([*IN_TIME, "busybox", "wget", "-qO-", url], timeout=20)
    return finished.stdout.decode().strip() or finished.complaint or f"code {finished.code}"


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


def answered(data: bytes, host: str, port: int) -> bytes:
    """What is answered to the host's *data* over UDP; raises what the kernel says, or time-out."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.connect((host, port))
        client.send(data)
        return client.recv(10_000)


def get(record: ContainerRecord, url: str) -> str:
    """What the container gets for *url*, or why not."""
    words = [*IN_TIME, "nsenter", "-t", str(record.pid), "-n", "-m", "wget", "-qO-", url]
    finished = run(words, timeout=20)
    return finished.stdout.decode().strip() or finished.complaint or f"code {finished.code}"


def when_served(ask: Callable[[], str]) -> str:
    """Return what *ask* answers once the server in the container listens."""
    answers: list[str] = []

    def is_answered() -> bool:
        answers.append(ask())
        return "refused" not in answers[-1]

    wait_until(is_answered, what="an answer")
    return answers[-1]


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
