"""The volumes of a host, used and not, and what its disk is full of."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from dashboard.models import Volume
from dashboard.services import refresh_counts
from tests.support.mess.makers import GB, MB, hex_id

if TYPE_CHECKING:
    from dashboard.models import Host


def make_volumes(host: Host) -> None:
    """Make the volumes of *host*, whose containers are there."""
    now = timezone.now()
    users = list(host.containers.order_by("name")[:2])
    for name, size, holders in (
        ("orders-data", 1_840 * MB, users[:1]),
        ("web-cache", 96 * MB, users),
        ("old-uploads", 12 * GB, []),
        (hex_id("volume", host.name), 4 * MB, []),
    ):
        Volume.objects.create(
            host=host,
            name=name,
            mountpoint=f"/var/lib/shipshape/volumes/{name}/_data",
            labels={"team": "ships"} if holders else {},
            is_anonymous=len(name) == 64,
            owner="otto",
            created_at=now - timedelta(days=12),
            holders=[each.container_id for each in holders],
            holder_count=len(holders),
            size=size,
            size_measured_at=now - timedelta(minutes=3),
        )
    first = host.containers.get(name="web-1")
    first.settings = {
        **first.settings,
        "mounts": [
            {"kind": "volume", "source": "web-cache", "target": "/var/cache/web"},
            {"kind": "bind", "source": "/srv/web", "target": "/etc/web", "read_only": True},
            {"kind": "tmpfs", "target": "/run", "size": 64 * 2**20},
        ],
    }
    first.save()


def make_disk(host: Host) -> None:
    """Write what takes the disk of *host*, as its agent would have told."""
    refresh_counts(host.name)
    host.refresh_from_db()
    shared = sum(layer.size for layer in host.layers.all() if layer.image_layers.count() > 1)
    host.disk = {
        "total": 64 * GB,
        "free": int(41.2 * GB),
        "layers": host.layer_bytes,
        "layers_shared": shared,
        "writable": sum(each.size or 0 for each in host.containers.all()),
        "virtual_sum": host.virtual_bytes + sum(each.size for each in host.images.all()),
        "volumes": host.volume_bytes,
        "build_cache": 310 * MB,
        "archives": 220 * MB,
        "documents": 120_000,
        "trash": 640 * MB,
        "logs": 48 * MB,
        "unused": 12 * MB,
        "measured_at": (timezone.now() - timedelta(seconds=40)).isoformat(),
    }
    host.save(update_fields=["disk"])
