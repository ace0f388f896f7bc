"""Clean-up policies: the list, one of them, making, changing, switching, running, forgetting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard import selectors, services
from dashboard.agents import Question, ask_all
from dashboard.errors import NameOfAnotherPolicy
from dashboard.forms import words_of
from dashboard.forms.policies import PolicyForm
from dashboard.forms.refusals import show_refusal
from dashboard.permissions import ROLE_FOR_POLICIES, ROLE_TO_SEE, SignedInRequest, require_role
from dashboard.views.answers import (
    REFUSED,
    address_of,
    missing_is_404,
    render_page,
    render_question,
)
from dashboard.views.rehearsals import RECORDED, HostRehearsal
from engine.errors import EngineError, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashboard.models import CleanupPolicy

SPANS = (7, 30, 90)
REHEARSE_SECONDS = 30.0


@require_safe
@require_role(ROLE_TO_SEE)
def policies(request: SignedInRequest) -> HttpResponse:
    """List the policies."""
    return render_page(request, "policies/list", {"policies": selectors.policies()})


@require_safe
@require_role(ROLE_TO_SEE)
@missing_is_404
def policy_detail(request: SignedInRequest, policy_id: int) -> HttpResponse:
    """Show what a policy says and what its last runs did."""
    row = selectors.get_policy(policy_id)
    context = {"row": row, "policy": row.policy, "runs": selectors.policy_runs(row.policy)}
    return render_page(request, "policies/detail", context)


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(ROLE_FOR_POLICIES)
def policy_new(request: SignedInRequest) -> HttpResponse:
    """Ask what a policy is to say, and make it. It is off."""
    return _edit(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(ROLE_FOR_POLICIES)
@missing_is_404
def policy_edit(request: SignedInRequest, policy_id: int) -> HttpResponse:
    """Ask what a policy is to say from now on."""
    return _edit(request, selectors.get_policy(policy_id).policy)


@require_POST
@require_role(ROLE_FOR_POLICIES)
@missing_is_404
def policy_switch(request: SignedInRequest, policy_id: int) -> HttpResponse:
    """Switch a policy on, in the name of who asks, or off."""
    wanted = request.POST.get("to")
    if wanted not in {"on", "off"}:
        return HttpResponseBadRequest("on or off?")
    policy = selectors.get_policy(policy_id).policy
    is_on = wanted == "on"
    services.switch_policy(policy, on=is_on, user=request.user, address=address_of(request))
    words = "on, in your name" if is_on else "off"
    messages.success(request, f"{policy.name} is {words}.")
    return redirect(policy)


@require_POST
@require_role(ROLE_FOR_POLICIES)
@missing_is_404
def policy_run(request: SignedInRequest, policy_id: int) -> HttpResponse:
    """Do what a policy says, now, on each of its hosts."""
    policy = selectors.get_policy(policy_id).policy
    jobs = services.run_policy(policy, user=request.user, address=address_of(request))
    if not jobs:
        messages.error(request, "It has no host to run on.")
    return redirect(policy)


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(ROLE_FOR_POLICIES)
@missing_is_404
def policy_delete(request: SignedInRequest, policy_id: int) -> HttpResponse:
    """Ask whether a policy is to be forgotten, and forget it."""
    policy = selectors.get_policy(policy_id).policy
    if request.method != "POST":
        context = {"policy": policy}
        return render_question(
            request, "dashboard/policies/_delete.html", context, title=f"Delete {policy.name}?"
        )
    services.delete_policy(policy, user=request.user, address=address_of(request))
    messages.success(request, f"The policy {policy.name} is deleted. What its runs did stays.")
    return redirect("policies")


@require_safe
@require_role(ROLE_TO_SEE)
@missing_is_404
def policy_rehearsal(request: SignedInRequest, policy_id: int) -> HttpResponse:
    """Show what a policy would have done, had it been on; nothing is changed by that."""
    row = selectors.get_policy(policy_id)
    days = days_in(request.GET)
    told = {"terms": row.terms.to_json(), "days": days, "every_hours": row.schedule.period_hours}
    asked = {host.name: told for host in row.policy.reached if host.is_online}
    answers = ask_all(Question.REHEARSE, asked, patience=REHEARSE_SECONDS)
    context = {
        "row": row,
        "policy": row.policy,
        "days": days,
        "spans": SPANS,
        "rehearsals": [_rehearsed(host, answer) for host, answer in answers.items()],
        "unrecorded": [rule.kind.label for rule in row.terms.rules if rule.kind not in RECORDED],
    }
    return render_page(request, "policies/rehearsal", context)


def days_in(query: Mapping[str, str]) -> int:
    """Return over how many days a rehearsal goes, as its URL says."""
    text = query.get("days", "")
    return int(text) if text in {str(days) for days in SPANS} else SPANS[1]


def _rehearsed(host: str, answer: Any | EngineError) -> HostRehearsal:
    if isinstance(answer, EngineError):
        return HostRehearsal(host, error=words_of(answer))
    return HostRehearsal.parse(host, answer)


def _edit(request: SignedInRequest, policy: CleanupPolicy | None) -> HttpResponse:
    hosts = selectors.hosts()
    if request.method != "POST":
        return _show(request, PolicyForm(hosts=hosts, policy=policy), policy)
    form = PolicyForm(request.POST, hosts=hosts, policy=policy)
    if form.is_valid():
        try:
            saved = services.save_policy(
                form.wish(), policy=policy, user=request.user, address=address_of(request)
            )
        except (InvalidInput, NameOfAnotherPolicy) as error:
            show_refusal(form, error)
        else:
            return redirect(saved)
    return _show(request, form, policy, status=REFUSED)


def _show(
    request: SignedInRequest, form: PolicyForm, policy: CleanupPolicy | None, status: int = 200
) -> HttpResponse:
    context = {"form": form, "policy": policy}
    return render_page(request, "policies/edit", context, status=status)
