"""Doing one thing with many containers: those that are ticked, or all that a list shows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import HttpResponse, HttpResponseBadRequest, QueryDict
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from dashboard import selectors
from dashboard.forms import words_of
from dashboard.jobs import JobName
from dashboard.models import Container, Role
from dashboard.permissions import SignedInRequest, is_htmx, may_take, require_role
from dashboard.views.answers import REFUSED, render_question
from dashboard.views.filing import file_job
from engine.errors import EngineError, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboard.models import Job

MOST = 500
VERBS = {
    "start": JobName.START_CONTAINER,
    "stop": JobName.STOP_CONTAINER,
    "restart": JobName.RESTART_CONTAINER,
    "pause": JobName.PAUSE_CONTAINER,
    "unpause": JobName.UNPAUSE_CONTAINER,
    "kill": JobName.KILL_CONTAINER,
    "trash": JobName.TRASH_CONTAINERS,
    "remove": JobName.REMOVE_CONTAINER,
}
NONE = {verb: f"None to {verb}." for verb in VERBS} | {
    "trash": "Only what does not run goes to the trash: stop them first."
}
# Asking for these again, or of what is so already, would only fail.
NEEDS_RUNNING = frozenset({"stop", "pause", "kill"})
NEEDS_STOPPED = frozenset({"start", "trash"})
# What takes nothing from anybody.
FOR_EVERYBODY = frozenset({"start", "unpause"})


@dataclass(frozen=True, slots=True)
class Losses:
    """What goes with the containers that are about to be removed."""

    containers: tuple[Container, ...]
    others: tuple[Container, ...] = ()

    @property
    def bytes(self) -> int:
        """What their writable layers hold."""
        return sum(each.size or 0 for each in self.containers)

    @property
    def running(self) -> int:
        """How many of them run."""
        return sum(each.is_running for each in self.containers)

    @property
    def owners(self) -> list[str]:
        """Whose they are."""
        return sorted({each.owner for each in self.containers if each.owner})


@require_POST
@require_role(Role.OPERATOR)
def containers_bulk(request: SignedInRequest) -> HttpResponse:
    """Have one verb done with all that was chosen; a removal is asked about first."""
    verb = request.POST.get("verb", "")
    if verb not in VERBS:
        return HttpResponseBadRequest("unknown verb")
    try:
        chosen = _chosen(request)
    except EngineError as error:
        return _say(request, words_of(error), is_bad=True)
    own, others = _sorted_out(request, verb, chosen)
    if verb == "remove" and "sure" not in request.POST:
        return _ask_to_remove(request, own, others)
    meant = [each for each in own if _fits(each, verb)]
    jobs, refused = _file_all(request, verb, meant)
    if refused:
        return _say(request, refused, is_bad=True)
    said = f"{verb.capitalize()} {_counted(len(meant))}: on its way." if jobs else NONE[verb]
    if others:
        said += f" {_counted(len(others))} of others left alone: ask the owners."
    return _say(request, said, is_bad=not jobs and bool(others))


def _counted(count: int) -> str:
    return f"{count} container{'' if count == 1 else 's'}"


def _sorted_out(
    request: SignedInRequest, verb: str, chosen: tuple[Container, ...]
) -> tuple[tuple[Container, ...], tuple[Container, ...]]:
    if verb in FOR_EVERYBODY:
        return chosen, ()
    own = tuple(each for each in chosen if may_take(request.user, each.owner))
    return own, tuple(each for each in chosen if each not in own)


def _chosen(request: SignedInRequest) -> tuple[Container, ...]:
    if matching := request.POST.get("matching"):
        query = QueryDict(matching[:4096]).dict()
        found = selectors.CONTAINERS.matching(selectors.CONTAINERS.parse(query))
        return tuple(found[:MOST])
    pairs = [value.rpartition("/")[::2] for value in request.POST.getlist("ids")[:MOST]]
    if not pairs:
        raise InvalidInput("Nothing is selected", remedy="Tick at least one row.")
    wanted = set(pairs)
    rows = Container.objects.filter(container_id__in={each for _, each in wanted})
    found = rows.select_related("host", "image").defer("settings")
    return tuple(row for row in found if (row.host_id, row.container_id) in wanted)


def _fits(container: Container, verb: str) -> bool:
    if verb in NEEDS_RUNNING:
        return container.is_running and not (verb == "pause" and container.state == "paused")
    if verb in NEEDS_STOPPED:
        return not container.is_running
    return verb != "unpause" or container.state == "paused"


def _file_all(
    request: SignedInRequest, verb: str, chosen: Sequence[Container]
) -> tuple[list[Job], str]:
    jobs: list[Job] = []
    try:
        if verb == "trash":
            return _move_to_trash(request, chosen), ""
        for each in chosen:
            told: dict[str, object] = {"container_id": each.container_id}
            if verb == "remove":
                told |= {"force": each.is_running, "with_volumes": True}
            jobs.append(file_job(request, VERBS[verb], each.host_id, told))
    except EngineError as error:
        return jobs, words_of(error)
    return jobs, ""


def _move_to_trash(request: SignedInRequest, chosen: Sequence[Container]) -> list[Job]:
    """Have all of *chosen* moved by one job per host, so that one click undoes it."""
    ids: dict[str, list[str]] = {}
    for each in chosen:
        ids.setdefault(each.host_id, []).append(each.container_id)
    return [file_job(request, VERBS["trash"], host, {"ids": each}) for host, each in ids.items()]


def _ask_to_remove(
    request: SignedInRequest, chosen: tuple[Container, ...], others: tuple[Container, ...]
) -> HttpResponse:
    context = {"losses": Losses(chosen, others)}
    return render_question(
        request, "dashboard/containers/_remove_many.html", context, title="Remove containers"
    )


def _say(request: SignedInRequest, text: str, *, is_bad: bool = False) -> HttpResponse:
    if not is_htmx(request):
        return redirect("containers")
    notice = {"text": text, "tone": "bad" if is_bad else ""}
    told = {"toast": notice, **({} if is_bad else {"close-dialog": True, "bulk-done": True})}
    headers = {"HX-Trigger": json.dumps(told), "HX-Reswap": "none"}
    return HttpResponse(status=REFUSED if is_bad else 204, headers=headers)
