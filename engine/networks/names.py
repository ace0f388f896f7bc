"""
What the name server shall answer, rendered from the records; nothing here touches the host.

A file for each network, in the form that aardvark-dns reads: the addresses it listens at, then a
line for each container.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.networks.record import EndpointRecord, NetworkRecord

# Questions from a network without a way out are answered there or not at all: nobody listens here.
NOWHERE = "127.255.255.254"


def render_names(network: NetworkRecord, endpoints: Sequence[EndpointRecord]) -> str:
    """Return the file of *network*; empty if nobody is there to ask."""
    active = [each for each in endpoints if each.is_active]
    if not network.has_names or not active:
        return ""
    listening = ",".join(str(each.gateway) for each in network.subnets)
    nowhere = (NOWHERE,) if network.settings.internal else ()
    return "\n".join([listening, *(_line(each, nowhere or each.servers) for each in active)]) + "\n"


def _line(endpoint: EndpointRecord, servers: Sequence[str]) -> str:
    names = ",".join(dict.fromkeys(name.lower() for name in endpoint.names))
    line = f"{endpoint.container_id} {endpoint.ipv4} {endpoint.ipv6} {names}"
    return f"{line} {','.join(servers)}" if servers else line
