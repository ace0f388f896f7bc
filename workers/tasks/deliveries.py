"""Taking notices out: to webhooks and into mailboxes, one attempt each."""

from __future__ import annotations

import smtplib
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils import timezone

from dashboard import vault
from dashboard.jobs import DELIVER
from dashboard.services import (
    claim_delivery,
    finish_delivery,
    resend_lost_deliveries,
    retry_delivery,
)
from workers.app import app
from workers.schedule import RESEND_DELIVERIES
from workers.webhooks import DeliveryFailed, body_of, headers_of, post

if TYPE_CHECKING:
    from celery import Task

    from dashboard.models import Delivery, Notice, User, Webhook


@app.task(name=DELIVER, bind=True, max_retries=None)
def deliver(task: Task[Any, Any], *, delivery_id: int) -> None:
    """Try a delivery that is due; where it fails, again later, ever more patiently."""
    delivery = claim_delivery(delivery_id)
    if delivery is None:
        return
    try:
        message = attempt(delivery)
    except DeliveryFailed as error:
        wait = retry_delivery(delivery, message=error.message, is_final=error.is_final)
        if wait is not None:
            raise task.retry(countdown=wait) from None
    else:
        finish_delivery(delivery, message=message)


@app.task(name=RESEND_DELIVERIES)
def resend_deliveries() -> None:
    """Have the messages of deliveries that were lost sent again."""
    resend_lost_deliveries()


def attempt(delivery: Delivery) -> str:
    """Return in a few words how *delivery* arrived; raise `DeliveryFailed`."""
    if delivery.webhook is not None:
        return _post(delivery.notice, delivery.webhook)
    assert delivery.user is not None
    return _mail(delivery.notice, delivery.user)


def _post(notice: Notice, webhook: Webhook) -> str:
    if not webhook.is_enabled and notice.kind != "test":
        raise DeliveryFailed("it was switched off", is_final=True)
    try:
        secret = vault.decrypt(webhook.encrypted_secret)
    except vault.CannotDecrypt:
        words = "its secret cannot be read any more; write it down again"
        raise DeliveryFailed(words, is_final=True) from None
    body = body_of(notice, origin=settings.SHIPSHAPE_URL.origin)
    status = post(webhook.url, body, headers_of(body, secret=secret, now=timezone.now()))
    return f"it answered {status}"


def _mail(notice: Notice, user: User) -> str:
    if not user.is_active:
        raise DeliveryFailed("the account is shut out", is_final=True)
    link = f"{settings.SHIPSHAPE_URL.origin}{notice.link}" if notice.link else ""
    text = "\n\n".join(filter(None, (notice.title, notice.body, link)))
    mail = EmailMessage(" ".join(notice.title.split()), text, to=[user.email])
    try:
        mail.send()
    except smtplib.SMTPRecipientsRefused:
        raise DeliveryFailed("the mail server refuses that address", is_final=True) from None
    except (OSError, smtplib.SMTPException) as error:
        raise DeliveryFailed(f"the mail server: {type(error).__name__}") from None
    return "the mail server took it"
