"""Where an image can go, and what that would send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboard.models import Host, Layer

if TYPE_CHECKING:
    from dashboard.models import Image


@dataclass(frozen=True, slots=True)
class TransferTarget:
    """A host that an image can go to, and the bytes of its layers that are not there, packed."""

    host: Host
    missing_bytes: int


def transfer_targets(image: Image) -> tuple[TransferTarget, ...]:
    """Return the hosts besides the image's own, by name, in three queries."""
    sizes = {
        chain_id: packed or size
        for chain_id, packed, size in image.layers.values_list(
            "chain_id", "compressed_size", "size"
        )
    }
    there = set(
        Layer.objects.filter(chain_id__in=sizes)
        .exclude(host_id=image.host_id)
        .values_list("host_id", "chain_id")
    )
    return tuple(
        TransferTarget(
            host,
            sum(size for chain_id, size in sizes.items() if (host.name, chain_id) not in there),
        )
        for host in Host.objects.exclude(pk=image.host_id).order_by("name")
    )
