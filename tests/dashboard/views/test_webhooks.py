"""Webhooks and mail: the pages."""

from __future__ import annotations

import pytest
from django.urls import reverse

from dashboard import services, vault
from dashboard.models import AuditEntry, Delivery, Notification, Webhook

TYPED = {
    "name": "Chat",
    "url": "https://chat.example.org/hooks/T0P-S3CRET",
    "secret": "correct horse battery",
}


@pytest.fixture
def webhook(mess) -> Webhook:
    return services.save_webhook(**TYPED, user=mess.users["ada"])


def test_a_webhook_is_kept_with_its_secret_encrypted_and_shown_to_nobody(browse, mess) -> None:
    html = browse("ada").post(reverse("webhooks"), TYPED, follow=True).content.decode()

    kept = Webhook.objects.get()
    assert vault.decrypt(kept.encrypted_secret) == TYPED["secret"]
    assert TYPED["secret"] not in html
    assert "https://chat.example.org<" in html
    assert "T0P-S3CRET" not in html
    assert "correct horse" not in str(list(AuditEntry.objects.values()))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"url": ""}, "url"),
        ({"url": "ftp://chat.example.org/"}, "url"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"url": "https://"}, "url"),
        ({"url": "http://host:notaport/"}, "url"),
        ({"url": "http://user:password@host/"}, "url"),
        ({"url": "http://ho st/"}, "url"),
        ({"secret": "short"}, "secret"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(browse, mess, changes, field) -> None:
    response = browse("ada").post(reverse("webhooks"), {**TYPED, **changes})

    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]
    assert not Webhook.objects.exists()


def test_a_test_is_sent_and_its_way_is_shown(browse, webhook) -> None:
    address = reverse("webhook_change", args=(webhook.pk,))
    html = browse("ada").post(address, {"action": "test"}, follow=True).content.decode()

    assert "A test is on its way to Chat." in html
    assert "On its way</span>" in html
    Delivery.objects.update(state="failed", message="it answered 404")
    assert "it answered 404" in browse("ada").get(reverse("webhooks")).content.decode()


def test_it_is_switched_and_forgotten(browse, webhook) -> None:
    client, address = browse("ada"), reverse("webhook_change", args=(webhook.pk,))

    client.post(address, {"action": "off"})
    assert not Webhook.objects.get().is_enabled
    client.post(address, {"action": "on"})
    assert Webhook.objects.get().is_enabled
    assert client.post(address, {"action": "explode"}).status_code == 400
    client.post(address, {"action": "delete"})
    assert not Webhook.objects.exists()
    assert client.post(address, {"action": "test"}).status_code == 404


def test_webhooks_are_for_admins(browse, client, webhook) -> None:
    change = reverse("webhook_change", args=(webhook.pk,))
    for name in ("otto", "mia"):
        assert browse(name).get(reverse("webhooks")).status_code == 403
        assert browse(name).post(change, {"action": "delete"}).status_code == 403
    assert browse("ada").get(change).status_code == 405
    assert client.get(reverse("webhooks")).status_code == 302
    assert client.post(change, {"action": "delete"}).status_code == 302
    assert Webhook.objects.exists()


def test_anybody_can_have_a_test_of_their_own(browse, client, mess) -> None:
    browse("vera").post(reverse("notification_test"))

    assert [each.user for each in Notification.objects.all()] == [mess.users["vera"]]
    assert browse("vera").get(reverse("notification_test")).status_code == 405
    assert client.post(reverse("notification_test")).status_code == 302


def test_mail_is_offered_only_where_there_is_a_server(browse, mess, settings) -> None:
    client = browse("vera")
    assert "Stop mail" not in client.get(reverse("notifications")).content.decode()

    settings.SHIPSHAPE_SENDS_MAIL = True
    html = client.get(reverse("notifications")).content.decode()
    assert "Sent to vera@example.org too." in html
    client.post(reverse("notification_mail"), {"mail": "off"})
    assert "Send mail too" in client.get(reverse("notifications")).content.decode()
    client.post(reverse("notification_mail"), {"mail": "on"})
    mess.users["vera"].refresh_from_db()
    assert mess.users["vera"].wants_mail
    assert client.get(reverse("notification_mail")).status_code == 405


def test_an_account_without_an_address_says_so(browse, mess, settings) -> None:
    settings.SHIPSHAPE_SENDS_MAIL = True
    type(mess.users["vera"]).objects.update(email="")

    html = browse("vera").get(reverse("notifications")).content.decode()

    assert "Your account has no mail address." in html
