import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import AddressesExhausted, AddressTaken, InvalidSetting, PoolsExhausted
from engine.networks.pools import (
    DEFAULT_POOLS,
    check_address,
    choose_ipv4_pool,
    choose_ipv6_pool,
    mac_for,
    next_address,
    overlaps_any,
)

SMALL = ipaddress.ip_network("10.1.2.0/29")


def address(text: str) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(text)


class TestPools:
    def test_the_first_is_dockers(self) -> None:
        assert str(choose_ipv4_pool([])) == "172.17.0.0/16"

    def test_what_the_host_uses_is_passed_over(self) -> None:
        taken = [ipaddress.ip_network("172.16.0.0/14"), ipaddress.ip_network("fd00::/8")]

        assert str(choose_ipv4_pool(taken)) == "172.20.0.0/16"

    def test_when_all_are_used_it_says_so(self) -> None:
        with pytest.raises(PoolsExhausted):
            choose_ipv4_pool(DEFAULT_POOLS)

    @given(st.lists(st.sampled_from(DEFAULT_POOLS), max_size=12))
    def test_what_is_chosen_overlaps_nothing(self, taken: list[ipaddress.IPv4Network]) -> None:
        assert not overlaps_any(choose_ipv4_pool(taken), taken)

    @given(st.text(), st.integers(0, 5))
    def test_ipv6_pools_are_unique_local_and_differ(self, seed: str, count: int) -> None:
        taken: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        for _ in range(count):
            taken.append(choose_ipv6_pool(taken, seed=seed))

        assert len(set(taken)) == count
        assert all(each.subnet_of(ipaddress.ip_network("fd00::/8")) for each in taken)


class TestAddresses:
    def test_they_are_handed_out_in_turn(self) -> None:
        first = next_address(SMALL, within=None, used={address("10.1.2.1")}, after=None)
        second = next_address(SMALL, within=None, used={address("10.1.2.1")}, after=first)

        assert (str(first), str(second)) == ("10.1.2.2", "10.1.2.3")

    def test_after_the_last_it_begins_again(self) -> None:
        after = address("10.1.2.6")

        assert str(next_address(SMALL, within=None, used=set(), after=after)) == "10.1.2.1"

    def test_a_range_is_kept_to(self) -> None:
        within = ipaddress.ip_network("10.1.2.4/31")
        used = {address("10.1.2.4")}

        assert str(next_address(SMALL, within=within, used=used, after=None)) == "10.1.2.5"
        with pytest.raises(AddressesExhausted):
            next_address(SMALL, within=within, used={*used, address("10.1.2.5")}, after=None)

    @pytest.mark.parametrize("text", ["10.1.2.0", "10.1.2.7", "10.1.2.1"])
    def test_what_cannot_be_a_containers_is_refused(self, text: str) -> None:
        with pytest.raises(AddressTaken):
            check_address(address(text), SMALL, used={address("10.1.2.1")})

    def test_one_of_another_subnet_is_said_to_be(self) -> None:
        with pytest.raises(InvalidSetting, match="does not belong to any of this network"):
            check_address(address("10.1.3.1"), SMALL, used=())

    @given(st.integers(24, 30), st.sets(st.integers(0, 255)), st.integers(0, 255))
    def test_whatever_comes_is_a_free_host_of_the_pool(
        self, length: int, used: set[int], last: int
    ) -> None:
        pool = ipaddress.ip_network(f"10.1.2.0/{length}")
        base = int(pool.network_address)
        taken = {ipaddress.IPv4Address(base + each) for each in used}
        hosts = set(pool.hosts())
        try:
            chosen = next_address(
                pool, within=None, used=taken, after=ipaddress.IPv4Address(base + last)
            )
        except AddressesExhausted:
            assert hosts <= taken
        else:
            assert chosen in hosts - taken

    def test_a_mac_is_made_as_docker_makes_it(self) -> None:
        assert mac_for(address("172.17.0.2")) == "02:42:ac:11:00:02"
