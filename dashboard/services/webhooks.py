"""The team's webhooks: written by admins, read by workers; their secrets are shown to nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from dashboard import audit, vault
from dashboard.models import Notice, NoticeKind, Webhook
from dashboard.permissions import ROLE_FOR_WEBHOOKS, check_permitted
from dashboard.services.deliveries import deliver_to

if TYPE_CHECKING:
    from dashboard.models import Delivery, User

TEST_TITLE = "A test from Shipshape"


def save_webhook(
    *, name: str, url: str, secret: str, user: User, address: str | None = None
) -> Webhook:
    """Return the webhook of that name, which from now on has this address and secret."""
    check_permitted(user, ROLE_FOR_WEBHOOKS)
    with transaction.atomic():
        webhook, _ = Webhook.objects.update_or_create(
            name=name,
            defaults={
                "url": url,
                "encrypted_secret": vault.encrypt(secret),
                "is_enabled": True,
                "created_by": user,
            },
        )
        _record("webhooks.save", "Saved", webhook, user, address)
    return webhook


def switch_webhook(webhook: Webhook, *, on: bool, user: User, address: str | None = None) -> None:
    """Have *webhook* told what happens from now on, or not."""
    check_permitted(user, ROLE_FOR_WEBHOOKS)
    with transaction.atomic():
        Webhook.objects.filter(pk=webhook.pk).update(is_enabled=on)
        _record("webhooks.switch", f"Switched {'on' if on else 'off'}", webhook, user, address)


def delete_webhook(webhook: Webhook, *, user: User, address: str | None = None) -> None:
    """Forget *webhook*, and what is on its way to it."""
    check_permitted(user, ROLE_FOR_WEBHOOKS)
    with transaction.atomic():
        _record("webhooks.delete", "Deleted", webhook, user, address)
        Webhook.objects.filter(pk=webhook.pk).delete()


def send_test(webhook: Webhook, *, user: User) -> Delivery:
    """Return the delivery of a test to *webhook* alone; it is in nobody's inbox."""
    check_permitted(user, ROLE_FOR_WEBHOOKS)
    with transaction.atomic():
        notice = Notice.objects.create(
            kind=NoticeKind.TEST.value,
            title=TEST_TITLE,
            body=f"{user.username} asked for it.",
            link="/notifications/webhooks/",
        )
        return deliver_to(notice, webhook=webhook)


def _record(action: str, verb: str, webhook: Webhook, user: User, address: str | None) -> None:
    audit.record_change(
        action,
        user=user,
        object_kind="webhook",
        object_id=webhook.name,
        summary=f"{verb} the webhook {webhook.name}",
        address=address,
    )
