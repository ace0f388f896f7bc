"""A person's notifications: the page, the bell, and having read them."""

from __future__ import annotations

import pytest
from django.urls import reverse

from dashboard import selectors, services
from dashboard.models import NoticeKind, Notification


@pytest.fixture
def told(mess) -> Notification:
    """Vera was told something."""
    notice = services.notify(
        NoticeKind.POLICY_RUN,
        "Nightly moved 12 images to the trash",
        "3.4 GB come free when it is emptied.",
        "/jobs/",
        users=[mess.users["vera"]],
    )
    return notice.notifications.get()


def test_every_page_shows_what_is_new_in_the_bell(browse, told):
    html = browse("vera").get(reverse("containers")).content.decode()

    assert 'id="unread-count" >1</span>' in html
    assert "Nightly moved 12 images to the trash" in html
    assert "Nightly" not in browse("otto").get(reverse("containers")).content.decode()


def test_the_page_lists_it_and_can_leave_out_what_was_read(browse, told):
    client = browse("vera")

    assert "3.4 GB come free" in client.get(reverse("notifications")).content.decode()
    client.post(reverse("notification_read", args=(told.pk,)))
    assert "No notification matches" in client.get("/notifications/?state=unread").content.decode()


def test_a_page_that_begins_to_listen_gets_the_bell_as_it_is(browse, client, told):
    address = reverse("notifications_latest")

    html = browse("vera").get(address).content.decode()

    assert 'data-unread-count="1"' in html
    assert "Nightly moved 12 images to the trash" in html
    assert 'data-unread-count="0"' in browse("otto").get(address).content.decode()
    assert browse("vera").post(address).status_code == 405
    assert client.get(address).status_code == 302


def test_without_any_the_page_says_so(browse):
    assert "Nothing to tell yet" in browse("vera").get(reverse("notifications")).content.decode()


def test_opening_one_reads_it_and_leads_to_what_it_is_about(browse, told):
    response = browse("vera").post(reverse("notification_open", args=(told.pk,)))

    assert (response.status_code, response["Location"]) == (302, "/jobs/")
    told.refresh_from_db()
    assert told.read_at


@pytest.mark.parametrize("link", ["https://evil.example/", "//evil.example/", "javascript:x", ""])
def test_none_leads_away_from_us(browse, mess, link):
    services.notify(NoticeKind.TEST, "x", link=link, users=[mess.users["vera"]])
    pk = Notification.objects.get().pk

    response = browse("vera").post(reverse("notification_open", args=(pk,)))

    assert response["Location"] == reverse("notifications")


def test_htmx_reads_one_in_place(browse, told):
    address = reverse("notification_read", args=(told.pk,))

    assert browse("vera").post(address, headers={"HX-Request": "true"}).status_code == 204
    assert selectors.unread_count(told.user_id) == 0


def test_all_are_read_at_once(browse, told):
    browse("vera").post(reverse("notifications_read"))

    assert selectors.unread_count(told.user_id) == 0


def test_anothers_notification_is_none(browse, told):
    for name in ("notification_open", "notification_read"):
        assert browse("otto").post(reverse(name, args=(told.pk,))).status_code == 404


def test_only_who_is_signed_in_and_asks_in_the_right_way(browse, client, told):
    for name, arguments in (
        ("notification_open", (told.pk,)),
        ("notification_read", (told.pk,)),
        ("notifications_read", ()),
    ):
        address = reverse(name, args=arguments)
        assert browse("vera").get(address).status_code == 405
        assert client.post(address).status_code == 302
    assert client.get(reverse("notifications")).status_code == 302
    assert browse("vera").post(reverse("notifications")).status_code == 405
    assert selectors.unread_count(told.user_id) == 1
