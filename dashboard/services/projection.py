"""The counts and sums of a host, maintained so that no page has to add up rows."""

from __future__ import annotations

from django.db.models import Count, Q, Sum
from django.utils import timezone

from dashboard import events
from dashboard.models import Container, Host, Image, Layer, Network, Volume
from dashboard.models.container import RUNNING_STATES, STOPPED_STATES
from dashboard.selectors.ledger import reclaimable_bytes


def refresh_counts(host: str) -> Host:
    """
    Return *host* with its counts and sums as its rows are now, stored and published.

    Workers call this once after a batch of changes to the projection.
    """
    counts = {**_image_counts(host), **_container_counts(host), **_layer_sums(host)}
    counts.update(_volume_counts(host), network_count=Network.objects.filter(host_id=host).count())
    Host.objects.filter(name=host).update(**counts, counted_at=timezone.now())
    fresh = Host.objects.get(name=host)
    events.publish_host(fresh)
    return fresh


def _image_counts(host: str) -> dict[str, int]:
    counts = Image.objects.filter(host_id=host).aggregate(
        image_count=Count("pk"), dangling_count=Count("pk", filter=Q(is_dangling=True))
    )
    return {**counts, "dangling_bytes": reclaimable_bytes(host)}


def _container_counts(host: str) -> dict[str, int]:
    stopped = Q(state__in=STOPPED_STATES)
    counts = Container.objects.filter(host_id=host).aggregate(
        container_count=Count("pk"),
        running_count=Count("pk", filter=Q(state__in=RUNNING_STATES)),
        stopped_count=Count("pk", filter=stopped),
        stopped_bytes=Sum("size", filter=stopped),
        virtual_bytes=Sum("virtual_size"),
    )
    return {name: value or 0 for name, value in counts.items()}


def _volume_counts(host: str) -> dict[str, int]:
    counts = Volume.objects.filter(host_id=host).aggregate(
        volume_count=Count("pk"),
        unused_volume_count=Count("pk", filter=Q(holder_count=0)),
        volume_bytes=Sum("size"),
    )
    return {name: value or 0 for name, value in counts.items()}


def _layer_sums(host: str) -> dict[str, int]:
    # What only the build cache holds is no part of any image.
    only_cached = Q(is_cached=True, diff_id="")
    total = Layer.objects.filter(~only_cached, host_id=host).aggregate(total=Sum("size"))["total"]
    return {"layer_bytes": total or 0}
