"""Networks and volumes that are records only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import NetworkExists, NetworkInUse, NetworkNotFound, VolumeInUse, VolumeNotFound
from engine.networks.record import EndpointRecord, NetworkRecord, PublishedPort, Subnet
from engine.networks.settings import parse_address
from engine.oci.digest import Digest
from engine.system.clock import SYSTEM_CLOCK
from engine.volumes.record import VolumeRecord

if TYPE_CHECKING:
    from engine.networks.settings import NetworkSettings
    from engine.settings import Endpoint
    from engine.volumes.settings import VolumeSettings
    from tests.support.fakes_engine.__init__ import FakeEngine


class FakeNetworks:
    """Networks that connect nobody, but know who was connected."""

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine
        self.records: dict[str, NetworkRecord] = {}
        self.members: list[EndpointRecord] = []
        self.published: dict[str, list[PublishedPort]] = {}

    def create(self, settings: NetworkSettings, *, owner: str = "") -> NetworkRecord:
        if self.find(settings.name):
            raise NetworkExists(settings.name)
        network_id = Digest.of(settings.name.encode()).hex
        subnets = tuple(
            Subnet(each.pool, parse_address("gateway", each.gateway)) for each in settings.ipam
        )
        record = NetworkRecord(network_id, settings, "br0", subnets, SYSTEM_CLOCK.now(), owner)
        self.records[network_id] = record
        self._engine.events.record("network", "create", network_id)
        return record

    def get(self, ref: str) -> NetworkRecord:
        found = self.find(ref)
        if found is None:
            raise NetworkNotFound(ref)
        return found

    def find(self, ref: str) -> NetworkRecord | None:
        known = self.records.values()
        return next((each for each in known if ref in {each.id, each.name}), None)

    def remove(self, ref: str) -> None:
        record = self.get(ref)
        if holders := tuple(each.container_name for each in self.endpoints_in(ref)):
            raise NetworkInUse(record.name, network_id=record.id, holders=holders)
        del self.records[record.id]
        self._engine.events.record("network", "destroy", record.id)

    def connect(self, ref: str, container: str, endpoint: Endpoint) -> None:
        record, member = self.get(ref), self._engine.containers.get(container)
        made = EndpointRecord(
            container_id=member.id,
            container_name=member.name,
            network=record.name,
            position=0,
            settings=endpoint,
            names=(member.name, *endpoint.aliases),
            id=f"endpoint{len(self.members)}",
            ipv4=endpoint.ipv4 or f"10.0.0.{len(self.members) + 2}",
        )
        self.members.append(made)
        self._engine.events.record("network", "connect", record.id)

    def disconnect(self, ref: str, container: str, *, force: bool = False) -> None:
        record = self.get(ref)
        gone = (record.name, container)
        self.members = [each for each in self.members if (each.network, each.container_id) != gone]
        self._engine.events.record("network", "disconnect", record.id)

    def endpoints(self, container_id: str) -> list[EndpointRecord]:
        return [each for each in self.members if each.container_id == container_id]

    def endpoints_in(self, ref: str) -> list[EndpointRecord]:
        name = self.get(ref).name
        return [each for each in self.members if each.network == name]

    def ports(self, container_id: str) -> list[PublishedPort]:
        return self.published.get(container_id, [])

    def list(self) -> list[NetworkRecord]:
        return list(self.records.values())


class FakeVolumes:
    """Volumes that hold as many bytes as a test says, and whose holders it names."""

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine
        self.records: dict[str, VolumeRecord] = {}
        self.sizes: dict[str, int] = {}
        self.held: dict[str, tuple[str, ...]] = {}

    def create(self, settings: VolumeSettings, *, owner: str = "") -> VolumeRecord:
        directory = self._engine.directory / "volumes" / settings.name
        made = VolumeRecord(settings, directory, SYSTEM_CLOCK.now(), owner)
        record = self.records.setdefault(settings.name, made)
        self._engine.events.record("volume", "create", settings.name)
        return record

    def get(self, name: str) -> VolumeRecord:
        if name not in self.records:
            raise VolumeNotFound(name)
        return self.records[name]

    def remove(self, name: str, *, force: bool = False) -> int:
        if name not in self.records:
            if force:
                return 0
            raise VolumeNotFound(name)
        if holders := self.holders(name):
            raise VolumeInUse(name, holders=holders)
        del self.records[name]
        self._engine.events.record("volume", "destroy", name)
        return self.sizes.pop(name, 0)

    def size(self, name: str) -> int:
        if name not in self.records:
            raise VolumeNotFound(name)
        return self.sizes.get(name, 0)

    def holders(self, name: str) -> tuple[str, ...]:
        return self.held.get(name, ())

    def list(self) -> list[VolumeRecord]:
        return list(self.records.values())
