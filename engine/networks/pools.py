"""
Subnets and addresses: which are free, and which comes next. Nothing here touches the host.

Addresses are handed out in turn rather than lowest first, so that one which was let go rests as
long as others are free: what still knows it, a cached name or an open connection, does not reach a
stranger.
"""

from __future__ import annotations

import hashlib
import ipaddress
from typing import TYPE_CHECKING

from engine.errors import AddressesExhausted, AddressTaken, InvalidSetting, PoolsExhausted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Pool = ipaddress.IPv4Network | ipaddress.IPv6Network

_V4, _V6 = ipaddress.IPv4Network, ipaddress.IPv6Network
# In docker's order: sixteen bits of host where there are some, else twelve of a private range.
DEFAULT_POOLS = (
    *(_V4(f"172.{second}.0.0/16") for second in range(17, 32)),
    *_V4("192.168.0.0/16").subnets(new_prefix=20),
)
ULA_PREFIX = 64
SMALLEST = 2


def choose_ipv4_pool(taken: Iterable[Pool]) -> Pool:
    """Return the first default pool that overlaps none of *taken*; raise `PoolsExhausted`."""
    known = list(taken)
    for pool in DEFAULT_POOLS:
        if not overlaps_any(pool, known):
            return pool
    raise PoolsExhausted


def choose_ipv6_pool(taken: Iterable[Pool], *, seed: str) -> Pool:
    """
    Return a free unique local subnet (RFC 4193); *seed* tells this host's from others'.

    Equal seeds begin the search at the same place.
    """
    known = list(taken)
    # RFC 4193 section 3.2: fd, then 40 random bits; the next 16 are ours to count.
    site = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:5], "big")
    for subnet in range(1 << 16):
        first = (0xFD << 120) | (site << 80) | (subnet << 64)
        pool = _V6((first, ULA_PREFIX))
        if not overlaps_any(pool, known):
            return pool
    raise PoolsExhausted


def overlaps_any(pool: Pool, others: Iterable[Pool]) -> bool:
    """Whether *pool* has an address in common with one of *others*."""
    return any(_overlaps(pool, other) for other in others)


def _overlaps(one: Pool, other: Pool) -> bool:
    if isinstance(one, _V4) and isinstance(other, _V4):
        return one.overlaps(other)
    if isinstance(one, _V6) and isinstance(other, _V6):
        return one.overlaps(other)
    return False


def first_host(pool: Pool) -> Address:
    """Return the first address of a host in *pool*: the gateway, unless another is asked for."""
    return pool.network_address + min(1, pool.num_addresses - 1)


def next_address(
    pool: Pool, *, within: Pool | None, used: Collection[Address], after: Address | None
) -> Address:
    """
    Return the next address of *pool*, in its range *within*, that is not *used*.

    The search begins behind *after* and goes around once. Raises `AddressesExhausted`.
    """
    taken = {int(each) for each in used}
    for number in _in_turn(pool, within or pool, after):
        if number not in taken:
            return pool.network_address + (number - int(pool.network_address))
    raise AddressesExhausted(str(pool))


def check_address(address: Address, pool: Pool, *, used: Collection[Address]) -> None:
    """Raise `InvalidSetting` or `AddressTaken` unless a container of *pool* can have *address*."""
    if address not in pool:
        raise InvalidSetting(
            "endpoints",
            f"Invalid address {address}: It does not belong to any of this network's subnets",
        )
    if address in used or int(address) not in _hosts(pool):
        raise AddressTaken(str(address))


def _in_turn(pool: Pool, within: Pool, after: Address | None) -> Iterator[int]:
    allowed = _hosts(pool)
    inner = range(int(within.network_address), int(within.broadcast_address) + 1)
    start, stop = max(allowed.start, inner.start), min(allowed.stop, inner.stop)
    begin = start if after is None else min(max(int(after) + 1, start), stop)
    yield from range(begin, stop)
    yield from range(start, begin)


def _hosts(pool: Pool) -> range:
    """Return the numbers that hosts may have: neither the network's own nor the broadcast's."""
    first, last = int(pool.network_address), int(pool.broadcast_address)
    if pool.num_addresses <= SMALLEST:
        return range(first, last + 1)
    # RFC 4291 section 2.6.1: in IPv6 the first is the routers' address; there is no broadcast.
    return range(first + 1, last if pool.version == 4 else last + 1)


def mac_for(address: Address) -> str:
    """Return the locally administered MAC that docker gives to the endpoint of *address*."""
    tail = int(address).to_bytes(16 if address.version == 6 else 4, "big")[-4:]
    return ":".join(f"{each:02x}" for each in (0x02, 0x42, *tail))
