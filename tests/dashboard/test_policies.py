"""Clean-up policies: what they say, when they are due, and in whose name they run."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from dashboard import services
from dashboard.arguments import CleanupRule, PolicySchedule, PolicyTerms, RuleKind
from dashboard.arguments.rules import parse_rules
from dashboard.errors import NameOfAnotherPolicy, NotPermitted
from dashboard.jobs import RUN_POLICY, JobName
from dashboard.models import (
    AuditEntry,
    CleanupPolicy,
    Host,
    Job,
    Notice,
    NoticeKind,
    Role,
    User,
)
from dashboard.services import PolicyWish
from dashboard.services.schedules import is_due
from engine.cleanup.rules import RuleKind as EngineRuleKind
from engine.errors import InvalidSetting

DAY = 86_400
RULE = {"kind": "unused-images", "older_than": 30 * DAY, "keep_newest": 3, "names": ["ci-*"]}


def wish(**changes: object) -> PolicyWish:
    terms = {"name": "Nightly", "rules": [RULE], **changes}
    hosts = terms.pop("hosts", ())
    schedule = terms.pop("schedule", PolicySchedule(every_hours=24))
    return PolicyWish(PolicyTerms.parse(terms), schedule, hosts)


@pytest.fixture
def policy(ada, host) -> CleanupPolicy:
    return services.save_policy(wish(), user=ada)


@pytest.fixture
def switched_on(policy, ada) -> CleanupPolicy:
    services.switch_policy(policy, on=True, user=ada)
    return policy


def let_pass(policy: CleanupPolicy, **span: float) -> None:
    """Have it due last so long ago."""
    CleanupPolicy.objects.filter(pk=policy.pk).update(
        last_due_at=timezone.now() - timedelta(**span)
    )


class TestRules:
    def test_a_rule_is_what_it_was_written_as(self) -> None:
        rule = CleanupRule.parse(RULE)

        assert rule.to_json() == RULE
        assert rule.title == (
            "Images no container uses, older than 30 days, named ci-*,"
            " keeping the newest 3 of each repository"
        )

    def test_the_engine_has_the_same_kinds(self) -> None:
        assert [each.value for each in RuleKind] == [each.value for each in EngineRuleKind]

    @pytest.mark.parametrize(
        ("data", "field"),
        [
            ({"kind": "everything"}, "kind"),
            ({"kind": "old-logs", "names": ["x"]}, "names"),
            ({"kind": "old-logs", "older_then": 1}, "older_then"),
            ({"kind": "old-logs", "older_than": -1}, "older_than"),
            ({"kind": "old-logs", "older_than": "1d"}, "older_than"),
            ({"kind": "unused-images", "names": [""]}, "names"),
            ({"kind": "unused-images", "names": ["x"] * 51}, "names"),
            ({"kind": "unused-images", "keep_newest": True}, "keep_newest"),
        ],
    )
    def test_what_makes_no_sense_is_refused_by_its_field(self, data, field) -> None:
        with pytest.raises(InvalidSetting) as refused:
            CleanupRule.parse(data)

        assert refused.value.field == field

    @pytest.mark.parametrize("data", [None, [], "x", [1], [RULE, RULE]])
    def test_there_is_one_rule_at_least_and_one_of_a_kind(self, data) -> None:
        with pytest.raises(InvalidSetting):
            parse_rules(data)

    def test_terms_are_what_they_were_written_as(self) -> None:
        terms = wish(most_items=5, high_watermark=90, low_watermark=80).terms

        assert PolicyTerms.parse(terms.to_json()) == terms

    def test_a_run_cannot_end_above_where_it_begins(self) -> None:
        with pytest.raises(InvalidSetting) as refused:
            wish(high_watermark=80, low_watermark=90)

        assert refused.value.field == "low_watermark"


class TestSchedules:
    @pytest.mark.parametrize(
        ("told", "words"),
        [
            ({"every_hours": 1, "crontab": ""}, "Every hour"),
            ({"every_hours": 6, "crontab": ""}, "Every 6 hours"),
            ({"every_hours": 24, "crontab": ""}, "Every day"),
            ({"every_hours": 168, "crontab": ""}, "Every 7 days"),
            ({"every_hours": None, "crontab": " 0  3 * * 1 "}, "At 0 3 * * 1 (UTC)"),
        ],
    )
    def test_a_schedule_says_when(self, told, words) -> None:
        assert PolicySchedule.parse(**told).words == words

    @pytest.mark.parametrize(
        ("hours", "crontab"),
        [
            (None, ""),
            (24, "0 3 * * *"),
            (0, ""),
            (9000, ""),
            (None, "0 3 * *"),
            (None, "0 3 * * * *"),
            (None, "61 3 * * *"),
            (None, "0 3 30 2 *"),
            (None, "* * * * *"),
            (None, "*/5 * * * *"),
            (None, "often"),
        ],
    )
    def test_what_is_none_or_both_or_never_or_too_often_is_refused(self, hours, crontab) -> None:
        with pytest.raises(InvalidSetting):
            PolicySchedule.parse(every_hours=hours, crontab=crontab)


class TestBeat:
    def test_a_new_policy_is_off_and_beat_does_not_ask_for_it(self, policy) -> None:
        task = PeriodicTask.objects.get(pk=policy.task_id)

        assert not policy.is_enabled
        assert not task.enabled
        assert (task.task, task.queue) == (RUN_POLICY, "team")
        assert task.kwargs == f'{{"policy_id": {policy.pk}}}'

    def test_switching_it_on_and_off_does_the_same_to_beats_row(self, switched_on, ada) -> None:
        assert PeriodicTask.objects.get(pk=switched_on.task_id).enabled

        services.switch_policy(switched_on, on=False, user=ada)

        assert not PeriodicTask.objects.get(pk=switched_on.task_id).enabled

    def test_who_changes_one_that_is_on_vouches_for_it_from_then_on(self, switched_on, db) -> None:
        bea = User.objects.create_user("bea", role=Role.ADMIN)
        services.save_policy(wish(rules=[RULE]), policy=switched_on, user=bea)
        let_pass(switched_on, days=2)

        (job,) = services.run_due_policy(switched_on.pk)

        assert job.requested_by == bea

    def test_who_changes_one_that_is_off_switches_nothing_on(self, policy, ada) -> None:
        services.save_policy(wish(), policy=policy, user=ada)

        assert (policy.is_enabled, policy.switched_on_by) == (False, None)

    def test_another_schedule_is_beats_at_once(self, policy, ada) -> None:
        first = policy.task_id
        services.save_policy(
            wish(schedule=PolicySchedule(crontab="30 2 * * 6")), policy=policy, user=ada
        )

        task = PeriodicTask.objects.get()
        assert (task.pk, task.interval) == (first, None)
        assert (task.crontab.minute, task.crontab.hour, task.crontab.day_of_week) == (
            "30",
            "2",
            "6",
        )
        assert str(task.crontab.timezone) == "UTC"

    def test_a_deleted_policy_leaves_nothing_behind(self, policy, ada) -> None:
        services.delete_policy(policy, user=ada)

        assert not PeriodicTask.objects.exists()
        assert AuditEntry.objects.first().summary == "Deleted the policy Nightly"

    def test_what_is_refused_changes_no_schedule(self, policy, ada) -> None:
        other = services.save_policy(wish(name="Other"), user=ada)

        with pytest.raises(NameOfAnotherPolicy):
            services.save_policy(
                wish(name="NIGHTLY", schedule=PolicySchedule(every_hours=1)),
                policy=other,
                user=ada,
            )

        assert PeriodicTask.objects.get(pk=other.task_id).interval.every == 24
        assert CleanupPolicy.objects.get(pk=other.pk).name == "Other"

    def test_it_says_when_it_is_next_to_the_minute(self, switched_on) -> None:
        due = switched_on.last_due_at + timedelta(hours=24)

        assert abs(switched_on.next_due_at - due) <= timedelta(minutes=1)
        assert (switched_on.next_due_at.second, switched_on.next_due_at.microsecond) == (0, 0)


class TestDue:
    def test_a_due_policy_asks_each_of_its_hosts_in_the_name_of_who_switched_it_on(
        self, switched_on, ada
    ) -> None:
        Host.objects.create(name="beta")
        let_pass(switched_on, hours=24)

        jobs = services.run_due_policy(switched_on.pk)

        assert {job.host_id for job in jobs} == {"alpha", "beta"}
        assert {job.requested_by for job in jobs} == {ada}
        assert {job.name for job in jobs} == {JobName.CLEAN_UP_BY_POLICY.value}
        assert jobs[0].arguments == {
            "policy_id": switched_on.pk,
            "name": "Nightly",
            "scheduled": True,
        }
        entries = AuditEntry.objects.filter(action="cleanup.policy")
        assert {(entry.actor, entry.host_name) for entry in entries} == {
            ("ada", "alpha"),
            ("ada", "beta"),
        }

    def test_only_its_own_hosts_are_asked(self, ada, host) -> None:
        Host.objects.create(name="beta")
        policy = services.save_policy(wish(hosts=("beta",)), user=ada)
        services.switch_policy(policy, on=True, user=ada)
        let_pass(policy, hours=24)

        assert [job.host_id for job in services.run_due_policy(policy.pk)] == ["beta"]

    def test_a_message_that_comes_twice_asks_once(self, switched_on) -> None:
        let_pass(switched_on, hours=24)

        assert services.run_due_policy(switched_on.pk)
        assert services.run_due_policy(switched_on.pk) == ()
        assert Job.objects.count() == 1

    def test_a_message_that_nobodys_clock_sent_asks_for_nothing(self, switched_on, policy) -> None:
        assert services.run_due_policy(switched_on.pk) == ()
        assert services.run_due_policy(4711) == ()

    def test_one_that_is_off_is_never_due(self, policy) -> None:
        let_pass(policy, days=30)

        assert services.run_due_policy(policy.pk) == ()

    def test_times_that_were_missed_do_not_pile_up(self, switched_on) -> None:
        let_pass(switched_on, days=9)
        first = services.run_due_policy(switched_on.pk)
        let_pass(switched_on, hours=24)

        assert services.run_due_policy(switched_on.pk) == ()
        assert list(Job.objects.all()) == list(first)
        assert AuditEntry.objects.filter(action="cleanup.policy").count() == 1

    def test_after_a_run_ended_the_next_one_comes(self, switched_on) -> None:
        let_pass(switched_on, hours=24)
        services.run_due_policy(switched_on.pk)
        Job.objects.update(state="succeeded")
        let_pass(switched_on, hours=24)

        assert len(services.run_due_policy(switched_on.pk)) == 1

    def test_a_crontab_line_is_due_at_its_times(self, ada, host) -> None:
        policy = services.save_policy(wish(schedule=PolicySchedule(crontab="0 3 * * *")), user=ada)
        services.switch_policy(policy, on=True, user=ada)
        now = timezone.now()
        policy.last_due_at = now
        minutes_to_three = (
            now.replace(hour=3, minute=0, second=0, microsecond=0) - now
        ) % timedelta(days=1)

        assert is_due(policy) is (minutes_to_three <= timedelta(seconds=60))
        policy.last_due_at = now - timedelta(days=1, minutes=1)
        assert is_due(policy)

    @pytest.mark.parametrize("change", [{"is_active": False}, {"role": Role.VIEWER}])
    def test_who_may_not_run_it_any_more_pauses_it_and_admins_are_told(
        self, switched_on, ada, change, django_user_model
    ) -> None:
        boss = django_user_model.objects.create_user("boss", role=Role.ADMIN)
        django_user_model.objects.filter(pk=ada.pk).update(**change)
        let_pass(switched_on, hours=24)

        assert services.run_due_policy(switched_on.pk) == ()

        switched_on.refresh_from_db()
        assert not switched_on.is_enabled
        assert switched_on.paused_because == "ada may not run policies any more"
        assert not PeriodicTask.objects.get(pk=switched_on.task_id).enabled
        assert not Job.objects.exists()
        notice = Notice.objects.get(kind=NoticeKind.POLICY_PAUSED)
        assert [each.user for each in notice.notifications.all()] == [boss]
        entry = AuditEntry.objects.get(action="policies.pause")
        assert (entry.actor, entry.user) == ("shipshape", None)

    def test_switching_it_on_again_is_in_ones_own_name(self, switched_on, ada) -> None:
        CleanupPolicy.objects.update(is_enabled=False, paused_because="x", switched_on_by=None)
        switched_on.refresh_from_db()

        services.switch_policy(switched_on, on=True, user=ada)

        assert (switched_on.paused_because, switched_on.switched_on_by) == ("", ada)


class TestRunningNow:
    def test_it_runs_at_once_also_while_it_is_off(self, policy, ada) -> None:
        (job,) = services.run_policy(policy, user=ada)

        assert job.arguments == {"policy_id": policy.pk, "name": "Nightly"}
        assert job.title == "Clean up by policy Nightly"

    def test_a_run_that_has_not_ended_is_the_one_run(self, policy, ada) -> None:
        assert services.run_policy(policy, user=ada) == services.run_policy(policy, user=ada)
        assert Job.objects.count() == 1


def test_only_who_may_decides_about_policies(policy, otto) -> None:
    for attempt in (
        lambda: services.save_policy(wish(name="Mine"), user=otto),
        lambda: services.save_policy(wish(name="Mine"), policy=policy, user=otto),
        lambda: services.switch_policy(policy, on=True, user=otto),
        lambda: services.run_policy(policy, user=otto),
        lambda: services.delete_policy(policy, user=otto),
    ):
        with pytest.raises(NotPermitted):
            attempt()

    assert CleanupPolicy.objects.get().name == "Nightly"
    assert not CleanupPolicy.objects.get().is_enabled
    assert not Job.objects.exists()
