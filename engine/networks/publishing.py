"""
Ports of the host for a container: chosen, recorded and held.

Two of our containers are told apart by the records, strangers by the socket that holds the port.
"""

from __future__ import annotations

import errno
import ipaddress
import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

from engine.errors import PortTaken, Unsupported
from engine.networks.record import PublishedPort

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.networks.door import Ports
    from engine.networks.pools import Address
    from engine.networks.record import EndpointRecord
    from engine.networks.store import NetworkStore
    from engine.settings.network import PortBinding

ANYWHERE = {4: "0.0.0.0", 6: "::"}  # noqa: S104


class Publisher:
    """Publishes ports of containers."""

    def __init__(self, store: NetworkStore, ports: Ports) -> None:
        self._store = store
        self._ports = ports

    def publish(
        self,
        endpoint: EndpointRecord,
        bindings: Iterable[PortBinding],
        *,
        default_ip: str,
        undo: ExitStack,
    ) -> list[int]:
        """
        Record the ports of *bindings* and hold them until *undo*; return the descriptors.

        Joins the transaction that is open. Raises `PortTaken` in docker's words, or `Unsupported`.
        """
        descriptors: list[int] = []
        # Those that are asked for by number come first: nobody else may be given them.
        for binding in sorted(
            bindings, key=lambda each: (each.host_port == 0, each.container_port)
        ):
            descriptors += self._publish_one(endpoint, binding, default_ip, undo)
        return descriptors

    def _publish_one(
        self, endpoint: EndpointRecord, binding: PortBinding, default_ip: str, undo: ExitStack
    ) -> list[int]:
        addresses = _addresses(endpoint, binding.host_ip or default_ip)
        candidates = self._candidates(binding)
        for host_port in candidates:
            wanted = [
                PublishedPort(binding.container_port, binding.protocol, each, host_port)
                for each in addresses
            ]
            try:
                return self._take(endpoint, wanted, undo)
            except PortTaken:
                if host_port == candidates[-1]:
                    raise
        raise PortTaken(_name(endpoint), "all ports are allocated")

    def _candidates(self, binding: PortBinding) -> Sequence[int]:
        if binding.host_port == 0:
            return self._ports.ephemeral()
        return range(binding.host_port, (binding.host_port_end or binding.host_port) + 1)

    def _take(
        self, endpoint: EndpointRecord, wanted: Sequence[PublishedPort], undo: ExitStack
    ) -> list[int]:
        for port in wanted:
            self._check_records(endpoint, port)
        with ExitStack() as attempt:
            descriptors = [self._hold(endpoint, port, attempt) for port in wanted]
            undo.push(attempt.pop_all())
        for port in wanted:
            self._store.insert_port(endpoint.container_id, port)
        return descriptors

    def _check_records(self, endpoint: EndpointRecord, port: PublishedPort) -> None:
        for holder, other in self._store.holders_of(port.protocol, port.host_port):
            if other.version == port.version and (
                other.is_wild or port.is_wild or other.host_ip == port.host_ip
            ):
                reason = f"Bind for {port.place} failed: port is already allocated"
                raise PortTaken(_name(endpoint), reason, holder=holder)

    def _hold(self, endpoint: EndpointRecord, port: PublishedPort, undo: ExitStack) -> int:
        try:
            return self._ports.hold(port, undo)
        except OSError as error:
            told = {errno.EADDRNOTAVAIL: "cannot assign requested address"}
            why = told.get(error.errno or 0, os.strerror(error.errno or 0).lower())
            reason = (
                f"Error starting userland proxy: listen {port.protocol}{port.version} "
                f"{port.place}: bind: {why}"
            )
            raise PortTaken(_name(endpoint), reason) from error


def _addresses(endpoint: EndpointRecord, host_ip: str) -> list[str]:
    """
    Return the host's addresses to publish at: the asked one, or all that can lead there.

    Raises `Unsupported` where the asked one cannot.
    """
    if host_ip:
        address = ipaddress.ip_address(host_ip)
        _check_leads(endpoint, address)
        return [str(address)]
    return [ANYWHERE[each] for each in (4, 6) if endpoint.address(each) is not None]


def _check_leads(endpoint: EndpointRecord, address: Address) -> None:
    if endpoint.address(address.version) is None:
        raise Unsupported(
            f"nothing can be published at {address}: the container has no IPv{address.version} "
            f"address in network {endpoint.network}",
            remedy="Choose a network that has such addresses, or another address of the host.",
            field="publish",
        )


def _name(endpoint: EndpointRecord) -> str:
    return f"{endpoint.container_name} ({endpoint.id})"
