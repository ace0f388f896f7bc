"""Networks, as the hosts' engines report them."""

from __future__ import annotations

from django.db import models
from django.urls import reverse
from django.utils import timezone

from dashboard.models.host import Host

# These come with the engine and stay.
BUILT_IN = ("bridge", "host", "none")


class Network(models.Model):
    """
    A network of one host.

    `subnets` are objects with `subnet` and `gateway`; `endpoints` are objects with the `container`
    (its ID), its `ipv4`, `ipv6` and `mac` there, and its `aliases`.
    """

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="networks")
    network_id = models.CharField(max_length=64)
    name = models.CharField(max_length=255)
    driver = models.CharField(max_length=64, default="bridge")
    is_internal = models.BooleanField(default=False)
    has_ipv6 = models.BooleanField(default=False)
    subnets = models.JSONField(default=list, blank=True)
    options = models.JSONField(default=dict, blank=True)
    labels = models.JSONField(default=dict, blank=True)
    owner = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    endpoints = models.JSONField(default=list, blank=True)
    endpoint_count = models.PositiveIntegerField(default=0)
    seen_at = models.DateTimeField(auto_now=True)

    class Meta:
        """Lists go by name, within a host or over all of them."""

        ordering = ("name", "id")
        constraints = (
            models.UniqueConstraint(fields=("host", "network_id"), name="network_once_per_host"),
        )
        indexes = (
            models.Index(fields=("name", "id"), name="network_by_name"),
            models.Index(fields=("host", "name"), name="network_by_host_and_name"),
        )

    def __str__(self) -> str:
        return f"{self.name} on {self.host_id}"

    def get_absolute_url(self) -> str:
        """Return the address of its page."""
        return reverse("network_detail", args=(self.host_id, self.network_id))

    @property
    def object_id(self) -> str:
        """What names it on its host."""
        return self.network_id

    @property
    def short_id(self) -> str:
        """The first 12 digits: what people see."""
        return self.network_id[:12]

    @property
    def row_id(self) -> str:
        """The id of this network's element in a page."""
        return f"network-{self.host_id}-{self.network_id}"

    @property
    def is_built_in(self) -> bool:
        """Whether it comes with the engine, so that nobody can remove it."""
        return self.name in BUILT_IN

    @property
    def is_used(self) -> bool:
        """Whether a container is connected to it."""
        return self.endpoint_count > 0
