"""
Sending notices out: who gets them, and one attempt after the other.

The rows are the truth; a message only says which row to look at. Whoever claims a delivery has it
for a while, so that a message which comes twice sends nothing twice.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from kombu.exceptions import OperationalError

from dashboard import jobs
from dashboard.models import Delivery, DeliveryState, NoticeKind, Webhook

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dashboard.models import Notice, User

log = logging.getLogger(__name__)

# What concerns the team; what is asked of one person goes to no webhook.
TEAM_KINDS = frozenset(
    {
        NoticeKind.POLICY_RUN.value,
        NoticeKind.POLICY_FAILED.value,
        NoticeKind.POLICY_PAUSED.value,
        NoticeKind.TRASH_EMPTIED.value,
        NoticeKind.CLEANUP_FAILED.value,
    }
)
WAITS = (10, 60, 300, 1800, 7200)
HELD = timedelta(seconds=90)
# A retry may come a moment before the clock of another host says so.
SLACK = timedelta(seconds=5)
LOST_AFTER = timedelta(minutes=5)
SWEEP_SIZE = 200


def send_out(notice: Notice, people: Iterable[User]) -> None:
    """Have *notice* go to the team's webhooks, and by mail to whom of *people* wants that."""
    if notice.kind in TEAM_KINDS:
        for webhook in Webhook.objects.filter(is_enabled=True):
            deliver_to(notice, webhook=webhook)
    if settings.SHIPSHAPE_SENDS_MAIL:
        for user in people:
            if user.email and user.wants_mail:
                deliver_to(notice, user=user)


def deliver_to(
    notice: Notice, *, webhook: Webhook | None = None, user: User | None = None
) -> Delivery:
    """Return the delivery of *notice*, which a worker begins after the commit."""
    delivery = Delivery.objects.create(
        notice=notice, webhook=webhook, user=user, next_attempt_at=timezone.now()
    )
    transaction.on_commit(partial(_send, delivery.pk), robust=True)
    return delivery


def claim_delivery(delivery_id: int) -> Delivery | None:
    """Return the delivery to be tried now, counted as one attempt; None where it is not due."""
    now = timezone.now()
    due = Delivery.objects.filter(
        pk=delivery_id, state=DeliveryState.PENDING, next_attempt_at__lte=now + SLACK
    )
    if not due.update(attempts=F("attempts") + 1, next_attempt_at=now + HELD + SLACK):
        return None
    return Delivery.objects.select_related("notice", "webhook", "user").get(pk=delivery_id)


def finish_delivery(delivery: Delivery, *, message: str) -> None:
    """Note that *delivery* arrived."""
    _end(delivery, DeliveryState.DELIVERED, message)


def retry_delivery(delivery: Delivery, *, message: str, is_final: bool) -> int | None:
    """Note that an attempt failed; return the seconds to the next one, None where it was the last.

    After `WAITS` nobody tries any more, and the delivery has failed.
    """
    if is_final or delivery.attempts > len(WAITS):
        _end(delivery, DeliveryState.FAILED, message)
        return None
    wait = WAITS[delivery.attempts - 1]
    Delivery.objects.filter(pk=delivery.pk).update(
        message=message[:255], next_attempt_at=timezone.now() + timedelta(seconds=wait)
    )
    return wait


def resend_lost_deliveries() -> int:
    """Send again the messages of deliveries that nobody tries although it is time; return a count.

    A broker may forget what it was given, and a worker may be killed with a message in its hands.
    """
    lost = Delivery.objects.filter(
        state=DeliveryState.PENDING, next_attempt_at__lte=timezone.now() - LOST_AFTER
    )
    found = list(lost.order_by("next_attempt_at").values_list("pk", flat=True)[:SWEEP_SIZE])
    for delivery_id in found:
        _send(delivery_id)
    return len(found)


def _end(delivery: Delivery, state: DeliveryState, message: str) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(
        state=state, message=message[:255], ended_at=timezone.now()
    )


def _send(delivery_id: int) -> None:
    try:
        jobs.producer().send_task(
            jobs.DELIVER, kwargs={"delivery_id": delivery_id}, queue=jobs.TEAM_QUEUE, retry=False
        )
    except (OperationalError, OSError) as error:
        log.warning("delivery %s waits: no broker (%s)", delivery_id, type(error).__name__)
