"""The audit trail: who asked for what, when, from where, and how it ended."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from dashboard.models.job import Job


class AuditOutcome(models.TextChoices):
    """How a request ended; `requested` until its job has."""

    REQUESTED = "requested"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class AuditEntry(models.Model):
    """
    One request of one person. Written with what it records, in one transaction.

    Who, host and object are kept as text too, so that an entry stays true when they are gone. After
    it is written nothing but `outcome` and `message` changes, once, when the job ends.
    """

    at = models.DateTimeField(auto_now_add=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="audit_entries",
    )
    actor = models.CharField(max_length=150)
    address = models.GenericIPAddressField(null=True, blank=True)
    action = models.CharField(max_length=64)
    host_name = models.CharField(max_length=64, blank=True)
    object_kind = models.CharField(max_length=16, blank=True)
    object_id = models.CharField(max_length=512, blank=True)
    summary = models.CharField(max_length=255, blank=True)
    job = models.ForeignKey(
        Job, on_delete=models.SET_NULL, null=True, blank=True, related_name="audit_entries"
    )
    outcome = models.CharField(
        max_length=16, choices=AuditOutcome.choices, default=AuditOutcome.REQUESTED
    )
    message = models.TextField(blank=True)

    class Meta:
        """Newest first."""

        ordering = ("-at", "-id")
        verbose_name_plural = "audit entries"
        indexes = (
            models.Index(fields=("-at", "-id"), name="audit_by_age"),
            models.Index(fields=("actor", "-at"), name="audit_by_actor"),
            models.Index(fields=("host_name", "-at"), name="audit_by_host"),
            models.Index(
                fields=("host_name", "object_kind", "object_id", "-at"), name="audit_by_object"
            ),
        )

    def __str__(self) -> str:
        return f"{self.actor}: {self.action} {self.object_id}"
