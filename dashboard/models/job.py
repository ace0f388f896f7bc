"""Jobs: what somebody asked a host to do, and what became of it."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.urls import reverse

from dashboard.models.host import Host


class JobState(models.TextChoices):
    """Where a job stands. `services.jobs` holds the table of what may follow what."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


ACTIVE_STATES = (JobState.QUEUED, JobState.RUNNING)


class Job(models.Model):
    """
    A request to one host, executed at least once.

    `dedupe_key` is unique among active jobs that nobody cancels, so a second request for the same
    thing joins the first. While it runs, the worker named in `claimed_by` holds it until
    `lease_expires_at`; after that another one may take it over. `arguments` never hold secrets.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=64)
    title = models.CharField(max_length=255, blank=True)
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="jobs")
    object_kind = models.CharField(max_length=16, blank=True)
    object_id = models.CharField(max_length=512, blank=True)
    arguments = models.JSONField(default=dict, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="jobs"
    )
    state = models.CharField(max_length=16, choices=JobState.choices, default=JobState.QUEUED)
    progress = models.JSONField(default=dict, blank=True)
    outcome = models.JSONField(null=True, blank=True)
    error = models.JSONField(null=True, blank=True)
    dedupe_key = models.CharField(max_length=64)

    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    send_count = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    claimed_by = models.CharField(max_length=128, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    log_line_count = models.PositiveIntegerField(default=0)

    class Meta:
        """Newest first."""

        ordering = ("-created_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("dedupe_key",),
                condition=models.Q(
                    state__in=("queued", "running"), cancel_requested_at__isnull=True
                ),
                name="job_active_once",
            ),
        )
        indexes = (
            models.Index(fields=("-created_at", "-id"), name="job_by_age"),
            models.Index(fields=("host", "-created_at"), name="job_by_host_and_age"),
            models.Index(fields=("state", "-created_at"), name="job_by_state"),
            models.Index(fields=("name", "-created_at", "-id"), name="job_by_name_and_age"),
            models.Index(
                fields=("host", "object_kind", "object_id", "-created_at"), name="job_by_object"
            ),
            models.Index(
                fields=("host", "state"),
                name="job_active",
                condition=models.Q(state__in=("queued", "running")),
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} {self.id}"

    def get_absolute_url(self) -> str:
        """Return the address of its page; a build has one that shows its steps."""
        return reverse("build_detail" if self.is_build else "job_detail", args=(self.id,))

    @property
    def is_build(self) -> bool:
        """Whether it builds an image."""
        return self.object_kind == "build"

    @property
    def row_id(self) -> str:
        """The id of this job's element in a page."""
        return f"job-{self.host_id}-{self.id}"

    @property
    def is_active(self) -> bool:
        """Whether it has not ended yet."""
        return self.state in ACTIVE_STATES

    @property
    def is_cancelling(self) -> bool:
        """Whether it still runs although somebody asked it to stop."""
        return self.state == JobState.RUNNING and self.cancel_requested_at is not None

    @property
    def percent(self) -> int | None:
        """How far it is by its own totals, 0 to 100, or None where it cannot say."""
        total = self.progress.get("total")
        if not total:
            return None
        return min(100, int(100 * self.progress.get("current", 0) / total))


class JobLogLine(models.Model):
    """
    One line of a job's log. Numbers start at 1 and have no gaps.

    `step` is the step of a build whose program printed it, empty for what the job itself says.
    """

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="log_lines")
    number = models.PositiveIntegerField()
    written_at = models.DateTimeField(auto_now_add=True)
    text = models.TextField()
    step = models.CharField(max_length=32, blank=True, default="")

    class Meta:
        """First line first."""

        ordering = ("number",)
        constraints = (models.UniqueConstraint(fields=("job", "number"), name="job_log_line_once"),)

    def __str__(self) -> str:
        return self.text
