"""What builds up on the team's hosts, and what would come free by which choice."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from dashboard import selectors
from dashboard.agents import Question, ask
from dashboard.cleanups import (
    SAFE,
    CleanupFilter,
    absent_of,
    kind_in,
    sections_of,
    untagged_in,
)
from dashboard.errors import JobNotFound
from dashboard.forms import words_of
from dashboard.jobs import JobName
from dashboard.models import Job, Role
from dashboard.permissions import SignedInRequest, may_take, require_role, whose
from dashboard.things import counted_kinds
from dashboard.views.answers import render_page
from dashboard.views.cleanup_asking import KEPT, ask_each, selection_of, silent_of, together
from dashboard.views.filing import file_job
from dashboard.views.lists import (
    chips_of,
    hosts_about,
    kept_filters,
    mine_chip,
    offline,
    other_chips,
)
from dashboard.views.picked import by_host
from engine.errors import EngineError, ImageNotFound

if TYPE_CHECKING:
    from django.http import HttpResponse

    from dashboard.models import User

JOBS_SHOWN = 20
# Of each kind, over all hosts; of one kind that is looked at alone.
ROWS, ROWS_OF_ONE = 30, 200
COPY_PATIENCE_SECONDS = 20.0
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
    answers = ask_each(Question.CLEANUP_FIND, {each.name: told for each in hosts if each.is_online})
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
        "safe_words": counted_kinds(together(each["safe"]["kinds"] for each in known.values())),
        "safe_count": together(each["safe"]["kinds"] for each in known.values()).total(),
        "safe_bytes": sum(each["safe"]["bytes"] for each in known.values()),
        "silent": silent_of(answers),
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
        answers = ask_each(Question.CLEANUP_WEIGH, selection_of(request))
    except EngineError:
        return render(request, "dashboard/cleanup/_weighed.html", {})
    known = [each for each in answers.values() if not isinstance(each, EngineError)]
    context = {
        "count": sum(each["count"] for each in known),
        "words": counted_kinds(together(each["kinds"] for each in known)),
        "bytes": sum(each["bytes"] for each in known),
        "stays": [kept for each in known for kept in each["kept"]],
        "silent": silent_of(answers),
    }
    return render(request, "dashboard/cleanup/_weighed.html", context)


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


def _query(request: SignedInRequest, **more: str) -> str:
    """Return the filters in the address, and *more*."""
    kept = {key: request.GET[key] for key in KEPT if request.GET.get(key)}
    return urlencode({**kept, **more})


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
