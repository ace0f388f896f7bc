"""
Rows of containers, images, volumes and networks.

A row is read again after the commit: several changes in one transaction show the last state, and a
row that went meanwhile shows nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.template.loader import render_to_string

from dashboard import selectors
from dashboard.events.sending import after_commit, host_group, send_event

if TYPE_CHECKING:
    from dashboard.events.shapes import Noun, RowEvent
    from dashboard.models import Container, Image, Network, Volume


def publish_container(container: Container) -> None:
    """Show *container* as it is now on every open page."""
    after_commit(_send_container, container.pk)


def publish_image(image: Image) -> None:
    """Show *image* as it is now on every open page."""
    after_commit(_send_image, image.pk)


def publish_volume(volume: Volume) -> None:
    """Show *volume* as it is now on every open page."""
    after_commit(_send_volume, volume.pk)


def publish_network(network: Network) -> None:
    """Show *network* as it is now on every open page."""
    after_commit(_send_network, network.pk)


def publish_removed(noun: Noun, *, host: str, object_id: str) -> None:
    """Take the row of the thing *object_id* (its whole ID) from every open page."""
    hex_id = object_id.removeprefix("sha256:")
    event: RowEvent = {
        "type": "row",
        "noun": noun,
        "host": host,
        "id": hex_id,
        "key": f"{noun}-{host}-{hex_id}",
        "html": None,
    }
    after_commit(send_event, host_group(host), event)


def _send_container(pk: int) -> None:
    container = selectors.find_container_row(pk)
    if container is not None:
        html = render_to_string("dashboard/containers/_row.html", {"container": container})
        _send_row("container", container.host_id, container.container_id, html)


def _send_image(pk: int) -> None:
    image = selectors.find_image_row(pk)
    if image is not None:
        html = render_to_string("dashboard/images/_row.html", {"image": image})
        _send_row("image", image.host_id, image.hex, html)


def _send_volume(pk: int) -> None:
    volume = selectors.find_volume_row(pk)
    if volume is not None:
        html = render_to_string("dashboard/volumes/_row.html", {"volume": volume})
        _send_row("volume", volume.host_id, volume.name, html)


def _send_network(pk: int) -> None:
    network = selectors.find_network_row(pk)
    if network is not None:
        html = render_to_string("dashboard/networks/_row.html", {"network": network})
        _send_row("network", network.host_id, network.network_id, html)


def _send_row(noun: Noun, host: str, object_id: str, html: str) -> None:
    event: RowEvent = {
        "type": "row",
        "noun": noun,
        "host": host,
        "id": object_id,
        "key": f"{noun}-{host}-{object_id}",
        "html": html,
    }
    send_event(host_group(host), event)
