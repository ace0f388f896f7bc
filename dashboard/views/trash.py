"""The trash of every host: what lies there, bringing it back, and emptying it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard import selectors, services
from dashboard.agents import Question, ask, ask_all
from dashboard.errors import HostNotFound
from dashboard.forms import words_of
from dashboard.forms.trash import ForGoodForm, RestoreAsForm, TrashLimitsForm, typed_trash_limits
from dashboard.jobs import JobName
from dashboard.models import Role
from dashboard.permissions import ROLE_FOR_TRASH_LIMITS, SignedInRequest, is_htmx, require_role
from dashboard.views.answers import (
    address_of,
    answer_job,
    missing_is_404,
    render_page,
)
from dashboard.views.asking import answer_sent, render_form, sent
from dashboard.views.filing import file_job
from dashboard.views.lists import hosts_about, offline
from dashboard.views.picked import by_host, say
from engine.errors import EngineError, InvalidInput

if TYPE_CHECKING:
    from uuid import UUID

    from dashboard.models import Host, Job

PATIENCE_SECONDS = 5.0
# As many as a host tells at once.
SHOWN = 100
MOST_DIGITS = 7


@dataclass(frozen=True, slots=True)
class HostTrash:
    """What lies in the trash of a host, or why nobody knows."""

    host: Host
    items: tuple[dict[str, Any], ...] = ()
    first: int = 0
    count: int = 0
    bytes: int = 0
    until: str = ""
    error: str = ""

    @property
    def last(self) -> int:
        """How many there are up to the last one that is shown."""
        return self.first + len(self.items)

    @property
    def before(self) -> int:
        """From which on the page before this one begins."""
        return max(self.first - SHOWN, 0)


@require_safe
@require_role(Role.VIEWER)
def trash(request: SignedInRequest) -> HttpResponse:
    """Show what lies in the trash of each host, until when, and what comes free by it."""
    host = request.GET.get("host", "")
    hosts = hosts_about(host)
    # Only the trash of one host is turned over, or the pages of others would turn with it.
    context = {
        "host": host,
        "trashes": _look(hosts, first=_first_in(request) if host else 0),
        "offline": offline(hosts),
        "may_limit": request.user.has_role(ROLE_FOR_TRASH_LIMITS),
    }
    return render_page(request, "trash/list", context)


@require_POST
@require_role(Role.OPERATOR)
def trash_restore(request: SignedInRequest) -> HttpResponse:
    """Have what is ticked brought back, by one job per host."""
    try:
        jobs = [
            file_job(request, JobName.RESTORE_FROM_TRASH, host, {"ids": ids})
            for host, ids in by_host(request.POST.getlist("ids")).items()
        ]
    except EngineError as error:
        return say(request, words_of(error), to="trash", is_bad=True)
    if len(jobs) == 1:
        return answer_job(request, jobs[0])
    return say(request, f"Restore on {len(jobs)} hosts: on its way", to="trash")


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.OPERATOR)
@missing_is_404
def trash_restore_as(request: SignedInRequest, host: str, item: str) -> HttpResponse:
    """Ask for other names, and have one thing brought back under these."""
    known = _host(host)
    names = "\n".join(request.GET.getlist("name"))
    form = RestoreAsForm(sent(request), initial={"names": names})

    def file() -> Job:
        told = {"ids": [item], "names": form.cleaned_data["names"]}
        return file_job(request, JobName.RESTORE_FROM_TRASH, known.name, told)

    return answer_sent(request, form, file) or render_form(
        request,
        "dashboard/trash/_restore_as.html",
        form,
        {"host": known, "item": item},
        title="Restore under another name",
    )


@require_POST
@require_role(Role.OPERATOR)
def trash_empty(request: SignedInRequest) -> HttpResponse:
    """
    Ask for the host's name, and have deleted for good what is ticked, or all that lay there.

    All is what had come by the time that the page said, not what turns up meanwhile.
    """
    until = request.POST.get("until", "")
    try:
        ((host, ids),) = (_all_in(request, until) if until else _ticked_in(request)).items()
    except EngineError as error:
        return say(request, words_of(error), to="trash", is_bad=True)
    except ValueError:
        return say(request, "Empty one host at a time.", to="trash", is_bad=True)
    form = ForGoodForm(request.POST if "confirm" in request.POST else None, hosts=(host,))

    def file() -> Job:
        return file_job(request, JobName.EMPTY_TRASH, host, {"ids": ids})

    return answer_sent(request, form, file) or render_form(
        request,
        "dashboard/trash/_empty.html",
        form,
        {"host": host, "ids": [] if until else ids, "until": until, "count": len(ids)},
        title="Delete for good",
    )


@require_POST
@require_role(Role.OPERATOR)
@missing_is_404
def trash_undo(request: SignedInRequest, job_id: UUID) -> HttpResponse:
    """Have everything brought back that a job moved to the trash."""
    job = selectors.job_detail(job_id)
    ids = (job.outcome or {}).get("trashed") or []
    try:
        undo = file_job(request, JobName.RESTORE_FROM_TRASH, job.host_id, {"ids": ids})
    except InvalidInput as error:
        return say(request, words_of(error), to="trash", is_bad=True)
    return answer_job(request, undo)


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(ROLE_FOR_TRASH_LIMITS)
@missing_is_404
def trash_limits(request: SignedInRequest, host: str) -> HttpResponse:
    """Ask how much stays in the trash of a host and how long, and have it so."""
    known = _host(host)
    form = TrashLimitsForm(sent(request), initial=typed_trash_limits(known))
    if form.is_bound and form.is_valid():
        told = {**form.cleaned_data, "max_bytes": form.cleaned_data["max_bytes"] or 0}
        services.limit_trash(known, user=request.user, address=address_of(request), **told)
        return _back(request, f"The trash of {known.name} is kept so from now on.")
    return render_form(
        request,
        "dashboard/trash/_limits.html",
        form,
        {"host": known},
        title=f"Trash of {known.name}",
    )


def _back(request: SignedInRequest, text: str) -> HttpResponse:
    messages.success(request, text)
    if is_htmx(request):
        return HttpResponse(status=204, headers={"HX-Redirect": reverse("trash")})
    return redirect("trash")


def _host(name: str) -> Host:
    for host in selectors.hosts():
        if host.name == name:
            return host
    raise HostNotFound(name)


def _ticked_in(request: SignedInRequest) -> dict[str, list[str]]:
    return by_host(request.POST.getlist("ids"))


def _all_in(request: SignedInRequest, until: str) -> dict[str, list[str]]:
    """Return by its host all that lay in a trash at *until*."""
    host = _host(request.POST.get("host", "")).name
    told = {"until": until}
    return {host: ask(host, Question.TRASH_LIST, told, patience=PATIENCE_SECONDS)["ids"]}


def _first_in(request: SignedInRequest) -> int:
    """Return how many things a URL passes over."""
    text = request.GET.get("first", "")
    return int(text) if text.isdecimal() and len(text) < MOST_DIGITS else 0


def _look(hosts: tuple[Host, ...], *, first: int) -> list[HostTrash]:
    """Return the trash of each of *hosts* that is online."""
    online = [host for host in hosts if host.is_online]
    told = {"first": first}
    try:
        answers = ask_all(
            Question.TRASH_LIST, {host.name: told for host in online}, patience=PATIENCE_SECONDS
        )
    except EngineError as error:
        answers = dict.fromkeys((host.name for host in online), error)
    return [_trash_of(host, answers[host.name]) for host in online]


def _trash_of(host: Host, answer: Any) -> HostTrash:
    if isinstance(answer, EngineError):
        return HostTrash(host, error=words_of(answer))
    items = tuple(_item(host, each) for each in answer["items"])
    told = {name: answer[name] for name in ("first", "count", "bytes", "until")}
    return HostTrash(host, items, **told)


def _item(host: Host, told: dict[str, Any]) -> dict[str, Any]:
    at = parse_datetime(told["at"])
    until = at + timedelta(days=host.trash_days) if at else None
    again = reverse("trash_restore_as", args=(host.name, told["id"]))
    query = urlencode([("name", each) for each in told["names"]])
    whole = told["id"].rpartition(":")[2]
    is_container = told["kind"] == "container"
    return {
        **told,
        "page": reverse("container_detail", args=(host.name, whole)) if is_container else "",
        "at": at,
        "until": until,
        "value": f"{host.name}/{told['id']}",
        "short": whole[:12],
        "again": f"{again}?{query}",
    }
