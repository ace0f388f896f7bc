"""Builds: the list, a build as it goes on and as it failed, and the form."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from dashboard import events, selectors, services
from dashboard.jobs import JobName
from dashboard.models import AuditEntry, Job, JobLogLine, JobSecret, JobState

HTMX = {"HX-Request": "true"}
TEXT = "FROM base AS one\nRUN make\n"
TAG = "docker.io/team/app:1"
IMAGE, OLD = "sha256:" + "1" * 64, "sha256:" + "2" * 64
TYPED = {
    "host": "harbour",
    "source": "text",
    "text": TEXT.replace("\n", "\r\n"),
    "tags": "team/app:1",
}


def step(key: str, label: str, text: str, status: str, **more: object) -> dict[str, object]:
    told = {"id": key, "label": label, "text": text, "line": 2, "status": status}
    return {**told, "seconds": 1.5, "size": 0, **more}


STEPS = {
    "phase": "Building",
    "current": 2,
    "total": 5,
    "unit": "steps",
    "rows": [
        step("1.1", "two 1/3", "FROM one", "done"),
        step("0.2", "one 2/2", "RUN /bin/sh -c make", "running", began="2026-11-26T10:00:00+00:00"),
        step("0.1", "one 1/2", "FROM base AS one", "cached", size=4096),
    ],
}
FAILURE = {
    "line": 2,
    "last_line": 2,
    "column": 5,
    "reason": "there is no <make>",
    "exit_code": 127,
    "tail": "\x1b[31mmake: not found\x1b[0m\n",
    "kept_image": IMAGE,
    "lines": [[1, "FROM base AS one"], [2, "RUN make"]],
}


@pytest.fixture
def build(mess):
    """Make a build that *state* says, otto's, whose tag is `TAG`."""

    def make(state: str = "running", *, seconds: float = 3, **more: object) -> Job:
        job = services.request_job(
            name=JobName.BUILD_IMAGE,
            host="harbour",
            arguments={"text": TEXT, "tags": [TAG], "build_args": {"A": "1"}},
            user=mess.users["otto"],
        )
        now = timezone.now()
        values = {"state": state, "progress": STEPS, "started_at": now - timedelta(seconds=seconds)}
        if state not in {"queued", "running"}:
            values["finished_at"] = now
        Job.objects.filter(pk=job.pk).update(**values, **more)
        job.refresh_from_db()
        return job

    return make


def page(client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


# --- the list


def test_without_any_the_list_offers_one(browse):
    html = page(browse("otto"), reverse("builds"))

    assert "No builds yet" in html
    assert reverse("build_new") in html


def test_the_list_shows_image_steps_and_what_was_replaced(browse, build):
    replaced = [{"tag": TAG, "image_id": OLD, "is_untagged": True}]
    job = build("succeeded", outcome={"image_id": IMAGE, "replaced": replaced})
    html = page(browse("vera"), reverse("builds"))

    assert job.get_absolute_url() == reverse("build_detail", args=(job.pk,))
    for told in ("team/app:1", "Succeeded", "1" * 12, "2" * 12, "left untagged", "2/5", "1 cached"):
        assert told in html
    assert "Pull" not in html.partition("<tbody")[2].partition("</tbody>")[0]


def test_the_trend_is_of_the_same_tag_and_in_one_query(
    browse, build, django_assert_max_num_queries
):
    for seconds in (2, 4, 8):
        job = build("succeeded", seconds=seconds)
    build("cancelled")
    rows = {
        row.job.pk: row for row in selectors.build_rows(selectors.BUILDS.page(selectors.Chosen()))
    }

    assert [round(each.seconds) for each in rows[job.pk].trend] == [2, 4, 8]
    with django_assert_max_num_queries(1):
        selectors.build_rows([row.job for row in rows.values()])
    assert page(browse("vera"), reverse("builds")).count('class="trend"') >= 2


def test_filters_leave_builds_only(browse, build):
    build("failed", error={"message": "x"})

    assert "team/app:1" in page(browse("vera"), f"{reverse('builds')}?state=failed&by=otto")
    assert "No build matches" in page(browse("vera"), f"{reverse('builds')}?state=succeeded")


# --- one build


def test_steps_stand_in_their_stages_in_order(browse, build):
    job = build()
    html = page(browse("vera"), job.get_absolute_url())

    assert [stage.name for stage in selectors.stages_of(job)] == ["one", "two"]
    at = [html.index(told) for told in ("base AS one", "<b>RUN</b> make", "<b>FROM</b> one")]
    assert at == sorted(at)
    for told in ("Cached", "Running", "Done", "4.1 kB", "2 of 5"):
        assert told in html
    assert "1 cached" not in html


def test_a_step_that_a_cancelled_build_left_was_stopped(browse, build):
    assert "Stopped" in page(browse("vera"), build("cancelled").get_absolute_url())


def test_output_is_that_of_all_steps_or_of_one(browse, build):
    job = build()
    for number, name in enumerate(("0.2", "1.1"), 1):
        JobLogLine.objects.create(
            job=job, number=number, text=f"\x1b[1mfrom {name}\x1b[0m", step=name
        )
    client = browse("vera")
    whole, one = (page(client, job.get_absolute_url() + query) for query in ("", "?step=0.2"))

    assert ">from 0.2<" in whole
    assert ">from 1.1<" in whole
    assert ">from 0.2<" in one
    assert ">from 1.1<" not in one
    assert 'data-last="2"' in whole
    assert 'data-only="0.2"' in one


def test_a_failed_build_shows_its_dockerfile_with_the_error_in_it(browse, build):
    error = {"message": "m", "remedy": "Install it first.", "code": "step-failed"}
    job = build("failed", error=error, outcome={"failure": FAILURE})
    html = page(browse("otto"), job.get_absolute_url())

    assert "Failed in line 2" in html
    assert "<code>    <b>^</b></code>" in html
    assert "there is no &lt;make&gt;" in html
    assert "Install it first." in html
    assert "make: not found" in html
    assert "\x1b" not in html
    shell = f"{reverse('container_launch')}?host=harbour&amp;image={'1' * 64}&amp;shell=1"
    assert shell in html
    assert f"{reverse('build_new')}?job={job.pk}" in html


def test_a_shell_is_a_launch_with_a_terminal_that_leaves_nothing(browse):
    address = f"{reverse('container_launch')}?host=harbour&image={'1' * 64}&shell=1"
    form = browse("otto").get(address).context["form"]
    names = ("image", "entrypoint", "tty", "open_stdin", "auto_remove")

    assert [form[name].value() for name in names] == ["1" * 64, "/bin/sh", True, True, True]


def test_a_job_that_builds_nothing_has_no_page_here(browse, mess):
    job = Job.objects.exclude(name=JobName.BUILD_IMAGE).first()

    assert browse("vera").get(reverse("build_detail", args=(job.pk,))).status_code == 404


def test_its_page_is_for_those_who_are_signed_in_and_only_to_look_at(client, browse, build):
    address = build().get_absolute_url()

    assert client.get(address).status_code == 302
    assert browse("vera").post(address).status_code == 405


def test_open_pages_get_the_row_and_the_steps(
    build, monkeypatch, django_capture_on_commit_callbacks
):
    sent = []
    monkeypatch.setattr(events.jobs, "send_event", lambda group, event: sent.append(event))
    job = build()
    with django_capture_on_commit_callbacks(execute=True):
        events.publish_job(job)

    rows = {event["noun"]: event for event in sent[-3:] if event["type"] == "row"}
    assert rows["build"]["key"] == f"build-harbour-{job.pk}"
    assert rows["steps"]["key"] == f"steps-harbour-{job.pk}"
    assert "<b>RUN</b> make" in rows["steps"]["html"]


# --- the form


def test_what_was_typed_becomes_the_job(browse, mess):
    more = {"target": "one", "build_args": "A=1\nB=x=y", "no_cache": "on", "pull": "on"}
    more |= {"labels": "team=ships\nempty=", "network": "none"}
    response = browse("otto").post(reverse("build_new"), {**TYPED, **more, "git": "ignored"})
    job = Job.objects.get(name=JobName.BUILD_IMAGE)

    assert response.url == job.get_absolute_url()
    assert job.arguments == {
        "text": TEXT,
        "tags": [TAG],
        "target": "one",
        "build_args": {"A": "1", "B": "x=y"},
        "labels": {"team": "ships", "empty": ""},
        "network": "none",
        "no_cache": True,
        "pull": True,
    }
    assert (job.title, job.object_id) == ("Build team/app:1", TAG)
    assert AuditEntry.objects.get(job=job).user == mess.users["otto"]


SECRETS = "token=s3cret\nkey=-----BEGIN\n  line two\n  -----END"


def test_secrets_stand_in_no_argument_no_page_and_no_plain_text(browse):
    client = browse("otto")
    address = client.post(reverse("build_new"), {**TYPED, "secrets": SECRETS}).url
    job = Job.objects.get(name=JobName.BUILD_IMAGE)

    assert job.arguments["secrets"] == ["key", "token"]
    assert services.reveal_secrets(job.pk) == {
        "token": "s3cret",
        "key": "-----BEGIN\nline two\n-----END",
    }
    assert not any("s3cret" in each.encrypted_value for each in JobSecret.objects.all())
    assert "s3cret" not in page(client, address)
    assert "s3cret" not in page(client, reverse("job_detail", args=(job.pk,)))


def test_two_builds_with_secrets_are_two_jobs(browse):
    for value in ("one", "two"):
        browse("otto").post(reverse("build_new"), {**TYPED, "secrets": f"token={value}"})

    jobs = Job.objects.filter(name=JobName.BUILD_IMAGE)
    told = [services.reveal_secrets(job.pk)["token"] for job in jobs]
    assert sorted(told) == ["one", "two"]


def test_secrets_are_forgotten_when_the_job_ends(browse, mess):
    browse("otto").post(reverse("build_new"), {**TYPED, "secrets": SECRETS})
    job = Job.objects.get(name=JobName.BUILD_IMAGE)
    assert JobSecret.objects.count() == 2

    services.cancel_job(job=job, user=mess.users["otto"])

    assert not JobSecret.objects.exists()


def test_what_is_refused_comes_back_without_the_values_of_secrets(browse):
    typed = {**TYPED, "secrets": SECRETS, "labels": "=x"}
    html = browse("otto").post(reverse("build_new"), typed).content.decode()

    assert "s3cret" not in html
    assert "line two" not in html
    assert "key=" in html


def test_only_who_may_builds_with_the_hosts_network(browse):
    typed = {**TYPED, "network": "host"}

    assert browse("otto").post(reverse("build_new"), typed).status_code == 422
    assert browse("ada").post(reverse("build_new"), typed).status_code == 302
    assert Job.objects.get(name=JobName.BUILD_IMAGE).arguments["network"] == "host"


def test_with_a_script_the_browser_goes_to_the_build(browse):
    response = browse("otto").post(reverse("build_new"), TYPED, headers=HTMX)

    assert response.status_code == 204
    assert response["HX-Redirect"] == Job.objects.get(name=JobName.BUILD_IMAGE).get_absolute_url()


def test_a_viewer_builds_nothing(browse):
    assert browse("vera").post(reverse("build_new"), TYPED).status_code == 403
    assert not Job.objects.filter(name=JobName.BUILD_IMAGE).exists()


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        pytest.param({"text": " \n"}, "text", id="empty"),
        pytest.param({"source": "git"}, "git", id="no-url"),
        pytest.param({"source": "git", "git": "/etc"}, "git", id="path"),
        pytest.param({"source": "upload"}, "source", id="no-file"),
        pytest.param({"source": "upload", "upload": "x"}, "source", id="no-upload"),
        pytest.param({"tags": "Not A Tag"}, None, id="tag"),
        pytest.param({"build_args": "1=x"}, "build_args", id="argument"),
        pytest.param({"labels": "=x"}, "labels", id="label"),
        pytest.param({"network": "container:x"}, "network", id="network"),
        pytest.param({"network": "host"}, "network", id="host-network"),
        pytest.param({"secrets": "a b=x"}, "secrets", id="secret-id"),
        pytest.param({"secrets": "token"}, "secrets", id="secret-without-value"),
    ],
)
def test_what_cannot_be_is_said_at_its_field_and_nothing_typed_is_lost(browse, typed, field):
    response = browse("otto").post(reverse("build_new"), {**TYPED, "target": "one", **typed})
    form = response.context["form"]

    assert response.status_code == 422
    assert field is None or field in form.errors
    assert form["target"].value() == "one"
    assert not Job.objects.filter(name=JobName.BUILD_IMAGE).exists()


def test_change_and_retry_brings_everything_typed_back(browse, build):
    error = {"message": "Dockerfile line 2: no", "remedy": "Do.", "field": "dockerfile"}
    told = {"text": TEXT, "tags": [TAG], "build_args": {"A": "1"}, "labels": {"team": "ships"}}
    job = build(JobState.FAILED, error=error, arguments=told)
    form = browse("otto").get(f"{reverse('build_new')}?job={job.pk}").context["form"]

    assert form["text"].value() == TEXT
    assert (form["tags"].value(), form["build_args"].value()) == ("team/app:1", "A=1")
    assert form["labels"].value() == "team=ships"
    assert form.errors == {"text": ["Dockerfile line 2: no. Do."]}


def test_a_retry_uses_the_file_that_is_there(browse, build):
    told = {"upload": "a" * 32, "upload_name": "app.zip", "dockerfile": "d/Dockerfile"}
    job = build(JobState.FAILED, arguments=told)
    client = browse("otto")
    html = page(client, f"{reverse('build_new')}?job={job.pk}")
    client.post(reverse("build_new"), {"host": "harbour", "source": "upload", **told})

    assert "app.zip" in html
    assert "is on the host already" in html
    assert Job.objects.filter(name=JobName.BUILD_IMAGE).first().arguments == told
