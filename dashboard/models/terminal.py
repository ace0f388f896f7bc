"""Terminals that somebody opened in a container."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

from dashboard.models.audit import AuditEntry
from dashboard.models.host import Host

OPEN_WITHIN = timedelta(seconds=60)


class TerminalKind(models.TextChoices):
    """What the terminal speaks to."""

    EXEC = "exec", "A new program"
    ATTACH = "attach", "The container's own program"


class Terminal(models.Model):
    """
    A request to speak to a program in a container: who, where, to what, and how it ended.

    The message to the host names this row and nothing else; the host's agent opens it once, soon
    after it was asked for, and only while the requester may. What is typed is kept nowhere.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="terminals")
    container_id = models.CharField(max_length=64)
    kind = models.CharField(max_length=8, choices=TerminalKind.choices, default=TerminalKind.EXEC)
    command = models.JSONField(default=list, blank=True)
    run_as = models.CharField(max_length=255, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="terminals"
    )
    entry = models.ForeignKey(AuditEntry, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    opened_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    exit_code = models.IntegerField(null=True, blank=True)

    class Meta:
        """Newest first."""

        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.kind} in {self.container_id[:12]} on {self.host_id}"
