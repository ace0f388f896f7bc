"""The search palette: pages, commands, and objects by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.urls import reverse
from django.views.decorators.http import require_safe

from dashboard import selectors
from dashboard.models import Role
from dashboard.permissions import SignedInRequest, require_role
from dashboard.templatetags.frame import NAVIGATION
from dashboard.templatetags.words import familiar
from dashboard.views.answers import render_page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpResponse

    from dashboard.models import Container, Image, Network, User, Volume

SHOWN = 6


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the palette."""

    label: str
    url: str
    icon: str
    hint: str = ""
    is_dialog: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Lines of one kind."""

    title: str
    items: tuple[Item, ...]


@require_safe
@require_role(Role.VIEWER)
def palette(request: SignedInRequest) -> HttpResponse:
    """Find what is called like the text, and what can be done."""
    text = request.GET.get("q", "").strip()[:255]
    groups = [
        Group("Do", _matching(text, _commands(request.user))),
        Group("Go to", _matching(text, _pages(request.user))),
        *(_objects(text) if text else ()),
    ]
    context = {
        "groups": groups,
        "query": text,
        "is_nothing": not any(group.items for group in groups),
    }
    return render_page(request, "palette/found", context)


def _matching(text: str, items: Iterator[Item]) -> tuple[Item, ...]:
    words = text.lower().split()
    return tuple(item for item in items if all(word in item.label.lower() for word in words))


def _commands(user: User) -> Iterator[Item]:
    if not user.has_role(Role.OPERATOR):
        return
    yield Item("Launch container", reverse("container_launch"), "play", "dialog", is_dialog=True)
    yield Item("Pull image", reverse("image_pull"), "pull", "dialog", is_dialog=True)
    yield Item("Build image", reverse("build_new"), "build", "dialog", is_dialog=True)
    yield Item("Create volume", reverse("volume_create"), "volume", "dialog", is_dialog=True)
    yield Item("Create network", reverse("network_create"), "network", "dialog", is_dialog=True)
    yield Item("Clean up untagged images", f"{reverse('cleanup')}#untagged", "sweep")
    yield Item("Clean up stopped containers", f"{reverse('cleanup')}#stopped", "sweep")


def _pages(user: User) -> Iterator[Item]:
    for item in NAVIGATION:
        if item.name != "team" or user.has_role(Role.ADMIN):
            yield Item(item.label, reverse(item.name), item.icon, f"g {item.key}")


def _objects(text: str) -> tuple[Group, ...]:
    wanted = selectors.Chosen({"q": text})
    containers = selectors.CONTAINERS.page(wanted)
    images = selectors.IMAGES.page(wanted)
    volumes = selectors.VOLUMES.page(wanted)
    networks = selectors.NETWORKS.page(wanted)
    # What is called like the text comes before what only has to do with it.
    named = sorted(containers, key=lambda each: text.lower() not in each.name.lower())
    return (
        Group("Containers", tuple(_container(each) for each in named[:SHOWN])),
        Group("Images", tuple(_image(each) for each in images.rows[:SHOWN])),
        Group("Volumes", tuple(_volume(each) for each in volumes.rows[:SHOWN])),
        Group("Networks", tuple(_network(each) for each in networks.rows[:SHOWN])),
    )


def _container(container: Container) -> Item:
    hint = f"{container.get_state_display()} on {container.host_id}"
    return Item(container.name, container.get_absolute_url(), "container", hint)


def _volume(volume: Volume) -> Item:
    hint = f"on {volume.host_id}"
    return Item(volume.shown_name, volume.get_absolute_url(), "volume", hint)


def _network(network: Network) -> Item:
    hint = f"{network.driver} on {network.host_id}"
    return Item(network.name, network.get_absolute_url(), "network", hint)


def _image(image: Image) -> Item:
    tags = [f"{familiar(tag.repository)}:{tag.tag}" for tag in image.tags.all()]
    label = tags[0] if tags else f"{image.short_id} (untagged)"
    return Item(label, image.get_absolute_url(), "image", f"{image.short_id} on {image.host_id}")
