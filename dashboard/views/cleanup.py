"""What builds up on the team's hosts, and removing exactly what is ticked."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import messages
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from dashboard import selectors, services
from dashboard.errors import JobNotFound
from dashboard.forms import words_of
from dashboard.jobs import JobName
from dashboard.models import Role
from dashboard.permissions import SignedInRequest, may_take, require_role, whose
from dashboard.selectors.selection import SelectionLedger, kept_images, selection_ledger
from dashboard.views.answers import REFUSED, address_of, render_page
from dashboard.views.lists import hosts_about, offline
from engine.errors import EngineError, InvalidInput

if TYPE_CHECKING:
    from django.http import HttpResponse

    from dashboard.models import Container, Image, Job, User

JOBS_SHOWN = 20
NOTHING = "Nothing is ticked, so nothing was done. Tick at least one row."


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for: the jobs, or why there are none and what had been ticked."""

    jobs: tuple[Job, ...] = ()
    refused: str = ""
    chosen: frozenset[str] = frozenset()

    @property
    def going(self) -> frozenset[str]:
        """The rows that a job is about to remove."""
        return frozenset(
            f"{job.host_id}/{each.removeprefix('sha256:')}"
            for job in self.jobs
            if job.is_active
            for each in job.arguments.get("ids", ())
        )

    def is_ticked(self, value: str) -> bool:
        """Whether a row is ticked: all are, until somebody asked; a refusal keeps what was."""
        return value in self.chosen if self.refused else not self.jobs


UNASKED = Asked()


@dataclass(frozen=True, slots=True)
class ImageRow:
    """An untagged image in the list. `value` is what its tick sends."""

    image: Image
    value: str
    layers: str
    is_ticked: bool
    is_going: bool
    others: str


@dataclass(frozen=True, slots=True)
class ContainerRow:
    """A stopped container in the list."""

    container: Container
    value: str
    is_ticked: bool
    is_going: bool
    others: str


@dataclass(frozen=True, slots=True)
class Section:
    """One kind of what builds up."""

    rows: tuple[Any, ...]
    bytes: int
    jobs: tuple[Job, ...]
    refused: str
    ledger: str = ""
    kept: tuple[Image, ...] = ()

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.rows)


@require_safe
@require_role(Role.VIEWER)
def cleanup(request: SignedInRequest) -> HttpResponse:
    """Show what builds up, whose it is, what would come free, and what was just asked for."""
    jobs = _jobs_in(request.GET.get("asked", ""))
    return _show(
        request,
        images=Asked(tuple(job for job in jobs if job.name == JobName.CLEAN_UP_IMAGES)),
        containers=Asked(tuple(job for job in jobs if job.name == JobName.CLEAN_UP_CONTAINERS)),
    )


@require_POST
@require_role(Role.OPERATOR)
def cleanup_images(request: SignedInRequest) -> HttpResponse:
    """Have exactly the ticked images removed, by one job per host."""
    asked = _ask(request, JobName.CLEAN_UP_IMAGES, prefix="sha256:")
    return _show(request, images=asked) if asked.refused else _go_back(request, asked)


@require_POST
@require_role(Role.OPERATOR)
def cleanup_containers(request: SignedInRequest) -> HttpResponse:
    """Have exactly the ticked containers removed, by one job per host."""
    asked = _ask(request, JobName.CLEAN_UP_CONTAINERS)
    return _show(request, containers=asked) if asked.refused else _go_back(request, asked)


@require_POST
@require_role(Role.OPERATOR)
def cleanup_volumes(request: SignedInRequest) -> HttpResponse:
    """Have exactly the ticked volumes removed, by one job per host."""
    return _clean_up_and_return(request, JobName.CLEAN_UP_VOLUMES, to="volumes")


@require_POST
@require_role(Role.OPERATOR)
def cleanup_networks(request: SignedInRequest) -> HttpResponse:
    """Have exactly the ticked networks removed, by one job per host."""
    return _clean_up_and_return(request, JobName.CLEAN_UP_NETWORKS, to="networks")


def _clean_up_and_return(request: SignedInRequest, name: JobName, *, to: str) -> HttpResponse:
    asked = _ask(request, name)
    if asked.refused:
        messages.error(request, asked.refused)
        return redirect(to)
    return redirect(asked.jobs[0]) if len(asked.jobs) == 1 else redirect("jobs")


def _ask(request: SignedInRequest, name: JobName, prefix: str = "") -> Asked:
    values = request.POST.getlist("ids")
    if not values:
        return Asked(refused=NOTHING)
    jobs: list[Job] = []
    try:
        for host, ids in _by_host(values).items():
            jobs.append(
                services.request_job(
                    name=name,
                    host=host,
                    arguments={"ids": [prefix + each for each in ids]},
                    user=request.user,
                    address=address_of(request),
                )
            )
    except EngineError as error:
        return Asked(tuple(jobs), words_of(error), frozenset(values))
    return Asked(tuple(jobs))


def _go_back(request: SignedInRequest, asked: Asked) -> HttpResponse:
    # The address names the jobs, so that loading the page again shows them again and asks nothing.
    query = {"asked": ",".join(str(job.pk) for job in asked.jobs)}
    if host := request.GET.get("host"):
        query["host"] = host
    return redirect(f"{reverse('cleanup')}?{urlencode(query)}")


def _jobs_in(text: str) -> list[Job]:
    jobs = []
    for word in text.split(",")[:JOBS_SHOWN]:
        with suppress(ValueError, JobNotFound):
            jobs.append(selectors.job_detail(UUID(word)))
    return jobs


def _by_host(values: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for value in values:
        host, slash, object_id = value.rpartition("/")
        if not slash:
            raise InvalidInput("A ticked row does not say which host it is on", field="ids")
        found.setdefault(host, []).append(object_id)
    return found


def _show(
    request: SignedInRequest,
    images: Asked = UNASKED,
    containers: Asked = UNASKED,
) -> HttpResponse:
    host = request.GET.get("host", "")
    context = {
        "host": host,
        "images": _image_section(request.user, host, images),
        "containers": _container_section(request.user, host, containers),
        "unused_volumes": selectors.unused_volume_sum(host),
        "unused_networks": selectors.unused_network_count(host),
        "offline": offline(hosts_about(host)),
    }
    is_refused = images.refused or containers.refused
    return render_page(request, "cleanup/cleanup", context, status=REFUSED if is_refused else 200)


def _image_section(user: User, host: str, asked: Asked) -> Section:
    built_up = selectors.dangling_images(host)
    found = [image for each in built_up for image in each.rows]
    ledger = selection_ledger(found)
    return Section(
        rows=tuple(_image_row(user, image, ledger, asked) for image in found),
        bytes=sum(each.bytes for each in built_up),
        jobs=asked.jobs,
        refused=asked.refused,
        ledger=json.dumps(ledger.layers),
        kept=kept_images(host),
    )


def _image_row(user: User, image: Image, ledger: SelectionLedger, asked: Asked) -> ImageRow:
    value = f"{image.host_id}/{image.hex}"
    layers = " ".join(map(str, ledger.held_by.get(image.pk, ())))
    others = "" if may_take(user, image.added_by) else whose(image.added_by)
    is_ticked = not others and asked.is_ticked(value)
    return ImageRow(image, value, layers, is_ticked, value in asked.going, others)


def _container_section(user: User, host: str, asked: Asked) -> Section:
    built_up = selectors.stopped_containers(host)
    found = [container for each in built_up for container in each.rows]
    return Section(
        rows=tuple(_container_row(user, container, asked) for container in found),
        bytes=sum(each.bytes for each in built_up),
        jobs=asked.jobs,
        refused=asked.refused,
    )


def _container_row(user: User, container: Container, asked: Asked) -> ContainerRow:
    value = f"{container.host_id}/{container.container_id}"
    others = "" if may_take(user, container.owner) else whose(container.owner)
    is_ticked = not others and asked.is_ticked(value)
    return ContainerRow(container, value, is_ticked, value in asked.going, others)
