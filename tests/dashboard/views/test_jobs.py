from __future__ import annotations

from django.template.loader import render_to_string
from django.urls import reverse

from dashboard.jobs import JobName
from dashboard.models import Job

HTMX = {"HX-Request": "true"}


def test_a_running_pull_shows_a_bar_per_layer_and_a_total(browse):
    job = Job.objects.get(state="running")

    html = browse("vera").get(job.get_absolute_url()).content.decode()

    assert "187 MB of 349 MB" in html
    assert html.count('class="layer-row"') == 10  # on the page and in the activity centre
    assert 'aria-valuenow="53"' in html


def test_a_finished_pull_keeps_its_layers_folded(browse):
    job = Job.objects.get(state="running")
    job.state = "succeeded"
    job.save()

    html = browse("vera").get(job.get_absolute_url()).content.decode()

    assert "5 layers, 187 MB downloaded" in html
    assert html.count('class="layer-row"') == 5
    assert "Already exists" in html


def test_a_failed_pull_can_be_asked_for_again(browse):
    job = Job.objects.get(state="failed")
    job.name = JobName.PULL_IMAGE
    job.arguments = {"reference": "docker.io/library/redis:7"}
    job.save()

    client = browse("otto")
    address = f"{reverse('image_pull')}?job={job.pk}"

    assert address in client.get(job.get_absolute_url()).content.decode()
    form = client.get(address).context["form"]
    assert form["reference"].value() == "redis:7"
    assert "is not yours to pull" in str(form.errors)


def test_a_failed_job_says_why_what_to_do_and_its_log(browse):
    job = Job.objects.get(state="failed")

    html = browse("vera").get(job.get_absolute_url()).content.decode()

    assert "team/api is not yours to pull" in html
    assert "Save a password for that registry" in html
    assert "403 from the registry" in html
    assert "access-denied" in html


def test_a_clean_up_reports_what_stayed_and_why(browse):
    job = Job.objects.get(name="cleanup.images")

    html = browse("vera").get(job.get_absolute_url()).content.decode()

    assert "1.9 GB came free" in html
    assert "container ui-preview was made from it" in html


def test_cancelling_a_queued_job_cancels_it_at_once(browse):
    job = Job.objects.get(state="queued")
    url = reverse("job_cancel", args=(job.pk,))
    assert browse("otto").post(url, headers=HTMX).status_code == 403

    response = browse("ada").post(url, headers=HTMX)

    job.refresh_from_db()
    assert response.status_code == 204
    assert job.state == "cancelled"


def test_cancelling_a_running_job_asks_it_to_stop(browse):
    job = Job.objects.get(state="running")

    response = browse("otto").post(reverse("job_cancel", args=(job.pk,)))

    job.refresh_from_db()
    assert response.url == job.get_absolute_url()
    assert job.is_cancelling
    assert "Stopping" in render_to_string("dashboard/jobs/_row.html", {"job": job})


def test_the_activity_centre_is_on_every_page_with_what_runs(browse):
    html = browse("vera").get(reverse("images")).content.decode()

    assert 'id="centre-count" >2<' in html
    assert "Pull python:3.12" in html


def test_rows_are_rendered_without_a_request(mess, web, web_image, harbour):
    """Pushes have none: what a row shows must not depend on who looks."""
    job = Job.objects.get(state="running")

    assert job.title in render_to_string("dashboard/jobs/_row.html", {"job": job})
    assert web.name in render_to_string("dashboard/containers/_row.html", {"container": web})
    assert web_image.short_id in render_to_string(
        "dashboard/images/_row.html", {"image": web_image}
    )
    assert harbour.name in render_to_string("dashboard/hosts/_row.html", {"host": harbour})


def test_the_list_is_filtered_by_state_and_by_who_asked(browse):
    client = browse("vera")

    failed = client.get(reverse("jobs"), {"state": "failed"}, headers=HTMX).content.decode()
    mine = client.get(reverse("jobs"), {"by": "ada"}, headers=HTMX).content.decode()

    assert failed.count('<article class="job"') == 1
    assert 'data-user="otto"' not in mine


def test_only_the_first_unfiltered_page_takes_new_jobs_on_top(browse):
    client = browse("vera")

    everything = client.get(reverse("jobs"), headers=HTMX).content.decode()
    failed = client.get(reverse("jobs"), {"state": "failed"}, headers=HTMX).content.decode()

    assert 'data-insert="top"' in everything
    assert 'data-insert="count"' in failed
