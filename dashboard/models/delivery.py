"""Notices that leave the product: by mail to a person, or to a webhook of the team."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from dashboard.models.notification import Notice


class Webhook(models.Model):
    """
    An address that is told what clean-ups took and what failed, for the team as a whole.

    The secret, which signs what is sent, is stored encrypted under `SHIPSHAPE_FIELD_KEY`; only a
    worker reads it, when it sends.
    """

    name = models.CharField(max_length=64, unique=True)
    url = models.CharField(max_length=2000)
    encrypted_secret = models.TextField(editable=False)
    is_enabled = models.BooleanField(default=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """By name."""

        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class DeliveryState(models.TextChoices):
    """How far a delivery is; `failed` is for good."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Delivery(models.Model):
    """
    One notice on its way to one webhook or to one person's mailbox.

    It may be tried from `next_attempt_at` on; a message over Redis only says which one.
    """

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="deliveries")
    webhook = models.ForeignKey(
        Webhook, on_delete=models.CASCADE, null=True, blank=True, related_name="deliveries"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    state = models.CharField(
        max_length=16, choices=DeliveryState.choices, default=DeliveryState.PENDING
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    message = models.CharField(max_length=255, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """To exactly one receiver."""

        ordering = ("-id",)
        verbose_name_plural = "deliveries"
        constraints = (
            models.CheckConstraint(
                condition=models.Q(webhook__isnull=True) ^ models.Q(user__isnull=True),
                name="delivery_to_one",
            ),
        )
        indexes = (
            models.Index(
                fields=("next_attempt_at",),
                name="delivery_pending",
                condition=models.Q(state="pending"),
            ),
        )

    def __str__(self) -> str:
        return f"{self.notice} to {self.webhook or self.user}"
