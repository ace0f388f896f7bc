"""What one piece of work needs until it is over, and what becomes of it then."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import EngineError, Unavailable
from engine.images.resources import blob_resource, layer_resource
from engine.progress import Cancelled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.images.gc import Collector
    from engine.leases import Lease, Leases
    from engine.oci.digest import ChainID, Digest


@dataclass(frozen=True, slots=True)
class Hold:
    """A lease that remembers what it was taken for."""

    lease: Lease
    blobs: set[Digest]
    layers: set[ChainID | str]

    def add_blobs(self, *digests: Digest) -> None:
        """Keep *digests* from being removed until the work is over; they need not be here yet."""
        self.lease.add(*map(blob_resource, digests))
        self.blobs.update(digests)

    def add_layers(self, *chain_ids: ChainID) -> None:
        """Keep *chain_ids* from being removed until the work is over."""
        new = set(chain_ids) - self.layers
        if new:
            self.lease.add(*map(layer_resource, new))
            self.layers.update(new)

    def add_staged(self, name: str) -> None:
        """Keep the tar that is staged as *name* from being removed until the work is over."""
        self.lease.add(layer_resource(name))
        self.layers.add(name)


@contextmanager
def holding(leases: Leases, collector: Collector) -> Iterator[Hold]:
    """
    Open a hold for one piece of work; afterwards what it held is needed by an image or is gone.

    Work that was cancelled, or that a registry broke off, leaves everything for the next attempt to
    go on from. What somebody else holds as well stays.
    """
    blobs: set[Digest] = set()
    layers: set[ChainID | str] = set()
    try:
        with leases.held() as lease:
            yield Hold(lease, blobs, layers)
    except (Cancelled, Unavailable):
        raise
    except EngineError:
        collector.collect_blobs(blobs)
        collector.collect_layers(layers)
        raise
    collector.collect_blobs(blobs)
