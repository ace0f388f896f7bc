"""Volumes and networks: lists, details, making and removing, and doing it to many."""

from __future__ import annotations

import pytest
from django.urls import reverse

from dashboard.jobs import JobName
from dashboard.models import Job, Network, Volume
from tests.support.mess import hex_id

HTMX = {"HX-Request": "true"}
LAB = hex_id("network", "harbour", "lab")
BACKEND = hex_id("network", "harbour", "backend")


def test_volumes_say_who_uses_them_and_what_they_hold(browse):
    html = browse("vera").get(reverse("volumes"), {"host": "harbour"}).content.decode()

    assert "orders-data" in html
    assert "12.0 GB" in html
    assert "No container uses" in html


def test_unused_volumes_alone(browse):
    page = browse("vera").get(reverse("volumes"), {"host": "harbour", "show": "unused"})

    assert {row.name for row in page.context["page"]} == {
        "old-uploads",
        hex_id("volume", "harbour"),
    }


def test_a_volume_names_its_containers(browse, harbour):
    volume = harbour.volumes.get(name="web-cache")
    html = browse("vera").get(volume.get_absolute_url()).content.decode()

    for container in harbour.containers.filter(container_id__in=volume.holders):
        assert container.name in html


def test_what_was_typed_becomes_a_volume(browse):
    typed = {"host": "harbour", "name": "data", "labels": "team=ships\nkeep"}

    browse("otto").post(reverse("volume_create"), typed, headers=HTMX)

    job = Job.objects.get(name=JobName.CREATE_VOLUME)
    assert job.arguments == {"name": "data", "labels": {"team": "ships", "keep": ""}}


@pytest.mark.parametrize(
    ("typed", "field"), [({"name": "a b"}, "name"), ({"labels": "=x"}, "labels")]
)
def test_a_volume_that_cannot_be_is_refused_at_its_field(browse, typed, field):
    response = browse("otto").post(
        reverse("volume_create"), {"host": "harbour", **typed}, headers=HTMX
    )

    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]


def test_removing_a_volume_says_what_is_lost_and_that_it_is_anothers(browse):
    address = reverse("volume_remove", args=("harbour", "old-uploads"))
    html = browse("ada").get(address, headers=HTMX).content.decode()
    assert "12.0 GB" in html
    assert "There is no way back" in html

    assert browse("ada").post(address, headers=HTMX).status_code == 422
    assert browse("ada").post(address, {"confirm": "harbour"}, headers=HTMX).status_code == 200
    assert Job.objects.get(name=JobName.REMOVE_VOLUME).arguments == {"name": "old-uploads"}


def test_networks_say_their_subnets_and_who_is_connected(browse):
    html = browse("vera").get(reverse("networks"), {"host": "harbour"}).content.decode()

    assert "172.21.0.0/16" in html
    assert "Internal" in html


def test_a_network_names_its_containers_with_their_addresses(browse, harbour):
    html = browse("vera").get(reverse("network_detail", args=("harbour", BACKEND))).content.decode()

    assert "172.21.0.2" in html
    assert harbour.containers.filter(state="running").first().name in html


def test_what_was_typed_becomes_a_network(browse):
    typed = {"host": "harbour", "name": "lab2", "subnet": "10.9.0.0/24", "internal": "on"}

    browse("otto").post(reverse("network_create"), typed, headers=HTMX)

    told = Job.objects.get(name=JobName.CREATE_NETWORK).arguments
    assert told == {"name": "lab2", "subnet": "10.9.0.0/24", "internal": True}


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x y"}, "name"),
        ({"name": "lab2", "subnet": "10.9.0.1/24"}, "subnet"),
        ({"name": "lab2", "subnet": "10.9.0.0/24", "gateway": "10.8.0.1"}, "gateway"),
    ],
)
def test_a_network_that_cannot_be_is_refused_at_its_field(browse, typed, field):
    response = browse("otto").post(
        reverse("network_create"), {"host": "harbour", **typed}, headers=HTMX
    )

    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]


def test_a_container_is_connected_under_an_alias_and_taken_out(browse, harbour, web):
    connect = reverse("network_connect", args=("harbour", LAB))
    typed = {"container_id": web.container_id, "aliases": "db orders"}
    browse("otto").post(connect, typed, headers=HTMX)
    told = Job.objects.get(name=JobName.CONNECT_NETWORK).arguments
    assert told["aliases"] == ["db", "orders"]

    out = reverse("network_disconnect", args=("harbour", BACKEND, web.container_id))
    assert browse("otto").post(out, headers=HTMX).status_code == 204
    assert Job.objects.get(name=JobName.DISCONNECT_NETWORK).arguments["network_id"] == BACKEND


def test_a_container_of_elsewhere_cannot_be_connected(browse, mess):
    other = mess.hosts["lighthouse"].containers.first()

    response = browse("otto").post(
        reverse("network_connect", args=("harbour", LAB)),
        {"container_id": other.container_id},
        headers=HTMX,
    )

    assert response.status_code == 422


@pytest.mark.parametrize(
    ("address", "job", "value", "told"),
    [
        ("cleanup_volumes", JobName.TRASH_VOLUMES, "harbour/old-uploads", "old-uploads"),
        ("cleanup_networks", JobName.CLEAN_UP_NETWORKS, f"harbour/{LAB}", LAB),
    ],
)
def test_what_is_ticked_goes_and_nothing_else(browse, address, job, value, told):
    browse("mia").post(reverse(address), {"ids": [value]})

    assert Job.objects.get(name=job).arguments == {"ids": [told]}


@pytest.mark.parametrize("address", ["cleanup_volumes", "cleanup_networks"])
def test_nothing_ticked_removes_nothing(browse, address):
    before = Job.objects.count()

    assert browse("otto").post(reverse(address)).status_code == 302
    assert Job.objects.count() == before


def test_what_is_used_or_built_in_cannot_be_ticked(browse, harbour):
    html = browse("otto").get(reverse("volumes"), {"q": "web-cache"}).content.decode()
    assert "A container uses it, so it stays" in html
    html = browse("otto").get(reverse("networks"), {"q": "none"}).content.decode()
    assert "It comes with the engine and stays" in html
    assert Volume.objects.get(host=harbour, name="web-cache").is_used
    assert Network.objects.get(host=harbour, name="none").is_built_in


# --- many containers --------------------------------------------------------------------------


def bulk(client, verb, **told):
    return client.post(reverse("containers_bulk"), {"verb": verb, **told}, headers=HTMX)


def test_a_verb_is_asked_of_all_that_it_makes_sense_for(browse, web, stopped):
    ids = [f"harbour/{each.container_id}" for each in (web, stopped)]

    before = set(Job.objects.values_list("pk", flat=True))

    response = bulk(browse("otto"), "stop", ids=ids)

    assert response.status_code == 204
    jobs = Job.objects.exclude(pk__in=before)
    assert [(job.name, job.object_id) for job in jobs] == [("containers.stop", web.container_id)]


def test_all_that_a_list_shows_can_be_chosen(browse, harbour):
    before = Job.objects.count()
    bulk(browse("otto"), "start", matching="host=harbour&state=stopped")

    stopped = harbour.containers.filter(state__in=("created", "exited", "dead")).count()
    assert Job.objects.count() - before == stopped > 1


def test_removing_many_is_asked_about_first(browse, web, stopped):
    ids = [f"harbour/{each.container_id}" for each in (web, stopped)]
    before = Job.objects.count()

    html = bulk(browse("otto"), "remove", ids=ids).content.decode()

    assert "212 MB" in html or "214 MB" in html
    assert "1</b> of them runs" in html
    assert Job.objects.count() == before
    bulk(browse("otto"), "remove", ids=ids, sure="yes")
    jobs = Job.objects.filter(name=JobName.REMOVE_CONTAINER)
    assert {job.arguments["container_id"]: job.arguments.get("force", False) for job in jobs} == {
        web.container_id: True,
        stopped.container_id: False,
    }


def test_nothing_chosen_is_said_and_an_unknown_verb_refused(browse):
    assert bulk(browse("otto"), "stop").status_code == 422
    assert bulk(browse("otto"), "explode", ids=["harbour/x"]).status_code == 400
