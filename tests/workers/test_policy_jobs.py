"""Runs of clean-up policies, over a real engine root: once, exactly, and not piled up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from dashboard import services
from dashboard.arguments import PolicySchedule, PolicyTerms, RuleKind, parse_arguments
from dashboard.errors import PolicyNotFound
from dashboard.jobs import JobName
from dashboard.models import CleanupPolicy, Job, Role, User
from dashboard.services import PolicyWish
from engine.cleanup.filters import Filters
from engine.cleanup.policy import Departure, Policy, Rehearsal
from engine.cleanup.rules import Rule
from engine.cleanup.rules import RuleKind as EngineRuleKind
from engine.engine import Engine
from engine.errors import InvalidInput, InvalidSetting
from engine.images.starter import STARTER
from engine.progress import NEVER, SILENT
from engine.system.paths import EnginePaths
from workers.agent.policy_answers import MOST_MOMENTS, PolicyAnswers
from workers.policies import engine_policy
from workers.tasks import policies
from workers.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DAY = timedelta(days=1)
UNUSED = {"kind": "unused-images"}
TERMS = PolicyTerms.parse({"name": "Nightly", "rules": [UNUSED]})


def make_policy(user: User, **changes: Any) -> CleanupPolicy:
    terms = PolicyTerms.parse({"name": "Nightly", "rules": [UNUSED], **changes})
    return services.save_policy(PolicyWish(terms, PolicySchedule(24)), user=user)


@pytest.fixture
def ada(db) -> User:
    return User.objects.create_user("ada", "", "secret", role=Role.ADMIN)


@pytest.fixture
def policy(ada) -> CleanupPolicy:
    return make_policy(ada)


def test_a_policy_of_the_dashboard_is_the_engines() -> None:
    terms = PolicyTerms.parse(
        {
            "name": "Nightly",
            "rules": [
                {
                    "kind": "unused-images",
                    "older_than": 3600,
                    "keep_newest": 2,
                    "names": ["a"],
                    "keep_names": ["b"],
                    "labels": ["c=d"],
                    "without_labels": ["e"],
                    "owners": ["f"],
                    "larger_than": 7,
                    "unused_for": 86_400,
                },
                {"kind": "old-logs"},
            ],
            "most_items": 5,
            "most_bytes": 6,
            "high_watermark": 90,
            "low_watermark": 75,
        }
    )

    assert engine_policy(terms) == Policy(
        "Nightly",
        (
            Rule(
                EngineRuleKind.UNUSED_IMAGES,
                Filters(
                    older_than=timedelta(hours=1),
                    unused_for=timedelta(days=1),
                    labels=("c=d",),
                    without_labels=("e",),
                    names=("a",),
                    keep_names=("b",),
                    owners=("f",),
                    larger_than=7,
                    keep_newest=2,
                ),
            ),
            Rule(EngineRuleKind.OLD_LOGS),
        ),
        most_items=5,
        most_bytes=6,
        high_watermark=0.9,
        low_watermark=0.75,
    )


@pytest.mark.parametrize("kind", list(RuleKind))
def test_every_rule_of_the_dashboard_can_be_carried_out(kind) -> None:
    terms = PolicyTerms.parse({"name": "x", "rules": [{"kind": kind.value}]})

    assert engine_policy(terms).rules == (Rule(EngineRuleKind(kind.value)),)


def test_beats_message_asks_for_the_runs_of_a_due_policy_once(policy, ada, host) -> None:
    services.switch_policy(policy, on=True, user=ada)
    CleanupPolicy.objects.update(last_due_at=timezone.now() - timedelta(days=3))

    for _ in range(2):
        policies.run_policy(policy_id=policy.pk)

    assert [job.host_id for job in Job.objects.all()] == [host.name]


def test_what_would_have_been_missed_is_told_first() -> None:
    at = datetime(2026, 10, 1, tzinfo=UTC)
    kept = Departure("c" * 64, "load", at, "had exited", 0, None)
    missed = Departure("sha256:" + "a" * 64, "web", at, "no tag names it", 7, at + 3 * DAY)
    asked: list[Any] = []

    def rehearse(policy: Policy, *, over: timedelta, every: timedelta) -> Rehearsal:
        asked.append((policy, over, every))
        return Rehearsal((kept, missed))

    engine: Any = SimpleNamespace(cleanup=SimpleNamespace(rehearse=rehearse))
    answer = PolicyAnswers(engine).rehearse(
        {"terms": TERMS.to_json(), "days": 7, "every_hours": 24}
    )

    assert asked == [(engine_policy(TERMS), 7 * DAY, DAY)]
    assert answer == {
        "departures": [
            [missed.id, "web", at.isoformat(), "no tag names it", 7, "2026-10-04T00:00:00+00:00"],
            [kept.id, "load", at.isoformat(), "had exited", 0, None],
        ],
        "images": 1,
        "containers": 1,
        "missed": 1,
        "every_hours": 24,
    }


@pytest.mark.root
class TestRuns:
    @pytest.fixture
    def real(self, short_path: Path) -> Iterator[Engine]:
        with Engine.open(EnginePaths(short_path / "root", short_path / "run")) as opened:
            opened.images.make_starter(owner="ana")
            yield opened

    @pytest.fixture
    def work(self, real, make_job, ada, policy, published) -> Callable[..., Work[Any]]:
        def make(**told: Any) -> Work[Any]:
            arguments = {"policy_id": policy.pk, "name": policy.name, **told}
            name = JobName.CLEAN_UP_BY_POLICY
            job = make_job(name, arguments, requested_by=ada, attempts=1)
            return Work(job, parse_arguments(name, arguments), real, SILENT, NEVER)

        return make

    def test_what_its_rules_take_goes_into_the_trash_and_each_is_told(self, work, real) -> None:
        (image,) = real.images.list()

        outcome = policies.clean_up_by_policy(work())

        assert real.images.list() == []
        assert [each.subject for each in real.cleanup.trash.list()] == [str(image.id)]
        assert outcome["message"].startswith("Moved 1 image to the trash.")
        (result,) = outcome["results"]
        assert (result["became"], result["name"]) == ("trash", STARTER.familiar)

    def test_without_the_trash_it_goes_for_good(self, work, real) -> None:
        CleanupPolicy.objects.update(into_trash=False)

        outcome = policies.clean_up_by_policy(work())

        assert real.cleanup.trash.list() == []
        assert outcome["results"][0]["became"] == "gone"
        assert outcome["freed_bytes"] > 0

    def test_who_takes_over_does_exactly_what_was_planned(self, work, real, monkeypatch) -> None:
        first = work()

        def die(*_args: object, **_kwargs: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(real.cleanup, "run", die)
            with pytest.raises(KeyboardInterrupt):
                policies.clean_up_by_policy(first)
        # Meanwhile its rules came to take nothing, and it came to remove for good.
        rules = [{"kind": "unused-images", "names": ["other"]}]
        CleanupPolicy.objects.update(rules=rules, into_trash=False)
        first.job.refresh_from_db()

        outcome = policies.clean_up_by_policy(Work(first.job, first.arguments, real, SILENT, NEVER))

        assert outcome["results"][0]["became"] == "trash"
        assert outcome["plan_id"] == first.job.outcome["plan_id"]

    def test_running_it_again_after_its_end_does_no_harm(self, work, real) -> None:
        done = work()
        policies.clean_up_by_policy(done)
        done.job.refresh_from_db()
        real.images.make_starter(owner="ana")

        outcome = policies.clean_up_by_policy(Work(done.job, done.arguments, real, SILENT, NEVER))

        assert len(real.images.list()) == 1
        assert outcome["results"][0]["became"] == "trash"

    def test_a_limit_leaves_the_rest_for_another_run(self, work, real) -> None:
        CleanupPolicy.objects.update(high_watermark=99, low_watermark=99)

        outcome = policies.clean_up_by_policy(work())

        assert len(real.images.list()) == 1
        assert outcome["results"] == []

    def test_one_that_was_switched_off_meanwhile_does_nothing(self, work, real) -> None:
        outcome = policies.clean_up_by_policy(work(scheduled=True))

        assert "nothing was done" in outcome["message"]
        assert len(real.images.list()) == 1

    def test_one_that_was_deleted_meanwhile_says_so(self, work, policy) -> None:
        waiting = work()
        policy.delete()

        with pytest.raises(PolicyNotFound):
            policies.clean_up_by_policy(waiting)

    def test_a_rehearsal_tells_what_would_have_gone_and_touches_nothing(self, real) -> None:
        answer = PolicyAnswers(real).rehearse(
            {"terms": TERMS.to_json(), "days": 30, "every_hours": 1}
        )

        # The image is here for a moment only, so no earlier moment saw it.
        assert answer["every_hours"] == 30 * 24 // MOST_MOMENTS
        assert (answer["missed"], answer["containers"]) == (0, 0)
        assert len(real.images.list()) == 1

    @pytest.mark.parametrize(
        "told",
        [
            {},
            {"days": 0, "every_hours": 1, "terms": TERMS.to_json()},
            {"days": 4000, "every_hours": 1, "terms": TERMS.to_json()},
            {"days": 30, "every_hours": "1", "terms": TERMS.to_json()},
            {"days": 30, "every_hours": 1, "terms": {"name": "x", "rules": []}},
        ],
    )
    def test_a_question_that_makes_no_sense_is_refused(self, real, told) -> None:
        with pytest.raises((InvalidInput, InvalidSetting)):
            PolicyAnswers(real).rehearse(told)
