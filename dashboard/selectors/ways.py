"""How things can go that others hold: who holds them, for `dashboard.ways`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard import ways
from dashboard.models import Image, ImageLayer
from dashboard.selectors.jobs import jobs_about
from dashboard.selectors.networks import connections
from dashboard.selectors.volumes import volume_users

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboard.models import Container, Network, Volume
    from dashboard.selectors.layers import LayerDetail
    from dashboard.ways import Way

DERIVED_SHOWN = 20


def way_of_image(image: Image, containers: Sequence[Container]) -> Way:
    """Return how *image* can go, from which *containers* were made."""
    return ways.way_of_image(
        image,
        containers=containers,
        derived=derived_images(image),
        jobs=jobs_about(image.host_id, "image", image.image_id),
    )


def way_of_volume(volume: Volume) -> Way:
    """Return how *volume* can go."""
    jobs = jobs_about(volume.host_id, "volume", volume.name)
    return ways.way_of_volume(volume, containers=volume_users(volume), jobs=jobs)


def way_of_network(network: Network) -> Way:
    """Return how *network* can go."""
    connected = [each.container for each in connections(network) if each.container]
    jobs = jobs_about(network.host_id, "network", network.network_id)
    return ways.way_of_network(network, containers=connected, jobs=jobs)


def way_of_layer(found: LayerDetail) -> Way:
    """Return how a layer can go."""
    layer = found.shown.layer
    return ways.way_of_layer(layer, images=found.images, containers=found.containers)


def derived_images(image: Image) -> tuple[Image, ...]:
    """Return the images of the host that stand on all layers of *image*."""
    top = ImageLayer.objects.filter(image=image).order_by("-position").first()
    if top is None:
        return ()
    found = Image.objects.filter(image_layers__layer=top.layer_id).exclude(pk=image.pk)
    rows = found.defer("config", "history").prefetch_related("tags")
    return tuple(rows.order_by("added_at", "id")[:DERIVED_SHOWN])
