import ipaddress

import pytest

from engine.networks.record import PublishedPort
from engine.networks.rules import STAND_IN, BridgeRules, Forward, render_rules
from engine.system.runner import find_program, run

ONE = BridgeRules(
    "br-one", (ipaddress.ip_network("172.17.0.0/16"), ipaddress.ip_network("fd00::/64"))
)
INSIDE = BridgeRules("br-in", (ipaddress.ip_network("172.18.0.0/16"),), is_internal=True)
QUIET = BridgeRules("br-quiet", (ipaddress.ip_network("172.19.0.0/16"),), has_icc=False)
BARE = BridgeRules("br-bare", (ipaddress.ip_network("172.20.0.0/16"),), has_masquerade=False)
FORWARDS = (
    Forward(PublishedPort(80, "tcp", "0.0.0.0", 8080), "172.17.0.2"),
    Forward(PublishedPort(80, "tcp", "::", 8080), "fd00::2"),
    Forward(PublishedPort(53, "udp", "10.0.0.1", 53), "172.17.0.3"),
)


def chain(text: str, name: str) -> str:
    return text.partition(f"chain {name} {{")[2].partition("}\n  chain")[0]


def test_without_bridges_the_table_goes() -> None:
    assert render_rules("t", (), ()) == "table inet t\ndelete table inet t\n"


def test_a_published_port_leads_to_its_container() -> None:
    text = render_rules("t", (ONE,), FORWARDS)

    assert "tcp . 8080 : 172.17.0.2 . 80" in text
    assert "tcp . 8080 : fd00::2 . 80" in text
    assert "udp . 10.0.0.1 . 53 : 172.17.0.3 . 53" in text


def test_networks_do_not_reach_each_other() -> None:
    text = render_rules("t", (ONE, QUIET), ())

    assert 'oifname { "br-one", "br-quiet" } drop' in chain(text, "from-br-one")


def test_an_internal_network_has_no_way_out_and_none_in() -> None:
    text = render_rules("t", (ONE, INSIDE), ())

    assert chain(text, "from-br-in").split("\n")[-2].strip() == "drop"
    assert "accept" not in chain(text, "into-br-in")
    assert 'oifname != "br-in"' not in text


def test_without_icc_containers_of_one_network_are_strangers() -> None:
    assert 'oifname "br-quiet" drop' in chain(render_rules("t", (QUIET,), ()), "from-br-quiet")


def test_without_masquerade_the_address_stays() -> None:
    assert 'oifname != "br-bare"' not in render_rules("t", (BARE,), ())


def test_equal_records_give_equal_rules() -> None:
    assert render_rules("t", (ONE,), FORWARDS) == render_rules("t", (ONE,), FORWARDS[::-1])


def test_what_is_published_where_the_hosts_ipv6_loopback_leads_is_reached_from_it() -> None:
    at_loopback = Forward(PublishedPort(80, "tcp", "::1", 8081), "fd00::2")
    elsewhere = Forward(PublishedPort(80, "tcp", "2001:db8::1", 8082), "fd00::2")
    text = render_rules("t", (ONE,), (*FORWARDS, at_loopback, elsewhere))

    assert "elements = { tcp . 8080, tcp . 8081 };" in text.partition("set loopback {")[2]
    assert str(STAND_IN) in chain(text, "to-loopback")
    assert "set loopback" not in render_rules("t", (ONE,), (FORWARDS[0], elsewhere))


def test_the_stand_in_of_the_ipv6_loopback_has_its_checksum() -> None:
    """What holds it needs no other one then, whichever checksum covers it."""
    words = [int.from_bytes(STAND_IN.packed[at : at + 2]) for at in range(0, 16, 2)]

    assert sum(words) % 0xFFFF == 1
    assert STAND_IN.is_private


@pytest.mark.root
def test_the_kernel_takes_them() -> None:
    nft = find_program("nft")
    if nft is None:
        pytest.skip("nft is not installed")
    text = render_rules("shipshape-test", (ONE, INSIDE, QUIET, BARE), FORWARDS)
    script = f"cat > /dev/shm/$$ <<'E'\n{text}E\nnft -f /dev/shm/$$; c=$?; rm /dev/shm/$$; exit $c"

    finished = run(["unshare", "-n", "sh", "-c", script], timeout=20)

    assert (finished.code, finished.complaint) == (0, "")
