"""Leases on the pages: seen by all, changed by owners and maintainers."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from dashboard.jobs import JobName
from dashboard.models import Job

HTMX = {"HX-Request": "true"}


@pytest.fixture
def url(web) -> str:
    return reverse("container_lease", args=("harbour", web.container_id))


def asked_until() -> datetime | None:
    told = Job.objects.get(name=JobName.LEASE_CONTAINER).arguments.get("until")
    return datetime.fromisoformat(told) if told else None


def test_a_lease_that_ends_soon_stands_in_the_list_and_on_the_page(browse, web):
    web.expires_at = timezone.now() + timedelta(hours=3, minutes=1)
    web.save()

    for address in (reverse("containers"), web.get_absolute_url()):
        assert "Lease ends in 3 h" in browse("vera").get(address).content.decode()


def test_the_page_says_until_when_or_that_there_is_no_end(browse, web):
    assert "no end" in browse("vera").get(web.get_absolute_url()).content.decode()
    web.expires_at = timezone.now() + timedelta(days=5, minutes=1)
    web.save()

    html = browse("vera").get(web.get_absolute_url()).content.decode()
    assert "in 5 days" in html
    assert "Lease ends" not in html


def test_one_click_makes_it_a_day_longer(browse, web, url):
    web.expires_at = timezone.now() + timedelta(hours=3)
    web.save()

    answer = browse("otto").post(url, {"step": "day"}, headers=HTMX)

    assert answer.status_code == 204
    assert asked_until() == web.expires_at.replace(microsecond=0) + timedelta(days=1)


def test_one_click_takes_the_end_away(browse, url):
    browse("otto").post(url, {"step": "never"}, headers=HTMX)

    assert asked_until() is None


def test_a_lease_is_written_as_one_says_it(browse, url):
    page = browse("otto").get(url, headers=HTMX)
    refused = browse("otto").post(url, {"lease": "soon"}, headers=HTMX)
    browse("otto").post(url, {"lease": "4 hours"}, headers=HTMX)

    assert "known-leases" in page.content.decode()
    assert refused.status_code == 422
    assert 'value="soon"' in refused.content.decode()
    until = asked_until()
    assert until is not None
    assert timedelta(hours=3) < until - timezone.now() <= timedelta(hours=4)


def test_the_launch_dialog_asks_for_it(browse):
    html = browse("otto").get(reverse("container_launch"), headers=HTMX).content.decode()

    assert "Wanted until" in html


def test_another_s_lease_is_not_for_operators(browse, harbour):
    edge = harbour.containers.get(name="edge")
    url = reverse("container_lease", args=("harbour", edge.container_id))

    assert "belongs to ada" in browse("otto").get(url, headers=HTMX).content.decode()
    assert browse("otto").post(url, {"step": "day"}).status_code == 403
    assert browse("mia").post(url, {"step": "day"}, headers=HTMX).status_code == 204


def test_viewers_change_nothing_and_who_is_logged_out_signs_in(browse, url, client):
    assert browse("vera").post(url, {"step": "day"}).status_code == 403
    assert client.get(url).status_code == 302
    assert browse("otto").put(url).status_code == 405
