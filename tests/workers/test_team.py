"""What is done for the team as a whole."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from dashboard import services
from dashboard.models import AuditEntry, Job, Notice, NoticeKind
from workers.tasks.team import KEEP_AUDIT, KEEP_JOBS, KEEP_NOTICES, purge_history

DAY = timedelta(days=1)


def test_jobs_are_forgotten_when_their_time_is_over_but_none_that_runs(make_job) -> None:
    now = timezone.now()
    old = make_job(state="succeeded", finished_at=now - KEEP_JOBS - DAY)
    young = make_job(state="succeeded", finished_at=now - KEEP_JOBS + DAY)
    running = make_job(state="running")
    Job.objects.filter(pk=running.pk).update(created_at=now - KEEP_JOBS - DAY)
    old.log_lines.create(number=1, text="done")

    purge_history()

    assert {job.pk for job in Job.objects.all()} == {young.pk, running.pk}


def test_an_audit_entry_outlives_its_job(make_job, otto) -> None:
    now = timezone.now()
    job = make_job(state="succeeded", finished_at=now - KEEP_JOBS - DAY)
    kept, gone = (
        AuditEntry.objects.create(user=otto, actor="otto", action="images.pull", job=job)
        for _ in range(2)
    )
    AuditEntry.objects.filter(pk=gone.pk).update(at=now - KEEP_AUDIT - DAY)

    purge_history()

    assert [entry.pk for entry in AuditEntry.objects.all()] == [kept.pk]


def test_a_notice_is_forgotten_with_everybodys_notifications(otto) -> None:
    gone, kept = (services.notify(NoticeKind.TEST, "x", users=[otto]) for _ in range(2))
    Notice.objects.filter(pk=gone.pk).update(created_at=timezone.now() - KEEP_NOTICES - DAY)

    purge_history()

    assert list(Notice.objects.all()) == [kept]
    assert [each.notice_id for each in otto.notifications.all()] == [kept.pk]
