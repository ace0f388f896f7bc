"""Notices that leave the product: to whom, and one attempt after the other."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from django.core import serializers
from django.utils import timezone

from dashboard import jobs, services, vault
from dashboard.errors import NotPermitted
from dashboard.models import AuditEntry, Delivery, Notice, NoticeKind, Webhook
from dashboard.services.deliveries import LOST_AFTER, WAITS
from tests.support.queues import Sent, drain

SECRET = "a secret of sixteen or more"
RUN = NoticeKind.POLICY_RUN


@pytest.fixture
def webhook(ada) -> Webhook:
    return services.save_webhook(
        name="Chat", url="https://chat.example.org/hook", secret=SECRET, user=ada
    )


@pytest.fixture
def delivery(webhook, ada) -> Delivery:
    services.notify(RUN, "12 images went", users=[ada])
    return Delivery.objects.get()


def let_pass(delivery: Delivery) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(next_attempt_at=timezone.now())


def test_the_team_s_business_goes_to_its_webhooks_after_the_commit(
    webhook, ada, django_capture_on_commit_callbacks
) -> None:
    drain("team")
    with django_capture_on_commit_callbacks(execute=True):
        services.notify(RUN, "12 images went", users=[ada])
        assert drain("team") == []

    delivery = Delivery.objects.get()
    assert (delivery.webhook, delivery.user, delivery.state) == (webhook, None, "pending")
    assert drain("team") == [Sent(jobs.DELIVER, {"delivery_id": delivery.pk})]


def test_what_is_asked_of_one_person_goes_to_no_webhook(webhook, ada) -> None:
    services.notify(NoticeKind.OWNER_ASKED, "May this go?", users=[ada])

    assert not Delivery.objects.exists()


def test_a_webhook_that_is_off_is_told_nothing(webhook, ada) -> None:
    services.switch_webhook(webhook, on=False, user=ada)
    services.notify(RUN, "12 images went", users=[ada])

    assert not Delivery.objects.exists()


def test_without_a_mail_server_nobody_gets_mail(ada) -> None:
    services.notify(RUN, "12 images went", users=[ada])

    assert not Delivery.objects.exists()


def test_mail_goes_to_who_is_told_and_wants_it(ada, otto, vera, settings) -> None:
    settings.SHIPSHAPE_SENDS_MAIL = True
    services.set_wants_mail(otto, wants_mail=False)
    type(vera).objects.filter(pk=vera.pk).update(email="")

    services.notify(NoticeKind.OWNER_ASKED, "May this go?", users=[ada, otto, vera])

    assert [each.user for each in Delivery.objects.all()] == [ada]


def test_of_two_messages_one_is_tried(delivery) -> None:
    claimed = services.claim_delivery(delivery.pk)

    assert claimed.attempts == 1
    assert services.claim_delivery(delivery.pk) is None
    assert services.claim_delivery(4711) is None


def test_what_arrived_is_not_sent_again(delivery) -> None:
    services.finish_delivery(services.claim_delivery(delivery.pk), message="it answered 204")
    let_pass(delivery)

    assert services.claim_delivery(delivery.pk) is None
    assert Delivery.objects.get().state == "delivered"


def test_each_attempt_waits_longer_until_nobody_tries_any_more(delivery) -> None:
    waits = []
    while (claimed := services.claim_delivery(delivery.pk)) is not None:
        waits.append(services.retry_delivery(claimed, message="it answered 503", is_final=False))
        let_pass(delivery)

    assert waits == [*WAITS, None]
    delivery.refresh_from_db()
    assert (delivery.state, delivery.message) == ("failed", "it answered 503")


def test_what_is_no_use_to_try_again_has_failed_at_once(delivery) -> None:
    claimed = services.claim_delivery(delivery.pk)

    assert services.retry_delivery(claimed, message="it answered 404", is_final=True) is None
    assert Delivery.objects.get().state == "failed"


def test_a_message_that_was_lost_is_sent_again(delivery) -> None:
    drain("team")
    assert services.resend_lost_deliveries() == 0
    lost = timezone.now() - LOST_AFTER - timedelta(seconds=1)
    Delivery.objects.update(next_attempt_at=lost)

    assert services.resend_lost_deliveries() == 1
    assert [each.kwargs for each in drain("team")] == [{"delivery_id": delivery.pk}]


def test_a_test_goes_to_one_webhook_and_into_no_inbox(webhook, ada) -> None:
    services.save_webhook(name="Other", url="http://x.example", secret=SECRET, user=ada)

    services.send_test(webhook, user=ada)

    assert [each.webhook for each in Delivery.objects.all()] == [webhook]
    assert not Notice.objects.get().notifications.exists()


def test_the_secret_is_nowhere_in_the_clear(delivery, webhook, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    stored = [*Webhook.objects.all(), *Delivery.objects.all(), *AuditEntry.objects.all()]

    assert SECRET not in serializers.serialize("json", stored)
    assert SECRET not in caplog.text
    assert vault.decrypt(webhook.encrypted_secret) == SECRET


def test_saving_under_the_same_name_takes_its_place(webhook, ada) -> None:
    again = services.save_webhook(name="Chat", url="http://x.example", secret="b" * 16, user=ada)

    assert again.pk == webhook.pk
    assert Webhook.objects.get().url == "http://x.example"


def test_a_webhook_that_is_forgotten_takes_its_deliveries_with_it(delivery, webhook, ada) -> None:
    services.delete_webhook(webhook, user=ada)

    assert not Delivery.objects.exists()
    assert AuditEntry.objects.first().summary == "Deleted the webhook Chat"


def test_only_admins_decide_about_webhooks(webhook, otto) -> None:
    for attempt in (
        lambda: services.save_webhook(name="x", url="http://x", secret=SECRET, user=otto),
        lambda: services.switch_webhook(webhook, on=False, user=otto),
        lambda: services.send_test(webhook, user=otto),
        lambda: services.delete_webhook(webhook, user=otto),
    ):
        with pytest.raises(NotPermitted):
            attempt()

    assert Webhook.objects.get().is_enabled
