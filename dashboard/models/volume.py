"""Volumes, as the hosts' engines report them."""

from __future__ import annotations

from django.db import models
from django.urls import reverse
from django.utils import timezone

from dashboard.models.host import Host


class Volume(models.Model):
    """
    Data on one host that outlives the containers that use it.

    `holders` are the IDs of the containers, running or not, that it is mounted into. `size` is what
    it held at `size_measured_at`. An anonymous one was made for one container and never named.
    """

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="volumes")
    name = models.CharField(max_length=255)
    driver = models.CharField(max_length=64, default="local")
    mountpoint = models.CharField(max_length=4096, blank=True)
    options = models.JSONField(default=dict, blank=True)
    labels = models.JSONField(default=dict, blank=True)
    is_anonymous = models.BooleanField(default=False)
    owner = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    holders = models.JSONField(default=list, blank=True)
    holder_count = models.PositiveIntegerField(default=0)
    size = models.BigIntegerField(null=True, blank=True)
    size_measured_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(auto_now=True)

    class Meta:
        """Lists go by time created, within a host or over all of them."""

        ordering = ("-created_at", "-id")
        constraints = (
            models.UniqueConstraint(fields=("host", "name"), name="volume_once_per_host"),
        )
        indexes = (
            models.Index(fields=("-created_at", "-id"), name="volume_by_age"),
            models.Index(fields=("host", "-created_at"), name="volume_by_host_and_age"),
            models.Index(fields=("holder_count", "-created_at"), name="volume_by_holders"),
        )

    def __str__(self) -> str:
        return f"{self.name} on {self.host_id}"

    def get_absolute_url(self) -> str:
        """Return the address of its page."""
        return reverse("volume_detail", args=(self.host_id, self.name))

    @property
    def object_id(self) -> str:
        """What names it on its host."""
        return self.name

    @property
    def row_id(self) -> str:
        """The id of this volume's element in a page."""
        return f"volume-{self.host_id}-{self.name}"

    @property
    def shown_name(self) -> str:
        """Its name, or the first digits where it is only a number."""
        return self.name[:12] if self.is_anonymous else self.name

    @property
    def is_used(self) -> bool:
        """Whether a container, running or not, would miss it."""
        return self.holder_count > 0
