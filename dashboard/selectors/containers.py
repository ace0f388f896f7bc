"""Containers, as pages list and show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Q

from dashboard.models import Container, ContainerState, Network, Volume
from dashboard.models.container import RUNNING_STATES, STOPPED_STATES
from dashboard.selectors.lists import Filter, Listing, falling, one_of, rising, where
from engine.errors import ContainerNotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

OTHERS_OFFERED = 100


def rows() -> QuerySet[Container]:
    """Return containers with all that a row shows, for pages and pushes alike."""
    return Container.objects.select_related("host", "image").defer("settings", "image__config")


def _made_from(image: str) -> Q:
    digits = image.removeprefix("sha256:")
    return Q(image_reference__icontains=image) | Q(image_digest__startswith=f"sha256:{digits}")


_STATES = {
    **{state.value: (state,) for state in ContainerState},
    "running": RUNNING_STATES,
    "stopped": STOPPED_STATES,
}

CONTAINERS = Listing(
    rows,
    filters={
        "host": where("host_id"),
        "state": one_of({name: Q(state__in=states) for name, states in _STATES.items()}),
        "owner": where("owner"),
        "image": Filter(_made_from),
        "q": where("name__icontains", "container_id__startswith", "image_reference__icontains"),
    },
    orders={
        "-created": falling("created_at"),
        "created": rising("created_at"),
        "name": rising("name"),
        "-name": falling("name"),
        "-size": falling("size", unknown_last=True),
        "size": rising("size", unknown_last=True),
        "-finished": falling("finished_at", unknown_last=True),
    },
)


def container_detail(host: str, container_id: str) -> Container:
    """Return the container of that whole ID on *host*; raise `ContainerNotFound`."""
    found = (
        Container.objects.select_related("host", "image")
        .prefetch_related("image__tags")
        .filter(host_id=host, container_id=container_id)
        .first()
    )
    if found is None:
        raise ContainerNotFound(container_id[:64])
    return found


def find_container_row(pk: int) -> Container | None:
    """Return one container as lists show it, or None."""
    return rows().filter(pk=pk).first()


def mounts_of(container: Container) -> list[dict[str, Any]]:
    """Return what is mounted into *container*, with the volume where one of the host's is meant."""
    return with_volumes(container.host_id, container.settings.get("mounts") or [])


def with_volumes(host: str, mounts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return *mounts* with the row of the volume where one of *host* is meant."""
    names = [mount.get("source", "") for mount in mounts if mount.get("kind") == "volume"]
    volumes = {row.name: row for row in Volume.objects.filter(host_id=host, name__in=names)}
    return [{**mount, "volume": volumes.get(mount.get("source", ""))} for mount in mounts]


def networks_of(container: Container) -> list[dict[str, Any]]:
    """Return the networks of *container* with its addresses there."""
    names = [each.get("network", "") for each in container.networks]
    found = Network.objects.filter(host_id=container.host_id, name__in=names)
    networks = {row.name: row for row in found}
    return [{**each, "row": networks.get(each.get("network", ""))} for each in container.networks]


def loggable(*, limit: int = OTHERS_OFFERED) -> tuple[Container, ...]:
    """Return running containers, whose output may be worth reading together."""
    found = rows().filter(state__in=RUNNING_STATES)
    return tuple(found.order_by("name", "host_id")[:limit])


def containers_named(names: Sequence[str]) -> tuple[Container, ...]:
    """Return the containers *names*, each `host/ID`, in that order; unknown ones are left out."""
    pairs = [tuple(name.rpartition("/")[::2]) for name in names]
    found = rows().filter(container_id__in=[container_id for _, container_id in pairs])
    by_name = {(row.host_id, row.container_id): row for row in found}
    return tuple(by_name[pair] for pair in dict.fromkeys(pairs) if pair in by_name)


def container_names(host: str, container_ids: list[str]) -> dict[str, str]:
    """Return the names of these containers of *host*, by ID."""
    found = Container.objects.filter(host_id=host, container_id__in=container_ids)
    return dict(found.values_list("container_id", "name"))
