"""
Making the host agree with the records: bridges, rules and names.

Everything here may be repeated and is done under one lock, and what is put in place is rendered
from the records as they are then. So the last to come leaves the host as the records say, however
many work at once, and one that dies is made up for by the next.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from engine.networks.bridges import Bridges
from engine.networks.names import render_names
from engine.networks.rules import BridgeRules, Forward, render_rules
from engine.networks.ways import gateway_endpoint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from engine.networks.door import Host
    from engine.networks.mark import Mark
    from engine.networks.record import NetworkRecord
    from engine.networks.store import NetworkStore
    from engine.system.locks import Locks

LOCK = "networks"
PRIVATE = 0o700


class Plane:
    """The part of the host that is one engine's networks."""

    def __init__(
        self, store: NetworkStore, host: Host, locks: Locks, *, directory: Path, mark: Mark
    ) -> None:
        self._store = store
        self._host = host
        self._locks = locks
        self._mark = mark
        self._bridges = Bridges(store, host.links, directory / "bridges", mark)
        self._names = directory / "names"
        self._pending = directory / "names.pending"
        self._applied = directory / "applied"
        # Where there is no such directory, as after a reboot, nothing is on the host yet.
        self._directory = directory

    def ensure_bridges(self, networks: Iterable[NetworkRecord]) -> None:
        """See to it that the bridges of *networks* are there, as they shall be."""
        missing = [each for each in networks if each.bridge and not self._bridges.is_up(each)]
        if missing:
            with self._alone():
                for network in missing:
                    self._bridges.make(network)
                self._sync_rules()

    def remove_bridge(self, network: NetworkRecord) -> None:
        """Leave nothing on the host of a network that has no record any more."""
        if not network.bridge:
            return
        with self._alone():
            self._bridges.drop(network.bridge)
            self._sync_rules()
            self._sync_names([network.name])

    def sync(self, networks: Iterable[str], *, rules: bool) -> None:
        """See to it that names, and with *rules* the rules, are what the records say."""
        named = [name for name in networks if self._is_named(name)]
        if not named and not rules:
            return
        with self._alone():
            if rules:
                self._sync_rules()
            self._sync_names(named)

    def restore(self) -> None:
        """Put everything in place again that may have been lost, and sweep what has no record."""
        has_forgotten = self._bridges.has_forgotten()
        is_empty = not self._directory.exists() and not self._store.active_endpoints()
        if is_empty and not has_forgotten:
            return
        with self._alone():
            if has_forgotten:
                # The files by which it answers are gone too; if names are needed it begins anew.
                self._host.names.stop(self._names)
            networks = {each.bridge: each for each in self._store.list_networks() if each.bridge}
            for name in self._bridges.names() - networks.keys():
                self._bridges.drop(name)
            used = {each.network for each in self._store.active_endpoints()}
            for network in networks.values():
                if network.name in used and not self._bridges.is_up(network):
                    self._bridges.make(network)
            self._sweep_links()
            if not self._host.firewall.is_applied():
                self._applied.unlink(missing_ok=True)
            self._sync_rules()
            # A docker may have come, or begun anew, since the rules were applied.
            self._host.firewall.pass_others(sorted(self._bridges.names()))
            self._sync_all_names()

    def dismantle(self) -> None:
        """Leave nothing of this engine's networks on the host; the records stay."""
        with self._alone():
            for name in self._bridges.names():
                self._bridges.drop(name)
            self._host.firewall.remove()
            self._host.names.stop(self._names)
            self._applied.unlink(missing_ok=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes out while the host is changed; afterwards bridges are known."""
        with self._locks.held(LOCK):
            self._bridges.recall()
            yield

    # --- Links ---------------------------------------------------------------------------------

    def _sweep_links(self) -> None:
        present = self._host.links.list_names(self._mark.links)
        # Read after: whoever makes a link has recorded it before.
        recorded = {each.link for each in self._store.active_endpoints()}
        for name in present - recorded:
            self._host.links.remove(name)

    # --- Rules --------------------------------------------------------------------------------

    def _sync_rules(self) -> None:
        present = self._bridges.names()
        networks = [each for each in self._store.list_networks() if each.bridge in present]
        rules = render_rules(
            self._mark.table, [bridge_rules(each) for each in networks], self._forwards()
        )
        if self._applied.exists() and self._applied.read_text() == rules:
            return
        self._applied.unlink(missing_ok=True)
        if networks:
            self._host.firewall.apply(rules)
        else:
            self._host.firewall.remove()
        self._host.firewall.pass_others([each.bridge for each in networks])
        self._directory.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        self._applied.write_text(rules)

    def _forwards(self) -> list[Forward]:
        networks = {each.name: each for each in self._store.list_networks()}
        forwards = []
        for container_id, port in self._store.list_ports():
            endpoint = gateway_endpoint(self._store.endpoints_of(container_id), networks)
            address = endpoint.address(port.version) if endpoint else None
            if address is not None:
                forwards.append(Forward(port, str(address)))
        return forwards

    # --- Names --------------------------------------------------------------------------------

    def _is_named(self, name: str) -> bool:
        network = self._store.find_by_name(name)
        return network is not None and network.has_names

    def _sync_all_names(self) -> None:
        present = {each.name for each in self._names.glob("[!.]*")} - {"aardvark.pid"}
        active = {each.network for each in self._store.active_endpoints()}
        named = {each.name for each in self._store.list_networks() if each.has_names} & active
        is_served = not named or self._host.names.is_running(self._names)
        if present != named or not is_served or self._pending.exists():
            self._note_pending()
            self._sync_names(sorted(present | named))

    def _sync_names(self, names: Iterable[str]) -> None:
        # What is written but not answered by yet is known by this note.
        is_pending = self._pending.exists()
        changed = [self._write_names(name) for name in names]
        if any(changed) or is_pending:
            self._names.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
            self._host.names.reload(self._names)
            self._pending.unlink(missing_ok=True)

    def _note_pending(self) -> None:
        self._directory.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        self._pending.touch()

    def _write_names(self, name: str) -> bool:
        network = self._store.find_by_name(name)
        text = render_names(network, self._store.endpoints_in(name)) if network else ""
        path = self._names / name
        if not text and not path.exists():
            return False
        self._note_pending()
        if not text:
            path.unlink()
            return True
        self._names.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        aside = self._directory / "names.tmp"
        aside.write_text(text)
        aside.rename(path)
        return True


def bridge_rules(network: NetworkRecord) -> BridgeRules:
    """Return what the rules need to know of *network*."""
    return BridgeRules(
        bridge=network.bridge,
        pools=tuple(each.pool for each in network.subnets),
        is_internal=network.settings.internal,
        has_icc=network.settings.has_icc,
        has_masquerade=network.settings.has_masquerade,
    )
