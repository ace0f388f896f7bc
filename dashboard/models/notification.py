"""What people are told of, whether or not they were looking."""

from __future__ import annotations

from enum import StrEnum

from django.conf import settings
from django.db import models


class NoticeKind(StrEnum):
    """What a notice is about; the value is also what a webhook calls it."""

    POLICY_RUN = "policy.run"
    POLICY_FAILED = "policy.failed"
    POLICY_PAUSED = "policy.paused"
    TRASH_EMPTIED = "trash.emptied"
    CLEANUP_FAILED = "cleanup.failed"
    LEASE_ENDS = "lease.ends"
    OWNER_ASKED = "owner.asked"
    TEST = "test"


class Notice(models.Model):
    """
    Something that happened and that people are told of. Never changed once it is written.

    `link` is a path of ours. `key`, where there is one, names the occasion: of two notices with one
    key only the first is written, so work that is done again after a crash tells nobody twice.
    """

    kind = models.CharField(max_length=32)
    title = models.CharField(max_length=255)
    body = models.TextField(blank=True)
    link = models.CharField(max_length=512, blank=True)
    data = models.JSONField(default=dict, blank=True)
    key = models.CharField(max_length=128, null=True, blank=True, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Newest first."""

        ordering = ("-created_at", "-id")
        indexes = (models.Index(fields=("-created_at", "-id"), name="notice_by_age"),)

    def __str__(self) -> str:
        return self.title

    @property
    def tone(self) -> str:
        """How it looks: `bad` where something went wrong, `warn` where somebody is to act."""
        return _TONES.get(self.kind, "")


_TONES = {
    NoticeKind.POLICY_FAILED.value: "bad",
    NoticeKind.CLEANUP_FAILED.value: "bad",
    NoticeKind.POLICY_PAUSED.value: "warn",
    NoticeKind.LEASE_ENDS.value: "warn",
    NoticeKind.OWNER_ASKED.value: "warn",
}


class Notification(models.Model):
    """A notice in one person's inbox."""

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="notifications")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notifications"
    )
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Newest first; once per person."""

        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(fields=("notice", "user"), name="notification_once"),
        )
        indexes = (
            models.Index(fields=("user", "-id"), name="notification_by_user"),
            models.Index(
                fields=("user",),
                name="notification_unread",
                condition=models.Q(read_at__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return f"{self.notice} for {self.user}"

    @property
    def row_id(self) -> str:
        """The id of its element in a page."""
        return f"notification-{self.pk}"
