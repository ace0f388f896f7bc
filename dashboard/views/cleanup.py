"""What builds up on the team's hosts, plans of what is chosen of it, and carrying these out."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from dashboard import selectors
from dashboard.agents import Question, ask, ask_all
from dashboard.cleanups import (
    SAFE,
    CleanupFilter,
    absent_of,
    kind_in,
    sections_of,
    untagged_in,
)
from dashboard.errors import AnswerRefused, JobNotFound
from dashboard.forms import words_of
from dashboard.forms.trash import ForGoodForm
from dashboard.jobs import JobName
from dashboard.models import Job, Role
from dashboard.permissions import SignedInRequest, is_htmx, may_take, require_role, whose
from dashboard.things import counted_kinds
from dashboard.views.answers import REFUSED, render_page, render_question
from dashboard.views.filing import file_job
from dashboard.views.lists import (
    chips_of,
    hosts_about,
    kept_filters,
    mine_chip,
    offline,
    other_chips,
)
from dashboard.views.picked import by_host, say
from engine.errors import EngineError, ImageNotFound, PlanExpired

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dashboard.models import User

JOBS_SHOWN = 20
# Of each kind, over all hosts; of one kind that is looked at alone.
ROWS, ROWS_OF_ONE = 30, 200
PATIENCE_SECONDS = 8.0
COPY_PATIENCE_SECONDS = 20.0
# The filters that stay in the address.
KEPT = ("host", "q", "older", "unused", "label", "owner", "larger", "keep")
# What does not come back, and is not made again by itself.
DATA = frozenset({"volume", "log"})
OLDER = (
    ("", "Any age", None),
    ("1d", "Older than a day", None),
    ("7d", "A week", None),
    ("30d", "30 days", None),
)
OTHERS = {
    "owner": "Owner",
    "unused": "Not used for",
    "label": "Label",
    "larger": "Larger than",
    "keep": "Keep newest",
}


@require_safe
@require_role(Role.VIEWER)
def cleanup(request: SignedInRequest) -> HttpResponse:
    """Show what builds up, whose it is, what would come free, and what was just asked for."""
    chosen = CleanupFilter.parse(request.GET.dict())
    hosts = hosts_about(chosen.host)
    name, kind = request.user.username, kind_in(request.GET.dict())
    most = ROWS_OF_ONE if kind else ROWS
    told = {
        "filters": chosen.to_question(),
        "safe": SAFE,
        "owner": name,
        "only": kind,
        "rows": most,
    }
    answers = _ask_all(Question.CLEANUP_FIND, {each.name: told for each in hosts if each.is_online})
    known = {host: each for host, each in answers.items() if not isinstance(each, EngineError)}
    stories = selectors.image_stories(untagged_in(known))
    sections = sections_of(known, stories, partial(_others, request.user), most=most)
    context = {
        "host": chosen.host,
        "chosen": chosen,
        "kept": kept_filters(request),
        "chips": [
            *chips_of(request, "older", OLDER),
            mine_chip(request, "owner", name),
            *other_chips(request, _labels(request)),
        ],
        "sections": sections,
        "kind": kind,
        "others_url": f"{reverse('cleanup')}?{_query(request)}",
        "absent": absent_of(sections),
        "safe_rules": SAFE,
        "safe_words": counted_kinds(_together(each["safe"]["kinds"] for each in known.values())),
        "safe_count": _together(each["safe"]["kinds"] for each in known.values()).total(),
        "safe_bytes": sum(each["safe"]["bytes"] for each in known.values()),
        "silent": _silent(answers),
        "has_answers": bool(known),
        "jobs": _jobs_in(request.GET.get("asked", "")),
        "offline": offline(hosts),
    }
    return render_page(request, "cleanup/cleanup", context)


@require_POST
@require_role(Role.OPERATOR)
def cleanup_weigh(request: SignedInRequest) -> HttpResponse:
    """Say what exactly comes free by what is ticked, and what of it stays and why."""
    try:
        answers = _ask_all(Question.CLEANUP_WEIGH, _selection(request))
    except EngineError:
        return render(request, "dashboard/cleanup/_weighed.html", {})
    known = [each for each in answers.values() if not isinstance(each, EngineError)]
    context = {
        "count": sum(each["count"] for each in known),
        "words": counted_kinds(_together(each["kinds"] for each in known)),
        "bytes": sum(each["bytes"] for each in known),
        "stays": [kept for each in known for kept in each["kept"]],
        "silent": _silent(answers),
    }
    return render(request, "dashboard/cleanup/_weighed.html", context)


@require_POST
@require_role(Role.OPERATOR)
def cleanup_plan(request: SignedInRequest) -> HttpResponse:
    """Show sealed plans of what is ticked, one per host, and ask whether to carry them out."""
    try:
        told = _selection(request)
    except EngineError as error:
        return say(request, words_of(error), to="cleanup", is_bad=True)
    return _show_plans(request, _ask_all(Question.CLEANUP_PLAN, told))


@require_POST
@require_role(Role.OPERATOR)
def cleanup_run(request: SignedInRequest) -> HttpResponse:
    """Have exactly the plans carried out that were shown, by one job per host."""
    try:
        plans = {host: ids[0] for host, ids in by_host(request.POST.getlist("plan")).items()}
    except EngineError as error:
        return say(request, words_of(error), to="cleanup", is_bad=True)
    answers = _ask_all(
        Question.CLEANUP_PLAN, {host: {"plan_id": each} for host, each in plans.items()}
    )
    if expired := [host for host, each in answers.items() if _has_expired(each)]:
        again = {host: {"again": plans[host], "owner": request.user.username} for host in expired}
        anew = answers | _ask_all(Question.CLEANUP_PLAN, again)
        return _show_plans(request, anew, is_anew=True)
    sheet = Sheet.of(answers, is_for_good="for_good" in request.POST)
    form = ForGoodForm(request.POST, hosts=tuple(plans))
    if sheet.errors or not sheet.plans or (sheet.needs_name and not form.is_valid()):
        return _show_plans(request, answers, form=form if sheet.needs_name else None)
    try:
        jobs = [_run(request, host, plan, sheet) for host, plan in sheet.plans.items()]
    except EngineError as error:
        return say(request, words_of(error), to="cleanup", is_bad=True)
    return _go_back(request, jobs)


@never_cache
@require_safe
@require_role(Role.VIEWER)
def cleanup_copy(request: SignedInRequest, host: str, image_id: str) -> HttpResponse:
    """Say whether an image that would go can be pulled again."""
    try:
        image = selectors.image_detail(host, image_id).image
    except ImageNotFound:
        # It went while its row was still there, which is what the page is for.
        return render(request, "dashboard/cleanup/_copy.html", {"is_gone": True})
    told: dict[str, Any] = {"image_id": image.image_id}
    registries = {each.partition("/")[0] for each in image.repo_digests}
    for each in selectors.credentials():
        if registries == {each.registry}:
            told |= {"credentials_id": each.pk, "registry": each.registry}
    context: dict[str, Any] = {"image": image, "others": selectors.other_hosts_with(image)}
    try:
        context["copy"] = ask(host, Question.CLEANUP_COPY, told, patience=COPY_PATIENCE_SECONDS)
    except EngineError as error:
        context["error"] = words_of(error)
    return render(request, "dashboard/cleanup/_copy.html", context)


@require_POST
@require_role(Role.OPERATOR)
def cleanup_volumes(request: SignedInRequest) -> HttpResponse:
    """Have exactly the ticked volumes moved to the trash, by one job per host."""
    return _remove_ticked(request, JobName.TRASH_VOLUMES, to="volumes")


@require_POST
@require_role(Role.OPERATOR)
def cleanup_networks(request: SignedInRequest) -> HttpResponse:
    """Have exactly the ticked networks removed, by one job per host."""
    return _remove_ticked(request, JobName.CLEAN_UP_NETWORKS, to="networks")


@dataclass(frozen=True, slots=True)
class Sheet:
    """The plans that are shown at once, by host, and what they come to together."""

    plans: dict[str, dict[str, Any]]
    errors: dict[str, str]
    is_for_good: bool = False

    @classmethod
    def of(cls, answers: Mapping[str, Any], *, is_for_good: bool = False) -> Sheet:
        """Return the sheet of what hosts answered."""
        plans = {h: each for h, each in answers.items() if not isinstance(each, EngineError)}
        return cls(
            {host: each for host, each in plans.items() if each["count"]},
            _silent(answers),
            is_for_good,
        )

    @property
    def kinds(self) -> Counter[str]:
        """How many things of each kind go."""
        return _together(each["kinds"] for each in self.plans.values())

    @property
    def trash_kinds(self) -> Counter[str]:
        """How many of each kind can go into the trash."""
        return _together(each["trash_kinds"] for each in self.plans.values())

    @property
    def lost_kinds(self) -> Counter[str]:
        """How many of each kind go for good although the rest goes into the trash."""
        return _together(map(lost_kinds, self.plans.values()))

    @property
    def loses_data(self) -> bool:
        """Whether data goes for good although the rest goes into the trash."""
        return bool(DATA & self.lost_kinds.keys())

    @property
    def needs_name(self) -> bool:
        """Whether somebody has to type the names of the hosts."""
        return self.is_for_good or self.loses_data

    @property
    def bytes(self) -> int:
        """What comes free in the end."""
        return sum(each["bytes"] for each in self.plans.values())

    @property
    def bytes_at_once(self) -> int:
        """What comes free at once although the rest goes into the trash."""
        return sum(each["bytes_at_once"] for each in self.plans.values())

    @property
    def action(self) -> str:
        """What happens, in words."""
        if not self.trash_kinds:
            return f"Remove {counted_kinds(self.kinds)}"
        moved = f"Move {counted_kinds(self.trash_kinds)} to trash"
        return f"{moved}, remove {counted_kinds(self.lost_kinds)}" if self.lost_kinds else moved


def lost_kinds(plan: Mapping[str, Any]) -> Counter[str]:
    """Return how many of each kind *plan* takes that no trash can hold."""
    return Counter(plan["kinds"]) - Counter(plan["trash_kinds"])


def _together(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    """Return how many of each there are over hosts."""
    return sum(map(Counter, counts), Counter())


def _selection(request: SignedInRequest) -> dict[str, dict[str, Any]]:
    """Return what each host is to choose: things that are ticked, and rules for all that match."""
    chosen = CleanupFilter.parse(request.POST.dict())
    rules, ticked = request.POST.getlist("rules"), request.POST.getlist("ids")
    ids = by_host(ticked) if ticked or not rules else {}
    hosts = [each.name for each in hosts_about(chosen.host) if each.is_online]
    about = set(hosts) if rules else set(ids)
    return {
        host: {
            "ids": ids.get(host, []),
            "rules": rules,
            "filters": chosen.to_question(),
            "owner": request.user.username,
        }
        for host in sorted(about | set(ids))
    }


def _show_plans(
    request: SignedInRequest,
    answers: Mapping[str, Any],
    *,
    form: ForGoodForm | None = None,
    is_anew: bool = False,
) -> HttpResponse:
    sheet = Sheet.of(answers, is_for_good="for_good" in request.POST)
    days = {host.name: host.trash_days for host in selectors.hosts()}
    context = {
        "sheet": sheet,
        "is_anew": is_anew,
        "others": _others_things(sheet, request.user.username),
        "form": form or ForGoodForm(hosts=tuple(sheet.plans)),
        "kept": {key: request.POST[key] for key in KEPT if request.POST.get(key)},
        "plans": [_told(host, each, days) for host, each in sheet.plans.items()],
        "nothing": [
            kept
            for each in answers.values()
            if not isinstance(each, EngineError) and not each["count"]
            for kept in each["kept"]
        ],
    }
    status = REFUSED if form is not None or is_anew else 200
    return render_question(
        request, "dashboard/cleanup/_plan.html", context, title="Clean up", status=status
    )


def _has_expired(answer: Any) -> bool:
    return isinstance(answer, AnswerRefused) and answer.told_code == PlanExpired.code


def _told(host: str, plan: dict[str, Any], days: Mapping[str, int]) -> dict[str, Any]:
    """Return *plan* with what a sheet says of it besides."""
    lost = lost_kinds(plan)
    return {
        **plan,
        "host": host,
        "words": counted_kinds(plan["kinds"]),
        "later": plan["bytes"] - plan["bytes_at_once"],
        "lost_kinds": lost,
        "lost": counted_kinds(lost),
        "days": days.get(host, 0),
    }


def _others_things(sheet: Sheet, name: str) -> dict[str, int]:
    """Return how many of the things are whose, other than *name*'s and nobody's."""
    owners = _together(each["owners"] for each in sheet.plans.values())
    return {each: owners[each] for each in sorted(owners.keys() - {"", name})}


def _run(request: SignedInRequest, host: str, plan: dict[str, Any], sheet: Sheet) -> Job:
    # Whoever sends the same sheet twice gets the same job, also when it has ended.
    known = Job.objects.filter(
        name=JobName.RUN_CLEAN_UP,
        host_id=host,
        object_id=plan["plan_id"],
        requested_by=request.user,
    ).exclude(state__in=("failed", "cancelled"))
    if found := known.select_related("host").first():
        return found
    told = {
        "plan_id": plan["plan_id"],
        "into_trash": not sheet.is_for_good and bool(plan["trash_kinds"]),
        "about": counted_kinds(plan["kinds"])[:200],
    }
    return file_job(request, JobName.RUN_CLEAN_UP, host, told)


def _go_back(request: SignedInRequest, jobs: list[Job]) -> HttpResponse:
    # The address names the jobs, so that loading the page again shows them again and asks nothing.
    query = {key: request.POST[key] for key in KEPT if request.POST.get(key)}
    query["asked"] = ",".join(str(job.pk) for job in jobs)
    url = f"{reverse('cleanup')}?{urlencode(query)}"
    if not is_htmx(request):
        return redirect(url)
    place = {"path": url, "target": "#page", "swap": "outerHTML"}
    headers = {"HX-Location": json.dumps(place), "HX-Trigger": json.dumps({"close-dialog": True})}
    return HttpResponse(status=204, headers=headers)


def _query(request: SignedInRequest, **more: str) -> str:
    """Return the filters in the address, and *more*."""
    kept = {key: request.GET[key] for key in KEPT if request.GET.get(key)}
    return urlencode({**kept, **more})


def _ask_all(question: Question, told: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    try:
        return ask_all(question, told, patience=PATIENCE_SECONDS)
    except EngineError as error:
        return dict.fromkeys(told, error)


def _silent(answers: Mapping[str, Any]) -> dict[str, str]:
    """Return the hosts that did not answer, and why."""
    return {host: words_of(each) for host, each in answers.items() if isinstance(each, EngineError)}


def _others(user: User, owner: str) -> str:
    """Return why *user* may not take what is *owner*'s, empty where they may."""
    return "" if may_take(user, owner) else whose(owner)


def _labels(request: SignedInRequest) -> dict[str, str]:
    """Return the filters that need a chip of their own; one for one's own things is there."""
    is_mine = request.GET.get("owner") == request.user.username
    return {key: label for key, label in OTHERS.items() if not (is_mine and key == "owner")}


def _jobs_in(text: str) -> list[Job]:
    jobs = []
    for word in text.split(",")[:JOBS_SHOWN]:
        with suppress(ValueError, JobNotFound):
            jobs.append(selectors.job_detail(UUID(word)))
    return jobs


def _remove_ticked(request: SignedInRequest, name: JobName, *, to: str) -> HttpResponse:
    try:
        jobs = [
            file_job(request, name, host, {"ids": ids})
            for host, ids in by_host(request.POST.getlist("ids")).items()
        ]
    except EngineError as error:
        messages.error(request, words_of(error))
        return redirect(to)
    return redirect(jobs[0]) if len(jobs) == 1 else redirect("jobs")
