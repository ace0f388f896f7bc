"""Questions to owners: whether something of theirs may go."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.urls import reverse

from dashboard.models.host import Host

# An answer that let something go counts for so long.
GRANT_LASTS = timedelta(days=7)


class Answer(models.TextChoices):
    """What the owner said; `open` until then."""

    OPEN = "open"
    KEEP = "keep"
    LET_GO = "let-go"


class OwnerQuestion(models.Model):
    """
    That somebody asked the owner of something to let it go, and what the owner said.

    `let-go` permits whoever asked to remove that one thing, once: `used_at` is when they did.
    """

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="questions")
    kind = models.CharField(max_length=16)
    object_id = models.CharField(max_length=512)
    name = models.CharField(max_length=255)
    owner = models.CharField(max_length=150, blank=True)
    note = models.CharField(max_length=500, blank=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="questions"
    )
    asked_at = models.DateTimeField(auto_now_add=True)
    answer = models.CharField(max_length=16, choices=Answer.choices, default=Answer.OPEN)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="answers",
    )
    answered_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Newest first; one person asks once for one thing until there is an answer."""

        ordering = ("-asked_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("host", "kind", "object_id", "asked_by"),
                condition=models.Q(answer="open"),
                name="question_open_once",
            ),
        )
        indexes = (
            models.Index(
                fields=("host", "kind", "object_id", "asked_by"), name="question_by_thing"
            ),
        )

    def __str__(self) -> str:
        return f"{self.asked_by} about {self.name} on {self.host_id}"

    def get_absolute_url(self) -> str:
        """Return the address of its page."""
        return reverse("owner_question", args=(self.pk,))
