"""What pages offer to whom: viewers see, operators act on their own things, maintainers on all."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from dashboard.models import Job, Role

ASK_ADA = "belongs to ada: ask the owner"


def page(client, *where, **query) -> str:
    return client.get(reverse(*where[:1], args=where[1:]), query).content.decode()


def row_of(html: str, thing) -> str:
    start = html.index(f'<tr id="{thing.row_id}"')
    return html[start : html.index("</tr>", start)]


@pytest.fixture
def hers(harbour):
    """A stopped container of ada's."""
    return harbour.containers.get(name="nightly-import")


def test_an_operator_s_row_says_whose_it_is(browse, web, hers):
    html = page(browse("otto"), "containers")

    assert "data-others" not in row_of(html, web).partition(">")[0]
    assert "data-others" in row_of(html, hers).partition(">")[0]
    assert ASK_ADA in row_of(html, hers)


@pytest.mark.parametrize("name", ["vera", "mia", "ada"])
def test_nobody_else_s_rows_are_marked(browse, name):
    html = page(browse(name), "containers")

    assert not re.search(r"<tr[^>]* data-others", html)


def remove_url(kind: str, harbour) -> str:
    if kind == "container":
        thing = harbour.containers.get(name="nightly-import")
        return reverse("container_remove", args=("harbour", thing.container_id))
    if kind == "image":
        thing = harbour.images.get(is_dangling=True, added_by="ada")
        return reverse("image_remove", args=("harbour", thing.hex))
    if kind == "volume":
        harbour.volumes.filter(name="old-uploads").update(owner="ada")
        return reverse("volume_remove", args=("harbour", "old-uploads"))
    network = harbour.networks.get(name="lab")
    return reverse("network_remove", args=("harbour", network.network_id))


KINDS = ["container", "image", "volume", "network"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_operator_is_told_whose_it_is_instead_of_asked(browse, harbour, kind):
    url = remove_url(kind, harbour)

    told = browse("otto").get(url, headers={"HX-Request": "true"})

    assert told.status_code == 200
    assert ASK_ADA in told.content.decode()
    assert "button danger" not in told.content.decode()


@pytest.mark.parametrize("kind", KINDS)
def test_an_operator_s_form_for_another_s_is_refused_and_files_nothing(browse, harbour, kind):
    before = Job.objects.count()

    answer = browse("otto").post(remove_url(kind, harbour), {"confirm": "harbour"})

    assert answer.status_code == 422
    assert ASK_ADA in answer.content.decode()
    assert Job.objects.count() == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_maintainer_removes_what_is_another_s(browse, harbour, kind):
    before = Job.objects.count()

    browse("mia").post(remove_url(kind, harbour), {"confirm": "harbour"})

    assert Job.objects.count() == before + 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_viewer_is_refused_and_who_is_logged_out_goes_to_the_login(browse, harbour, kind, client):
    url = remove_url(kind, harbour)

    assert browse("vera").get(url).status_code == 403
    assert browse("vera").post(url).status_code == 403
    assert client.get(url).status_code == 302


@pytest.mark.parametrize("action", ["stop", "kill", "restart", "pause", "revert"])
def test_what_is_done_at_once_is_refused_for_another_s(browse, hers, action):
    url = reverse(f"container_{action}", args=("harbour", hers.container_id))

    answer = browse("otto").post(url, {"path": "/etc/motd"}, headers={"HX-Request": "true"})

    assert answer.status_code == 403
    assert ASK_ADA in answer.content.decode()


def ids_of(*containers) -> list[str]:
    return [f"{each.host_id}/{each.container_id}" for each in containers]


def test_a_bulk_removal_names_what_it_leaves_alone(browse, hers, stopped):
    told = {"verb": "remove", "ids": ids_of(hers, stopped)}
    html = browse("otto").post(reverse("containers_bulk"), told).content.decode()

    assert "Left alone" in html
    assert ASK_ADA in html
    assert f'value="{ids_of(stopped)[0]}"' in html
    assert f'value="{ids_of(hers)[0]}"' not in html


def test_a_bulk_verb_leaves_what_is_another_s_alone(browse, web, harbour):
    edge = harbour.containers.get(name="edge")
    told = {"verb": "stop", "ids": ids_of(web, edge)}
    before = Job.objects.count()

    answer = browse("otto").post(reverse("containers_bulk"), told, headers={"HX-Request": "true"})

    assert "1 container of others left alone" in answer["HX-Trigger"]
    assert Job.objects.count() == before + 1
    assert Job.objects.first().arguments == {"container_id": web.container_id}


def test_only_another_s_is_a_refusal(browse, hers):
    told = {"verb": "restart", "ids": ids_of(hers)}

    answer = browse("otto").post(reverse("containers_bulk"), told, headers={"HX-Request": "true"})

    assert answer.status_code == 422
    assert "ask the owners" in answer["HX-Trigger"]


def test_an_admin_makes_somebody_a_maintainer(browse, mess):
    otto = mess.users["otto"]
    ada = browse("ada")

    ada.post(reverse("team_change", args=(otto.pk,)), {"action": "role", "role": "maintainer"})

    otto.refresh_from_db()
    assert otto.role == Role.MAINTAINER
    assert "belongs to others" in page(ada, "team")


def test_a_maintainer_decides_about_nobody_s_role(browse, mess):
    url = reverse("team_change", args=(mess.users["otto"].pk,))

    assert browse("mia").get(reverse("team")).status_code == 403
    assert browse("mia").post(url, {"action": "role", "role": "admin"}).status_code == 403
