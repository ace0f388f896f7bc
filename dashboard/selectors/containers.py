"""Containers, as pages list and show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from django.db.models import F, Q

from dashboard.models import Container, ContainerState, Network, Volume
from dashboard.models.container import RUNNING_STATES, STOPPED_STATES
from dashboard.selectors.pages import Page, choice_in, page_in, page_of, text_in
from engine.errors import ContainerNotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.db.models import QuerySet

# The tie-break runs the same way, so that one index serves both.
SORTS = {
    "-created": (F("created_at").desc(), "-id"),
    "created": (F("created_at").asc(), "id"),
    "name": (F("name").asc(), "id"),
    "-name": (F("name").desc(), "-id"),
    "-size": (F("size").desc(nulls_last=True), "-id"),
    "size": (F("size").asc(nulls_last=True), "id"),
    "-finished": (F("finished_at").desc(nulls_last=True), "-id"),
}
STATES = {
    "running": RUNNING_STATES,
    "stopped": STOPPED_STATES,
    **{state.value: (state,) for state in ContainerState if state is not ContainerState.RUNNING},
}
OTHERS_OFFERED = 100


@dataclass(frozen=True, slots=True)
class ContainerFilter:
    """Which containers a list shows, as its URL says."""

    text: str = ""
    host: str = ""
    state: str = ""
    image: str = ""
    owner: str = ""
    sort: str = "-created"
    page: int = 1

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Self:
        """Return the filter in a URL's *query*; what makes no sense there is left out."""
        return cls(
            text=text_in(query, "q"),
            host=text_in(query, "host"),
            state=choice_in(query, "state", STATES, ""),
            image=text_in(query, "image"),
            owner=text_in(query, "owner"),
            sort=choice_in(query, "sort", SORTS, "-created"),
            page=page_in(query),
        )

    @property
    def is_active(self) -> bool:
        """Whether anything is left out of the list."""
        return any((self.text, self.host, self.state, self.image, self.owner))


def rows() -> QuerySet[Container]:
    """Return containers with all that a row shows, for pages and pushes alike."""
    return Container.objects.select_related("host", "image").defer("settings", "image__config")


def containers(chosen: ContainerFilter) -> Page[Container]:
    """Return the page of containers that *chosen* describes."""
    return page_of(containers_query(chosen), number=chosen.page)


def containers_query(chosen: ContainerFilter) -> QuerySet[Container]:
    """Return all containers that *chosen* describes, in its order."""
    return rows().filter(_matching(chosen)).order_by(*SORTS[chosen.sort])


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


def _matching(chosen: ContainerFilter) -> Q:
    wanted = Q()
    if chosen.host:
        wanted &= Q(host_id=chosen.host)
    if chosen.state:
        wanted &= Q(state__in=STATES[chosen.state])
    if chosen.owner:
        wanted &= Q(owner=chosen.owner)
    if chosen.image:
        wanted &= Q(image_reference__icontains=chosen.image) | Q(
            image_digest__startswith=f"sha256:{chosen.image.removeprefix('sha256:')}"
        )
    if chosen.text:
        wanted &= (
            Q(name__icontains=chosen.text)
            | Q(container_id__startswith=chosen.text)
            | Q(image_reference__icontains=chosen.text)
        )
    return wanted
