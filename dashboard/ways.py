"""
How something can go that others hold: what has to go or end before it, in the order that works.

Pure over rows: selectors find who holds a thing, and here is decided what that comes to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from django.urls import reverse
from django.utils.http import urlencode

from engine.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dashboard.models import Container, Host, Image, Job, Layer, Network, Tag, Volume

KEEP_LABEL = "shipshape.keep"
NAMES_TOLD = 3


@dataclass(frozen=True, slots=True)
class Step:
    """
    Something to do, with the *word* on its button and where that leads.

    It is done at once with `post`, asked about first with `dialog`, done on another page with
    `link`; *about* is the page of what it concerns, and *owner* whose that is, where only the owner
    and maintainers may.
    """

    text: str
    word: str
    url: str
    kind: Literal["post", "dialog", "link"] = "post"
    about: str = ""
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """
    How a thing can go: *steps* in their order, of which the last takes it away.

    *notes* are what one should know; with *never* it cannot go at all, for that reason.
    """

    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()
    never: str = ""

    @property
    def is_held(self) -> bool:
        """Whether something has to happen before it can go."""
        return len(self.steps) > 1 or bool(self.never)


def way_of_image(
    image: Image,
    *,
    containers: Sequence[Container],
    derived: Sequence[Image] = (),
    jobs: Iterable[Job] = (),
) -> Way:
    """Return how *image* can go; *derived* are images that stand on it."""
    steps = (*_ended(jobs), *_without(containers), _image_gone(image))
    more = image.container_count - len(containers)
    untold = (f"{more} more containers were made from it.",) if more > 0 else ()
    return Way(steps, (*untold, *_wanted(containers), *_notes_of(image, derived)))


def way_of_volume(
    volume: Volume, *, containers: Sequence[Container], jobs: Iterable[Job] = ()
) -> Way:
    """Return how *volume* can go; whoever holds it and is not in *containers* is in the trash."""
    known = {each.container_id for each in containers}
    trashed = [each for each in volume.holders if each not in known]
    url = reverse("volume_trash", args=(volume.host_id, volume.name))
    text, about = f"Move {volume.shown_name} to the trash", volume.get_absolute_url()
    last = Step(text, "Trash", url, about=about, owner=volume.owner)
    steps = [*_ended(jobs), *_without(containers, for_good=True)]
    if trashed:
        names = _listed([each[:12] for each in trashed])
        steps.append(_trash_emptied(volume.host, f"of {names} "))
    note = "Its bytes come free when it leaves the trash."
    return Way((*steps, last), (*_wanted(containers), note))


def way_of_network(
    network: Network, *, containers: Iterable[Container], jobs: Iterable[Job] = ()
) -> Way:
    """Return how *network* can go; *containers* are those that run in it."""
    if network.is_built_in:
        return Way(never="It comes with the engine, which puts containers into it.")
    place = (network.host_id, network.network_id)
    apart = [
        Step(
            f"Disconnect {each.name}",
            "Disconnect",
            reverse("network_disconnect", args=(*place, each.container_id)),
            about=each.get_absolute_url(),
            owner=each.owner,
        )
        for each in containers
    ]
    url, owner = reverse("network_remove", args=place), network.owner
    last = Step(f"Remove {network.name}", "Remove", url, "dialog", owner=owner)
    note = "Stopped containers that were in it start again once there is a network of its name."
    return Way((*_ended(jobs), *apart, last), (note,))


def way_of_layer(layer: Layer, *, images: Sequence[Image], containers: Iterable[Container]) -> Way:
    """Return how *layer* can go: with the last that holds it."""
    steps = [*_without(containers), *(_image_gone(each) for each in images)]
    if images:
        steps.append(_trash_emptied(layer.host))
    if layer.is_cached:
        query = urlencode({"host": layer.host_id})
        url = f"{reverse('cleanup')}?{query}"
        steps.append(Step("Clean the build cache up", "Clean up", url, "link"))
    return Way(tuple(steps), ("It goes by itself when the last of them is gone.",))


def _ended(jobs: Iterable[Job]) -> Iterator[Step]:
    for job in jobs:
        if job.is_active:
            url, about = reverse("job_cancel", args=(job.pk,)), job.get_absolute_url()
            asker = job.requested_by.username
            yield Step(f"Let “{job.title}” end", "Cancel it", url, about=about, owner=asker)


def _without(containers: Iterable[Container], *, for_good: bool = False) -> Iterator[Step]:
    for each in containers:
        place, about = (each.host_id, each.container_id), each.get_absolute_url()
        if each.is_running:
            url = reverse("container_stop", args=place)
            yield Step(f"Stop {each.name}", "Stop", url, about=about, owner=each.owner)
        if for_good:
            url = reverse("container_remove", args=place)
            yield Step(f"Remove {each.name}", "Remove", url, "dialog", about, each.owner)
        else:
            url = reverse("container_trash", args=place)
            text = f"Move {each.name} to the trash"
            yield Step(text, "Trash", url, about=about, owner=each.owner)


def _wanted(containers: Iterable[Container]) -> Iterator[str]:
    """Yield what people said about *containers*, which keeps clean-ups away and nobody else."""
    for each in containers:
        if each.is_kept:
            yield f"{each.name} is kept from clean-ups: ask why before it goes."
        if each.expires_at is not None:
            yield f"{each.name} is wanted until {each.expires_at:%Y-%m-%d %H:%M} UTC."


def _image_gone(image: Image) -> Step:
    url = reverse("image_trash", args=(image.host_id, image.hex))
    about, owner = image.get_absolute_url(), image.added_by
    tags = [_familiar(each) for each in image.tags.all()]
    if not tags:
        text = f"Move image {image.short_id} to the trash"
        return Step(text, "Trash", url, about=about, owner=owner)
    also = f" with its other tag{'s' * (len(tags) > 2)} {_listed(tags[1:])}" if tags[1:] else ""
    text = f"Move {tags[0]} to the trash{also}"
    return Step(text, "Trash", url, about=about, owner=owner)


def _trash_emptied(host: Host, of: str = "") -> Step:
    url = f"{reverse('trash')}?{urlencode({'host': host.name})}"
    return Step(f"Empty the trash {of}on {host.name}", "Open the trash", url, "link")


def _notes_of(image: Image, derived: Sequence[Image]) -> Iterator[str]:
    if derived:
        names = _listed([_name_of(each) for each in derived])
        verbs = ("stands", "keeps") if len(derived) == 1 else ("stand", "keep")
        yield f"{names} {verbs[0]} on it and {verbs[1]} its layers on the disk."
    labels = (image.config.get("config") or {}).get("Labels") or {}
    if KEEP_LABEL in labels:
        yield f"Its label {KEEP_LABEL} keeps it from clean-ups; a person may still remove it."
    yield "Its bytes come free when it leaves the trash."


def _name_of(image: Image) -> str:
    tag = next(iter(image.tags.all()), None)
    return _familiar(tag) if tag else image.short_id


def _familiar(tag: Tag) -> str:
    return Reference.parse(tag.reference).familiar


def _listed(names: Sequence[str]) -> str:
    more = len(names) - NAMES_TOLD
    told = ", ".join(names[:NAMES_TOLD])
    return f"{told} and {more} more" if more > 0 else told
