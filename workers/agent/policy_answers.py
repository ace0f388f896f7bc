"""What this host's engine answers about clean-up policies."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from dashboard.agents import Question
from dashboard.arguments import PolicyTerms
from engine.errors import InvalidInput
from workers.policies import engine_policy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.cleanup.policy import Departure
    from engine.engine import Engine
    from workers.agent.questions import Answer

MOST_DEPARTURES = 500
# Each moment looks at everything there is, so an hourly policy is looked at less often.
MOST_MOMENTS = 120
LONGEST_DAYS = 365


class PolicyAnswers:
    """Answers over *engine*."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def answers(self) -> Mapping[str, Answer]:
        """Return who answers each question."""
        return {Question.REHEARSE.value: self.rehearse}

    def rehearse(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a policy would have done lately; what would have been missed comes first."""
        over = timedelta(days=_number(told, "days", LONGEST_DAYS))
        every = timedelta(hours=_number(told, "every_hours", LONGEST_DAYS * 24))
        every = max(every, timedelta(hours=-(-over // timedelta(hours=MOST_MOMENTS))))
        policy = engine_policy(PolicyTerms.parse(told.get("terms") or {}))
        found = self._engine.cleanup.rehearse(policy, over=over, every=every).departures
        images = sum(each.id.startswith("sha256:") for each in found)
        shown = sorted(found, key=lambda each: (each.missed_at is None, each.at))
        return {
            "departures": [_told(each) for each in shown[:MOST_DEPARTURES]],
            "images": images,
            "containers": len(found) - images,
            "missed": sum(each.missed_at is not None for each in found),
            "every_hours": every // timedelta(hours=1),
        }


def _told(each: Departure) -> list[Any]:
    missed = each.missed_at.isoformat() if each.missed_at else None
    return [each.id, each.name, each.at.isoformat(), each.reason, each.size, missed]


def _number(told: Mapping[str, Any], name: str, most: int) -> int:
    value = told.get(name)
    if not isinstance(value, int) or not 1 <= value <= most:
        raise InvalidInput(f"The question does not say {name} as a number up to {most}", field=name)
    return value
