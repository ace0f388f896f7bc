"""What the pages of clean-ups ask of hosts, and what of the answers they have in common."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from dashboard.agents import Question, ask_all
from dashboard.cleanups import (
    CleanupFilter,
)
from dashboard.forms import words_of
from dashboard.views.lists import (
    hosts_about,
)
from dashboard.views.picked import by_host
from engine.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dashboard.permissions import SignedInRequest


PATIENCE_SECONDS = 8.0
# The filters that stay in the address.
KEPT = ("host", "q", "older", "unused", "label", "owner", "larger", "keep")


def selection_of(request: SignedInRequest) -> dict[str, dict[str, Any]]:
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


def ask_each(question: Question, told: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return what each host answers to what it is *told*, or why it does not."""
    try:
        return ask_all(question, told, patience=PATIENCE_SECONDS)
    except EngineError as error:
        return dict.fromkeys(told, error)


def silent_of(answers: Mapping[str, Any]) -> dict[str, str]:
    """Return the hosts that did not answer, and why."""
    return {host: words_of(each) for host, each in answers.items() if isinstance(each, EngineError)}


def together(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    """Return how many of each there are over hosts."""
    return sum(map(Counter, counts), Counter())
