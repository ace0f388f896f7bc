"""Until when containers are wanted: how it is written, who is told, and when it ends."""

from datetime import UTC, datetime, timedelta

import pytest

from dashboard import services
from dashboard.arguments import parse_arguments
from dashboard.errors import HostNotFound
from dashboard.forms import LaunchForm
from dashboard.forms.launch_typed import typed_launch
from dashboard.jobs import JobName
from dashboard.leases import extended, read_lease, render_lease
from dashboard.models import Container, Job, Notification, Role
from dashboard.services import leases
from dashboard.services.leases import MOST_TRIES, OVER_FOR
from engine.errors import InvalidSetting
from engine.settings import ContainerSettings
from engine.settings.lease import EXPIRES, expiry_of, with_expiry, without_expiry

# A Wednesday.
NOW = datetime(2026, 12, 2, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("4 hours", "2026-12-02 14:30"),
        ("in 4h", "2026-12-02 14:30"),
        ("1 week", "2026-12-09 10:30"),
        ("2 days", "2026-12-04 10:30"),
        ("today", "2026-12-02 23:59"),
        ("tomorrow", "2026-12-03 23:59"),
        ("until Friday", "2026-12-04 23:59"),
        ("wednesday", "2026-12-09 23:59"),
        ("2026-12-24", "2026-12-24 23:59"),
        ("2026-12-24 18:00", "2026-12-24 18:00"),
        ("2026-12-24T18:00:00+02:00", "2026-12-24 16:00"),
    ],
)
def test_people_write_it_as_they_say_it(text, moment):
    assert render_lease(read_lease(text, now=NOW)) == moment


def test_nothing_is_no_end():
    assert read_lease("  ", now=NOW) is None


@pytest.mark.parametrize("text", ["soon", "0 hours", "2026-12-01", "2026-13-40", "99 weeks"])
def test_what_is_no_time_ahead_is_refused(text):
    with pytest.raises(InvalidSetting):
        read_lease(text, now=NOW)


def test_what_is_shown_is_read_again():
    moment = read_lease("4 hours", now=NOW)

    assert read_lease(render_lease(moment), now=NOW) == moment


def test_an_extension_begins_at_the_end_or_now_where_that_is_over():
    day = timedelta(days=1)

    assert extended(NOW + day, "day", now=NOW) == NOW + 2 * day
    assert extended(NOW - day, "day", now=NOW) == NOW + day
    assert extended(None, "week", now=NOW) == NOW + 7 * day


def test_a_label_says_it_whoever_wrote_it():
    settings = with_expiry(ContainerSettings(image="web", labels={"team": "a"}), NOW)

    assert expiry_of(settings.labels) == NOW
    assert expiry_of({EXPIRES: "2026-12-02 10:30"}) == NOW
    assert expiry_of({EXPIRES: "soon"}) is None
    assert without_expiry(settings.labels) == {"team": "a"}
    assert with_expiry(settings, None).labels == {"team": "a"}


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "9999-12-31T23:59:59",
        "1970-01-01",
    ],
)
def test_a_label_that_no_calendar_can_hold_says_nothing(text):
    assert expiry_of({EXPIRES: text}) is None


def test_a_label_counts_to_the_second_and_in_utc():
    moment = expiry_of({EXPIRES: "2026-12-02T12:30:00.999+02:00"})

    assert moment.isoformat() == NOW.isoformat()


def test_the_launch_form_takes_it_along_and_shows_it_again():
    form = LaunchForm(
        {"host": "alpha", "image": "web", "lease": "1 week", "labels": "team=a"}, hosts=()
    )
    form.full_clean()
    assert "lease" not in form.errors

    labels = form.arguments()["settings"]["labels"]
    typed = typed_launch("alpha", form.arguments()["settings"])

    assert labels["team"] == "a"
    assert typed["lease"] == render_lease(expiry_of(labels))
    assert (typed["labels"], typed["unsaid"]) == ("team=a", "")


def test_a_bad_lease_is_refused_at_its_field():
    form = LaunchForm({"image": "web", "lease": "soon"}, hosts=())

    assert "no time" in form.errors["lease"][0]


def test_the_job_has_the_moment_in_one_form():
    told = {"container_id": "c" * 64, "until": "2026-12-02T12:30:00+02:00"}

    assert parse_arguments(JobName.LEASE_CONTAINER, told).to_json()["until"] == NOW.isoformat()
    with pytest.raises(InvalidSetting):
        parse_arguments(JobName.LEASE_CONTAINER, {**told, "until": "soon"})


@pytest.fixture
def leased(db, host):
    def make(ends: timedelta, owner: str = "otto") -> Container:
        return Container.objects.create(
            host=host, container_id="c" * 64, name="web", owner=owner, expires_at=NOW + ends
        )

    return make


def told() -> list[tuple[str, str]]:
    return [
        (each.user.username, each.notice.title)
        for each in Notification.objects.select_related("notice", "user").order_by("pk")
    ]


def test_the_owner_is_told_a_day_before_and_once(leased, otto, mia):
    leased(timedelta(hours=23))

    services.tell_of_leases(NOW)
    services.tell_of_leases(NOW)

    assert told() == [("otto", "The lease of web ends at 2026-12-03 09:30 UTC")]
    assert not Job.objects.exists()


def test_an_extended_lease_is_told_of_again(leased, otto):
    container = leased(timedelta(hours=23))
    services.tell_of_leases(NOW)
    container.expires_at += timedelta(minutes=30)
    container.save()

    services.tell_of_leases(NOW)

    assert len(told()) == 2


def test_nobody_is_told_of_what_is_further_ahead(leased, otto):
    leased(timedelta(hours=25))

    services.tell_of_leases(NOW)

    assert told() == []


def test_what_belongs_to_no_account_is_told_to_who_maintains(leased, otto, mia, ada):
    leased(timedelta(hours=1), owner="docker CLI (root)")

    services.tell_of_leases(NOW)

    assert {name for name, _ in told()} == {"mia", "ada"}


def test_at_the_end_the_owner_is_told_and_a_job_ends_it_once(leased, otto):
    leased(-timedelta(minutes=1))

    (job,) = services.end_leases(NOW)

    assert services.end_leases(NOW) == []
    assert (job.name, job.requested_by, job.host_id) == (JobName.END_LEASE, otto, "alpha")
    assert told() == [("otto", "The lease of web is over")]


def test_a_lease_that_is_over_once_more_ends_once_more(leased, otto):
    container = leased(-timedelta(minutes=2))
    services.end_leases(NOW)
    Job.objects.update(state="succeeded")
    container.expires_at += timedelta(minutes=1)
    container.save()

    assert len(services.end_leases(NOW)) == 1


def test_a_lease_that_ends_within_a_second_is_ended_once(leased, otto):
    leased(-timedelta(microseconds=1_500_000))

    assert len(services.end_leases(NOW)) == 1
    Job.objects.update(state="failed")
    assert services.end_leases(NOW) == []


def test_an_end_that_failed_is_asked_for_again_after_a_while_and_not_for_ever(leased, otto):
    leased(-timedelta(minutes=1))
    now, asked = NOW, 0
    while jobs := services.end_leases(now):
        asked += len(jobs)
        assert asked < 10
        Job.objects.update(state="failed", finished_at=now)
        assert services.end_leases(now + timedelta(minutes=59)) == []
        now += timedelta(hours=1)

    assert asked == MOST_TRIES
    # Its owner is told once all the same.
    assert len(told()) == 1


def test_an_end_that_was_done_after_one_that_failed_is_done(leased, otto):
    leased(-timedelta(minutes=1))
    services.end_leases(NOW)
    Job.objects.update(state="failed", finished_at=NOW)
    services.end_leases(NOW + timedelta(hours=1))
    Job.objects.filter(state="queued").update(state="succeeded", finished_at=NOW)

    assert services.end_leases(NOW + timedelta(hours=9)) == []


def test_what_was_restored_long_ago_stays_although_the_job_is_forgotten(leased, otto):
    leased(-OVER_FOR)

    assert services.end_leases(NOW) == []


def test_one_that_cannot_be_asked_for_keeps_no_other_waiting(leased, host, otto, monkeypatch):
    leased(-timedelta(minutes=2))
    Container.objects.create(
        host=host,
        container_id="d" * 64,
        name="db",
        owner="otto",
        expires_at=NOW - timedelta(minutes=1),
    )
    ask = leases.request_job

    def refuse(**told):
        if told["arguments"]["container_id"] == "c" * 64:
            raise HostNotFound("alpha")
        return ask(**told)

    monkeypatch.setattr(leases, "request_job", refuse)

    (job,) = services.end_leases(NOW)

    assert job.object_id == "d" * 64


@pytest.mark.parametrize("change", [{"is_active": False}, {"role": Role.VIEWER}])
def test_where_the_owner_may_not_any_more_it_ends_in_a_maintainers_name(leased, otto, mia, change):
    leased(-timedelta(minutes=1))
    for name, value in change.items():
        setattr(otto, name, value)
    otto.save()

    (job,) = services.end_leases(NOW)

    assert job.requested_by == mia
