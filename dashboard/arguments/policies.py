"""What a clean-up policy says: its terms, its schedule, and what the job of one run is told."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self

from celery.schedules import ParseException, crontab
from django.utils import timezone

from dashboard.arguments.fields import counted, flag_of, number_of, only, text_of
from dashboard.arguments.kinds import Arguments
from dashboard.arguments.rules import DAY, HOUR, CleanupRule, parse_rules
from engine.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashboard.models import CleanupPolicy

CRON_FIELDS = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
MOST_TIMES_AN_HOUR = 4
MOST_HOURS = 8760
MOST_ITEMS = 10_000
LIMITS = ("most_items", "most_bytes", "high_watermark", "low_watermark")


@dataclass(frozen=True, slots=True)
class PolicyTerms:
    """
    What a policy takes and how much of it in one run; 0 is no limit.

    Watermarks are per cent of the disk. Above 0, a run begins when the disk is fuller than
    *high_watermark* and ends below *low_watermark*.
    """

    name: str
    rules: tuple[CleanupRule, ...]
    most_items: int = 0
    most_bytes: int = 0
    high_watermark: int = 0
    low_watermark: int = 0

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the terms that *data* spells; raise `InvalidSetting` naming the field."""
        only(data, "name", "rules", *LIMITS)
        terms = cls(
            text_of(data, "name", limit=64),
            parse_rules(data.get("rules")),
            number_of(data, "most_items", at_least=0, at_most=MOST_ITEMS) or 0,
            number_of(data, "most_bytes", at_least=0) or 0,
            number_of(data, "high_watermark", at_least=0, at_most=99) or 0,
            number_of(data, "low_watermark", at_least=0, at_most=99) or 0,
        )
        if terms.low_watermark > terms.high_watermark:
            flaw = "it is above the mark at which a run begins"
            raise InvalidSetting("low_watermark", flaw)
        return terms

    @classmethod
    def of(cls, policy: CleanupPolicy) -> Self:
        """Return the terms of a policy as it is stored."""
        names = ("name", "rules", *LIMITS)
        return cls.parse({name: getattr(policy, name) for name in names})

    def to_json(self) -> dict[str, Any]:
        """Return what `parse` reads."""
        return {**asdict(self), "rules": [rule.to_json() for rule in self.rules]}


@dataclass(frozen=True, slots=True)
class PolicySchedule:
    """When a policy runs: every so many hours, or at the times of a crontab line, in UTC."""

    every_hours: int = 0
    crontab: str = ""

    @classmethod
    def parse(cls, *, every_hours: int | None, crontab: str) -> Self:
        """Return the schedule; raise `InvalidSetting` where it is none, both, or never."""
        text = " ".join(crontab.split())
        if bool(every_hours) == bool(text):
            raise InvalidSetting("every_hours", "write either hours or a crontab line")
        if text:
            _check_crontab(text)
            return cls(crontab=text)
        told = {"every_hours": every_hours}
        return cls(number_of(told, "every_hours", at_least=1, at_most=MOST_HOURS) or 0)

    @classmethod
    def of(cls, policy: CleanupPolicy) -> Self:
        """Return the schedule of a policy as it is stored."""
        return cls(policy.every_hours, policy.crontab)

    @property
    def period_hours(self) -> int:
        """How long it is about from one run to the next; a crontab line counts as daily."""
        return self.every_hours or DAY // HOUR

    @property
    def words(self) -> str:
        """When it runs, in words."""
        if self.crontab:
            return f"At {self.crontab} (UTC)"
        if self.every_hours * HOUR % DAY == 0:
            days = self.every_hours * HOUR // DAY
            return "Every day" if days == 1 else f"Every {counted(days, 'day')}"
        return "Every hour" if self.every_hours == 1 else f"Every {self.every_hours} hours"


def cron_fields(text: str) -> dict[str, str]:
    """Return the five fields of a crontab line by name."""
    return dict(zip(CRON_FIELDS, text.split(), strict=True))


def _check_crontab(text: str) -> None:
    remedy = "Write minute, hour, day of month, month and day of week: 0 3 * * *"
    try:
        schedule: Any = crontab(**cron_fields(text))
        # A day that no month has would be waited for forever.
        schedule.remaining_estimate(timezone.now() - timedelta(days=1))
    except (ParseException, ValueError, RuntimeError, KeyError) as error:
        raise InvalidSetting("crontab", "it is no crontab line", remedy=remedy) from error
    if len(schedule.minute) > MOST_TIMES_AN_HOUR:
        flaw = f"a policy runs at most {MOST_TIMES_AN_HOUR} times an hour"
        raise InvalidSetting("crontab", flaw, remedy="Name the minutes: 0,30 * * * *")


@dataclass(frozen=True, slots=True)
class CleanUpByPolicy(Arguments):
    """Do what the policy *policy_id* says; *scheduled* where no person asked at that moment."""

    policy_id: int
    name: str
    scheduled: bool = False
    object_kind: ClassVar[str] = "policy"

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return the run that *data* spells."""
        only(data, "policy_id", "name", "scheduled")
        policy_id = number_of(data, "policy_id", at_least=1)
        if policy_id is None:
            raise InvalidSetting("policy_id", "it is missing")
        return cls(policy_id, text_of(data, "name", limit=64), flag_of(data, "scheduled"))

    @property
    def subject(self) -> str:
        """The policy's ID."""
        return str(self.policy_id)

    @property
    def title(self) -> str:
        """The policy's name."""
        return f"Clean up by policy {self.name}"
