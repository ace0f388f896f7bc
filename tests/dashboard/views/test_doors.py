"""What holds for every address: who may come in, by which method, and in which form it answers."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from dashboard.models import AuditEntry, Job
from tests.support.mess import hex_id

WEB = ("harbour", hex_id("container", "harbour", "web-1"))
LAB = ("harbour", hex_id("network", "harbour", "lab"))
VOLUME = ("harbour", "old-uploads")
IMAGE = ("harbour", hex_id("image", "harbour", "web"))
JOB = ("00000000-0000-0000-0000-000000000001",)

PAGES = [
    pytest.param("overview", (), id="overview"),
    pytest.param("containers", (), id="containers"),
    pytest.param("container_detail", WEB, id="container"),
    pytest.param("images", (), id="images"),
    pytest.param("image_detail", IMAGE, id="image"),
    pytest.param("layers", (), id="layers"),
    pytest.param("builds", (), id="builds"),
    pytest.param("volumes", (), id="volumes"),
    pytest.param("volume_detail", VOLUME, id="volume"),
    pytest.param("networks", (), id="networks"),
    pytest.param("network_detail", LAB, id="network"),
    pytest.param("registries", (), id="registries"),
    pytest.param("logs", (), id="logs"),
    pytest.param("cleanup", (), id="clean-up"),
    pytest.param("trash", (), id="trash"),
    pytest.param("jobs", (), id="jobs"),
    pytest.param("activity", (), id="activity"),
    pytest.param("hosts", (), id="hosts"),
    pytest.param("palette", (), id="palette"),
]
QUESTIONS = [
    pytest.param("container_launch", (), id="launch"),
    pytest.param("container_remove", WEB, id="remove-container"),
    pytest.param("container_rename", WEB, id="rename"),
    pytest.param("container_update", WEB, id="limits"),
    pytest.param("container_commit", WEB, id="commit"),
    pytest.param("container_reset", WEB, id="reset"),
    pytest.param("build_new", (), id="new-build"),
    pytest.param("volume_create", (), id="create-volume"),
    pytest.param("volume_remove", VOLUME, id="remove-volume"),
    pytest.param("network_create", (), id="create-network"),
    pytest.param("network_remove", LAB, id="remove-network"),
    pytest.param("network_connect", LAB, id="connect"),
    pytest.param("image_pull", (), id="pull"),
    pytest.param("image_remove", IMAGE, id="remove-image"),
    pytest.param("image_tag", IMAGE, id="tag-image"),
    pytest.param("image_push", IMAGE, id="push-image"),
    pytest.param("image_copy", IMAGE, id="copy-image"),
    pytest.param("image_to_host", IMAGE, id="image-to-host"),
    pytest.param("trash_restore_as", ("harbour", "a" * 64), id="restore-as"),
]
ACTIONS = [
    pytest.param("container_start", WEB, id="start"),
    pytest.param("container_stop", WEB, id="stop"),
    pytest.param("container_kill", WEB, id="kill"),
    pytest.param("container_restart", WEB, id="restart"),
    pytest.param("container_pause", WEB, id="pause"),
    pytest.param("container_unpause", WEB, id="unpause"),
    pytest.param("container_revert", WEB, id="revert"),
    pytest.param("console_ticket", WEB, id="console"),
    pytest.param("containers_bulk", (), id="bulk"),
    pytest.param("container_paste", (), id="paste"),
    pytest.param("network_disconnect", (*LAB, WEB[1]), id="disconnect"),
    pytest.param("cleanup_volumes", (), id="clean-up-volumes"),
    pytest.param("cleanup_networks", (), id="clean-up-networks"),
    pytest.param("image_starter", (), id="starter"),
    pytest.param("image_upload", ("harbour", "a" * 32), id="upload"),
    pytest.param("image_uploaded", ("harbour", "a" * 32), id="uploaded"),
    pytest.param("cleanup_weigh", (), id="weigh"),
    pytest.param("cleanup_plan", (), id="plan-clean-up"),
    pytest.param("cleanup_run", (), id="run-clean-up"),
    pytest.param("job_cancel", JOB, id="cancel"),
    pytest.param("container_trash", WEB, id="trash-container"),
    pytest.param("container_keep", WEB, id="keep"),
    pytest.param("image_trash", IMAGE, id="trash-image"),
    pytest.param("volume_trash", VOLUME, id="trash-volume"),
    pytest.param("trash_restore", (), id="restore"),
    pytest.param("trash_empty", (), id="empty-trash"),
    pytest.param("trash_undo", JOB, id="undo"),
]
HTMX = {"HX-Request": "true"}


def squeezed(html: str) -> str:
    """Return *html* without what differs between two answers: tokens and times."""
    html = re.sub(r'(csrfmiddlewaretoken" value|data-csrf|request_key" value)="[^"]*"', "", html)
    html = re.sub(r"\d+ seconds? ago", "", html)
    return re.sub(r"\s+", " ", html)


@pytest.mark.parametrize(("name", "args"), PAGES)
def test_no_page_is_kept_for_who_comes_after(browse, name, args):
    response = browse("vera").get(reverse(name, args=args))

    assert set(response["Cache-Control"].split(", ")) == {"private", "no-store"}


@pytest.mark.parametrize(("name", "args"), PAGES)
def test_a_viewer_sees_every_page(browse, name, args):
    response = browse("vera").get(reverse(name, args=args))

    assert response.status_code == 200
    assert "<!DOCTYPE html>" in response.content.decode()


@pytest.mark.parametrize(("name", "args"), PAGES)
def test_the_fragment_for_htmx_is_contained_in_the_page(browse, name, args):
    client = browse("ada")

    page = client.get(reverse(name, args=args)).content.decode()
    fragment = client.get(reverse(name, args=args), headers=HTMX).content.decode()

    assert "<html" not in fragment
    assert squeezed(fragment).strip() in squeezed(page)


@pytest.mark.parametrize(("name", "args"), PAGES + QUESTIONS)
def test_whoever_is_logged_out_is_sent_to_the_login_page(mess, name, args):
    address = reverse(name, args=args)

    response = Client().get(address)

    assert response.status_code == 302
    assert response.url == f"{reverse('account_login')}?next={address}"


@pytest.mark.parametrize(("name", "args"), PAGES)
def test_pages_take_no_posts(browse, name, args):
    assert browse("ada").post(reverse(name, args=args)).status_code == 405


@pytest.mark.parametrize(("name", "args"), ACTIONS)
def test_actions_are_posts(browse, name, args):
    assert browse("ada").get(reverse(name, args=args)).status_code == 405


@pytest.mark.parametrize(("name", "args"), ACTIONS + QUESTIONS)
def test_a_viewer_changes_nothing(browse, name, args):
    before = Job.objects.count(), AuditEntry.objects.count()

    response = browse("vera").post(reverse(name, args=args), {"ids": ["harbour/x"]})

    assert response.status_code == 403
    assert (Job.objects.count(), AuditEntry.objects.count()) == before


@pytest.mark.parametrize(("name", "args"), ACTIONS)
def test_a_form_from_elsewhere_changes_nothing(mess, name, args):
    client = Client(enforce_csrf_checks=True)
    client.force_login(mess.users["ada"])
    before = Job.objects.count()

    response = client.post(reverse(name, args=args))

    assert response.status_code == 403
    assert b"too old" in response.content
    assert Job.objects.count() == before


@pytest.mark.parametrize(("name", "args"), QUESTIONS)
def test_a_question_is_a_page_without_a_script_and_a_fragment_with_one(browse, name, args):
    client = browse("ada")

    page = client.get(reverse(name, args=args)).content.decode()
    fragment = client.get(reverse(name, args=args), headers=HTMX).content.decode()

    assert "<html" in page
    assert "<html" not in fragment
    assert 'method="post"' in page
    assert 'id="dialog-title"' in fragment


@pytest.mark.parametrize("name", ["container_detail", "image_detail"])
def test_what_is_not_there_is_a_404_in_our_style(browse, name):
    response = browse("vera").get(reverse(name, args=("harbour", "f" * 64)))

    assert response.status_code == 404
    assert "There is nothing here" in response.content.decode()


def test_team_is_for_admins(browse):
    assert browse("otto").get(reverse("team")).status_code == 403
    assert browse("ada").get(reverse("team")).status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        *("overview", "containers", "images", "volumes", "networks", "registries"),
        *("container_launch", "cleanup", "jobs", "activity"),
    ],
)
def test_pages_say_nothing_that_the_content_policy_forbids(browse, name):
    html = browse("ada").get(reverse(name)).content.decode()

    assert not re.search(r"\son[a-z]+=", html)
    assert not re.search(r"\sstyle=", html)
    assert not re.search(r"<style|<script(?![^>]*(?:src=|application/json))", html)
    assert "javascript:" not in html


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("overview", 10),
        ("containers", 9),
        ("images", 10),
        ("volumes", 9),
        ("networks", 9),
        ("cleanup", 24),
        ("jobs", 8),
        ("activity", 8),
    ],
)
def test_a_page_asks_the_database_a_fixed_number_of_times(
    browse, django_assert_max_num_queries, name, most
):
    client = browse("ada")
    with django_assert_max_num_queries(most):
        client.get(reverse(name))
