"""Containers, as the hosts' engines report them."""

from __future__ import annotations

from django.db import models
from django.urls import reverse
from django.utils import timezone

from dashboard.models.host import Host
from dashboard.models.image import DIGEST_LENGTH, Image


class ContainerState(models.TextChoices):
    """Docker's states of a container."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    EXITED = "exited"
    REMOVING = "removing"
    DEAD = "dead"


# What a clean-up of stopped containers may remove: these run nothing and are not being removed.
STOPPED_STATES = (ContainerState.CREATED, ContainerState.EXITED, ContainerState.DEAD)
RUNNING_STATES = (ContainerState.RUNNING, ContainerState.PAUSED, ContainerState.RESTARTING)


class Container(models.Model):
    """
    A container on one host.

    `size` is what its writable layer holds and `virtual_size` that plus its image's layers, as of
    `size_measured_at`. `tag_moved_on` says that its reference names another image today.
    `ports` are the published ones as they are bound, `networks` its addresses, `health` is empty
    without a check. `is_kept`: somebody wants clean-ups to leave it alone. Nobody
    wants it any more after `expires_at`.
    """

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="containers")
    container_id = models.CharField(max_length=64)
    name = models.CharField(max_length=255)
    image = models.ForeignKey(
        Image, on_delete=models.SET_NULL, null=True, blank=True, related_name="containers"
    )
    image_digest = models.CharField(max_length=DIGEST_LENGTH, blank=True)
    image_reference = models.CharField(max_length=1024, blank=True)
    tag_moved_on = models.BooleanField(default=False)
    command = models.TextField(blank=True)
    state = models.CharField(
        max_length=16, choices=ContainerState.choices, default=ContainerState.CREATED
    )
    exit_code = models.IntegerField(null=True, blank=True)
    oom_killed = models.BooleanField(default=False)
    error = models.TextField(blank=True)
    pid = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    owner = models.CharField(max_length=150, blank=True)
    auto_remove = models.BooleanField(default=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    is_kept = models.BooleanField(default=False)
    memory_limit = models.BigIntegerField(null=True, blank=True)
    settings = models.JSONField(default=dict, blank=True)
    ports = models.JSONField(default=list, blank=True)
    networks = models.JSONField(default=list, blank=True)
    health = models.CharField(max_length=16, blank=True)
    size = models.BigIntegerField(null=True, blank=True)
    virtual_size = models.BigIntegerField(null=True, blank=True)
    size_measured_at = models.DateTimeField(null=True, blank=True)
    engine_sequence = models.BigIntegerField(default=0)
    seen_at = models.DateTimeField(auto_now=True)

    class Meta:
        """Lists go by time created, within a host or over all of them, often by state."""

        ordering = ("-created_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("host", "container_id"), name="container_once_per_host"
            ),
        )
        indexes = (
            models.Index(fields=("-created_at", "-id"), name="container_by_age"),
            models.Index(fields=("host", "-created_at"), name="container_by_host_and_age"),
            models.Index(fields=("state", "-created_at"), name="container_by_state"),
            models.Index(fields=("state", "finished_at"), name="container_by_end"),
            models.Index(fields=("name",), name="container_by_name"),
            models.Index(fields=("owner", "-created_at"), name="container_by_owner"),
            models.Index(fields=("expires_at",), name="container_by_lease"),
        )

    def __str__(self) -> str:
        return f"{self.name} on {self.host_id}"

    def get_absolute_url(self) -> str:
        """Return the address of its page."""
        return reverse("container_detail", args=(self.host_id, self.container_id))

    @property
    def short_id(self) -> str:
        """The first 12 digits: what people see."""
        return self.container_id[:12]

    @property
    def row_id(self) -> str:
        """The id of this container's element in a page."""
        return f"container-{self.host_id}-{self.container_id}"

    @property
    def is_running(self) -> bool:
        """Whether it has a process: running, paused or restarting."""
        return self.state in RUNNING_STATES

    @property
    def is_up(self) -> bool:
        """Whether its program runs, and does not only wait to be started again."""
        return self.is_running and self.state != ContainerState.RESTARTING

    @property
    def is_stopped(self) -> bool:
        """Whether a clean-up of stopped containers may remove it."""
        return self.state in STOPPED_STATES
