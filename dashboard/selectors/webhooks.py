"""The team's webhooks, with what became of what was sent to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.db.models import OuterRef, Subquery

from dashboard.errors import WebhookNotFound
from dashboard.models import Delivery, Webhook

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class WebhookRow:
    """A webhook and its newest delivery."""

    webhook: Webhook
    last: Delivery | None

    @property
    def place(self) -> str:
        """Where it lies, without its path: that may be as good as a password."""
        parts = urlsplit(self.webhook.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def last_at(self) -> datetime | None:
        """When its newest notice was written."""
        return self.last.notice.created_at if self.last else None


def webhooks() -> tuple[WebhookRow, ...]:
    """Return all webhooks by name."""
    newest = Delivery.objects.filter(webhook=OuterRef("pk")).order_by("-id").values("pk")[:1]
    found = list(Webhook.objects.annotate(last_id=Subquery(newest)))
    wanted = Delivery.objects.filter(pk__in=[each.last_id for each in found])
    last = {each.pk: each for each in wanted.select_related("notice")}
    return tuple(WebhookRow(each, last.get(each.last_id)) for each in found)


def get_webhook(webhook_id: int) -> Webhook:
    """Return the webhook of that ID; raise `WebhookNotFound`."""
    found = Webhook.objects.filter(pk=webhook_id).first()
    if found is None:
        raise WebhookNotFound(webhook_id)
    return found
