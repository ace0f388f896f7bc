from __future__ import annotations

from django.urls import reverse

from dashboard.models import Container, Host, Image


def test_the_disk_is_told_beside_what_adding_up_would_say(browse):
    html = browse("vera").get(reverse("overview")).content.decode()

    assert "41.2 GB free of 64.0 GB" in html
    assert "Adding up virtual sizes would say" in html
    assert "11.8 GB</s>; it is" in html


def test_the_build_up_is_of_all_hosts(browse):
    html = browse("vera").get(reverse("overview")).content.decode()

    assert "294 MB" in html
    assert "#untagged" in html


def test_an_empty_team_is_offered_three_things_to_do(browse, mess):
    Container.objects.all().delete()
    Image.objects.all().delete()
    Host.objects.update(image_count=0, container_count=0)

    html = browse("ada").get(reverse("overview")).content.decode()

    assert "Pull an image" in html
    assert "Make the starter image" in html
    assert "Launch a container" in html


def test_hosts_tell_their_facts(browse):
    html = browse("vera").get(reverse("hosts")).content.decode()

    assert "cgroup layout" in html
    assert "v2 (unified)" in html
    assert "runc 1.1.5" in html


def test_the_palette_finds_pages_commands_and_objects(browse):
    client = browse("otto")

    html = client.get(
        reverse("palette"), {"q": "web"}, headers={"HX-Request": "true"}
    ).content.decode()
    commands = client.get(reverse("palette"), {"q": "pull"}).content.decode()

    assert "web-1" in html
    assert "registry.example.org/team/web:187" in html
    assert reverse("image_pull") in commands


def test_the_palette_offers_a_viewer_no_commands(browse):
    html = (
        browse("vera")
        .get(reverse("palette"), {"q": ""}, headers={"HX-Request": "true"})
        .content.decode()
    )

    assert reverse("container_launch") not in html
    assert reverse("containers") in html


def test_activity_tells_who_did_what_from_where(browse):
    html = browse("vera").get(reverse("activity"), {"who": "ada"}).content.decode()

    assert "10.20.0.7" in html
    assert "Pull registry.example.org/team/api:12" in html
    assert "Who: ada" in html
