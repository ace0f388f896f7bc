from __future__ import annotations

import json
import re

import pytest
from django.urls import reverse
from django.utils import timezone

from dashboard.models import AuditEntry, Container, Job
from tests.support.mess import make_container

HTMX = {"HX-Request": "true"}
HOSTILE = "<script>alert(1)</script>\"'><img src=x>"


def text_of(response) -> str:
    return response.content.decode()


def plain(response) -> str:
    return " ".join(re.sub(r"<[^>]+>", "", text_of(response)).split())


def test_the_list_names_each_container_with_its_state_and_owner(browse):
    html = text_of(browse("vera").get(reverse("containers")))

    assert "orders-db" in html
    assert "Exited (137)" in html
    assert "Tag has moved on" in html


def test_a_filter_in_the_url_leaves_the_others_out(browse):
    html = text_of(browse("vera").get(reverse("containers"), {"q": "orders", "host": "harbour"}))

    assert "orders-db" in html
    assert "nightly-import" not in html


def test_nothing_matching_is_another_sight_than_nothing_yet(browse):
    client = browse("otto")
    unmatched = text_of(client.get(reverse("containers"), {"q": "no-such-name"}))
    Container.objects.all().delete()
    empty = text_of(client.get(reverse("containers")))

    assert "No container matches" in unmatched
    assert "Clear filters" in unmatched
    assert "No containers yet" in empty
    assert "docker run" in empty


def test_an_offline_host_says_since_when(browse):
    html = text_of(browse("vera").get(reverse("containers")))

    assert "<b>lighthouse</b> is offline" in html
    assert "5 hours ago" in html


def test_stopped_ones_alone_are_cards_that_say_why(browse):
    html = text_of(browse("vera").get(reverse("containers"), {"state": "stopped"}))

    assert "Killed: it ran out of memory" in html
    assert "Ended by SIGTERM (exit code 143)" in html
    assert "executable file not found" in html


def test_a_page_says_why_its_container_does_not_run(browse, web):
    look = browse("vera").get
    Container.objects.filter(pk=web.pk).update(
        state="restarting", exit_code=3, finished_at=timezone.now()
    )
    restarting = plain(look(web.get_absolute_url()))
    assert "ended with exit code 3, 0 seconds ago; it is started again" in restarting
    row = text_of(look(reverse("containers"), {"q": "web-1", "host": "harbour"}))
    assert 'data-label="Up"' not in row

    Container.objects.filter(pk=web.pk).update(
        state="created", error="no such file: gunicorn", started_at=None, finished_at=None
    )
    assert "could not be started: no such file: gunicorn" in plain(look(web.get_absolute_url()))


@pytest.mark.parametrize(
    ("restart", "words"),
    [
        pytest.param(None, "it stays, stopped", id="unsaid"),
        pytest.param({"name": "no"}, "it stays, stopped", id="no"),
        pytest.param({"name": "always"}, "it is started again", id="always"),
        pytest.param(
            {"name": "on-failure", "max_retries": 1},
            "it is started again if it failed, at most 1 time",
            id="on-failure",
        ),
    ],
)
def test_a_page_says_what_becomes_of_it_at_its_end(browse, web, restart, words):
    Container.objects.filter(pk=web.pk).update(settings={"restart": restart})

    assert f"<dd>{words}</dd>" in text_of(browse("vera").get(web.get_absolute_url()))


def test_only_the_first_unfiltered_page_takes_new_rows_on_top(browse):
    client = browse("vera")

    assert 'data-insert="top"' in text_of(client.get(reverse("containers"), headers=HTMX))
    for query in ({"q": "web"}, {"page": "2"}, {"sort": "name"}, {"owner": "ada"}):
        html = text_of(client.get(reverse("containers"), query, headers=HTMX))
        assert 'data-insert="top"' not in html, query


@pytest.mark.parametrize("tab", ["overview", "logs", "config", "activity", "<nonsense>"])
def test_every_tab_shows(browse, web, tab):
    response = browse("vera").get(web.get_absolute_url(), {"tab": tab})

    assert response.status_code == 200
    assert "web-1" in text_of(response)


def test_hostile_names_are_shown_as_text(browse, harbour, web_image):
    hostile = make_container(
        harbour, HOSTILE, web_image, image_reference=HOSTILE, owner=HOSTILE, command=HOSTILE
    )

    client = browse("ada")
    for address in (reverse("containers"), hostile.get_absolute_url(), reverse("cleanup")):
        assert "<script>alert" not in text_of(client.get(address))
        assert "<img src=x" not in text_of(client.get(address))
    config = text_of(client.get(hostile.get_absolute_url(), {"tab": "config"}))
    assert "<script>alert" not in config


@pytest.mark.parametrize(
    ("action", "job_name"),
    [("start", "containers.start"), ("stop", "containers.stop"), ("kill", "containers.kill")],
)
def test_an_action_answers_htmx_at_once_with_a_notice_that_links_to_its_job(
    browse, web, action, job_name
):
    address = reverse(f"container_{action}", args=(web.host_id, web.container_id))

    response = browse("otto").post(address, headers=HTMX)

    job = Job.objects.get(name=job_name, object_id=web.container_id)
    assert response.status_code == 204
    notice = json.loads(response.headers["HX-Trigger"])["toast"]
    assert notice["url"] == job.get_absolute_url()
    assert job.title in notice["text"]


def test_a_job_calls_its_container_by_its_name(browse, web):
    browse("mia").post(reverse("container_stop", args=("harbour", web.container_id)))

    assert Job.objects.get(name="containers.stop", state="queued").title == "Stop container web-1"
    assert AuditEntry.objects.latest("pk").summary == "Stop container web-1"


def test_without_a_script_an_action_goes_to_its_job(browse, web):
    response = browse("otto").post(reverse("container_stop", args=(web.host_id, web.container_id)))

    assert response.status_code == 302
    assert (
        response.url
        == Job.objects.get(object_id=web.container_id, name="containers.stop").get_absolute_url()
    )


def test_an_address_that_is_none_is_not_written_down(browse, web):
    address = reverse("container_stop", args=(web.host_id, web.container_id))

    browse("otto").post(address, REMOTE_ADDR="<b>somewhere</b>" * 9)

    assert AuditEntry.objects.filter(action="containers.stop").latest("pk").address is None


def test_an_action_is_audited_with_the_address_it_came_from(browse, web):
    address = reverse("container_stop", args=(web.host_id, web.container_id))

    browse("otto").post(address, REMOTE_ADDR="10.9.8.7")

    entry = AuditEntry.objects.filter(action="containers.stop").latest("pk")
    assert (entry.actor, entry.address) == ("otto", "10.9.8.7")


def test_removal_says_first_what_would_be_lost(browse, stopped):
    address = reverse("container_remove", args=(stopped.host_id, stopped.container_id))

    html = text_of(browse("otto").get(address, headers=HTMX))

    assert "212 MB" in html
    assert "Will be lost" in html
    assert not Job.objects.filter(name="containers.remove").exists()


def test_removing_ones_own_needs_no_typing(browse, stopped):
    address = reverse("container_remove", args=(stopped.host_id, stopped.container_id))

    html = text_of(browse("otto").post(address, headers=HTMX))

    job = Job.objects.get(name="containers.remove")
    assert job.arguments == {"container_id": stopped.container_id}
    assert job.row_id in html


def test_removing_a_running_one_is_forced_as_the_page_said(browse, web):
    address = reverse("container_remove", args=(web.host_id, web.container_id))
    client = browse("otto")

    assert "It is running" in text_of(client.get(address))
    client.post(address)

    assert Job.objects.get(name="containers.remove").arguments["force"] is True


def test_removing_anothers_needs_the_name_of_its_host(browse, stopped):
    client = browse("ada")
    address = reverse("container_remove", args=(stopped.host_id, stopped.container_id))

    refused = client.post(address, {"confirm": "lighthouse"}, headers=HTMX)
    assert refused.status_code == 422
    assert "That is not the host&#x27;s name, harbour." in text_of(refused)
    assert 'value="lighthouse"' in text_of(refused)
    assert not Job.objects.filter(name="containers.remove").exists()

    client.post(address, {"confirm": "harbour"})
    assert Job.objects.filter(name="containers.remove").exists()


def test_a_ticket_is_for_one_container_and_known_actions(browse, web):
    address = reverse("stream_ticket", args=(web.host_id, web.container_id))
    client = browse("vera")

    assert len(client.post(address, {"action": "logs"}).json()["ticket"]) > 20
    assert client.post(address, {"action": "shell"}).status_code == 400
    assert client.get(address).status_code == 405
    gone = reverse("stream_ticket", args=(web.host_id, "0" * 64))
    assert client.post(gone, {"action": "logs"}).status_code == 404


def test_the_row_is_the_same_whoever_looks(browse, web):
    def row(html: str) -> str:
        start = html.index(f'<tr id="{web.row_id}"')
        return html[start : html.index("</tr>", start)]

    viewer = text_of(browse("vera").get(reverse("containers")))
    admin = text_of(browse("ada").get(reverse("containers")))

    assert row(viewer) == row(admin)
    assert 'data-needs="operator"' in row(viewer)
    assert 'data-role="viewer"' in viewer
