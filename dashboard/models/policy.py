"""Clean-ups that are to happen again and again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from dashboard.models.host import Host

if TYPE_CHECKING:
    from datetime import datetime


class CleanupPolicy(models.Model):
    """
    Rules, hosts, a schedule and limits. Off until somebody switches it on.

    Rules and limits are read as `PolicyTerms.of` it, which were checked before they were stored.
    `task` is what beat goes by; `services.policies` keeps it in step, in the same transaction.
    Runs are asked for in the name of `switched_on_by`, who switched it on or changed it since;
    `paused_because` says why it switched
    itself off.
    """

    name = models.CharField(max_length=64)
    rules = models.JSONField(default=list)
    on_all_hosts = models.BooleanField(default=True)
    hosts = models.ManyToManyField(Host, blank=True, related_name="policies")
    every_hours = models.PositiveSmallIntegerField(default=24)
    crontab = models.CharField(max_length=128, blank=True)
    high_watermark = models.PositiveSmallIntegerField(default=0)
    low_watermark = models.PositiveSmallIntegerField(default=0)
    most_items = models.PositiveIntegerField(default=0)
    most_bytes = models.BigIntegerField(default=0)
    into_trash = models.BooleanField(default=True)
    is_enabled = models.BooleanField(default=False)
    paused_because = models.CharField(max_length=255, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    switched_on_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    last_due_at = models.DateTimeField(null=True, blank=True)
    task = models.OneToOneField(
        PeriodicTask, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        """By name, which is unique whatever its case."""

        ordering = ("name",)
        verbose_name_plural = "clean-up policies"
        constraints = (
            models.UniqueConstraint(
                Lower("name"),
                name="policy_name_unique_whatever_case",
                violation_error_message="There is a policy of that name.",
            ),
        )

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the address of its page."""
        return reverse("policy_detail", args=(self.pk,))

    @property
    def next_due_at(self) -> datetime | None:
        """When it runs next, None while it is off."""
        if not self.is_enabled or self.task is None:
            return None
        now = timezone.now()
        left: timedelta = self.task.schedule.remaining_estimate(self.last_due_at or now)
        # A crontab line knows minutes, and what is left was counted from a moment before now.
        due = now + left + timedelta(seconds=30)
        return max(now, due.replace(second=0, microsecond=0))

    @property
    def reached(self) -> tuple[Host, ...]:
        """The hosts on which it runs."""
        return tuple(Host.objects.all() if self.on_all_hosts else self.hosts.all())
