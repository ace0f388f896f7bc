"""Plans of what was chosen: shown on one sheet, and carried out as they were shown."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from dashboard import selectors
from dashboard.agents import Question
from dashboard.errors import AnswerRefused
from dashboard.forms import words_of
from dashboard.forms.trash import ForGoodForm
from dashboard.jobs import JobName
from dashboard.models import Job, Role
from dashboard.permissions import SignedInRequest, is_htmx, require_role
from dashboard.things import counted_kinds
from dashboard.views.answers import REFUSED, render_question
from dashboard.views.cleanup_asking import KEPT, ask_each, selection_of, silent_of, together
from dashboard.views.filing import file_job
from dashboard.views.picked import by_host, say
from engine.errors import EngineError, PlanExpired

if TYPE_CHECKING:
    from collections.abc import Mapping


# What does not come back, and is not made again by itself.
DATA = frozenset({"volume", "log"})


@require_POST
@require_role(Role.OPERATOR)
def cleanup_plan(request: SignedInRequest) -> HttpResponse:
    """Show sealed plans of what is ticked, one per host, and ask whether to carry them out."""
    try:
        told = selection_of(request)
    except EngineError as error:
        return say(request, words_of(error), to="cleanup", is_bad=True)
    return _show_plans(request, ask_each(Question.CLEANUP_PLAN, told))


@require_POST
@require_role(Role.OPERATOR)
def cleanup_run(request: SignedInRequest) -> HttpResponse:
    """Have exactly the plans carried out that were shown, by one job per host."""
    try:
        plans = {host: ids[0] for host, ids in by_host(request.POST.getlist("plan")).items()}
    except EngineError as error:
        return say(request, words_of(error), to="cleanup", is_bad=True)
    answers = ask_each(
        Question.CLEANUP_PLAN, {host: {"plan_id": each} for host, each in plans.items()}
    )
    if expired := [host for host, each in answers.items() if _has_expired(each)]:
        again = {host: {"again": plans[host], "owner": request.user.username} for host in expired}
        anew = answers | ask_each(Question.CLEANUP_PLAN, again)
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
            silent_of(answers),
            is_for_good,
        )

    @property
    def kinds(self) -> Counter[str]:
        """How many things of each kind go."""
        return together(each["kinds"] for each in self.plans.values())

    @property
    def trash_kinds(self) -> Counter[str]:
        """How many of each kind can go into the trash."""
        return together(each["trash_kinds"] for each in self.plans.values())

    @property
    def lost_kinds(self) -> Counter[str]:
        """How many of each kind go for good although the rest goes into the trash."""
        return together(map(lost_kinds, self.plans.values()))

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
    owners = together(each["owners"] for each in sheet.plans.values())
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
