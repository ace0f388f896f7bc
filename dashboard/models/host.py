"""Hosts: the machines whose engines we show."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import models
from django.utils import timezone

if TYPE_CHECKING:
    from datetime import datetime

ONLINE_WITHIN = timedelta(seconds=30)
REMOVED_LOG_BYTES = 256 << 20


class Host(models.Model):
    """
    A machine with an engine. Its name is its identity, and its queue is `host.<name>`.

    Counts and sums are maintained by `services.projection.refresh_counts`, so that no page adds up
    rows. `dangling_bytes` and `stopped_bytes` are what would really come free, each layer once.

    What is moved to its trash stays `trash_days`, unless the trash holds more than
    `trash_max_bytes` (0: any amount) or the disk is fuller than `trash_watermark` percent. The logs
    of removed containers stay `removed_log_hours`, the oldest less long if all of them together are
    more than `removed_log_max_bytes`; 0 of either keeps none.
    """

    name = models.CharField(primary_key=True, max_length=64)
    last_seen_at = models.DateTimeField(null=True, blank=True)
    facts = models.JSONField(default=dict, blank=True)
    disk = models.JSONField(default=dict, blank=True)
    cpu_percent = models.FloatField(null=True, blank=True)
    memory_used = models.BigIntegerField(null=True, blank=True)
    memory_total = models.BigIntegerField(null=True, blank=True)
    engine_sequence = models.BigIntegerField(default=0)

    image_count = models.PositiveIntegerField(default=0)
    dangling_count = models.PositiveIntegerField(default=0)
    dangling_bytes = models.BigIntegerField(default=0)
    container_count = models.PositiveIntegerField(default=0)
    running_count = models.PositiveIntegerField(default=0)
    stopped_count = models.PositiveIntegerField(default=0)
    stopped_bytes = models.BigIntegerField(default=0)
    layer_bytes = models.BigIntegerField(default=0)
    virtual_bytes = models.BigIntegerField(default=0)
    volume_count = models.PositiveIntegerField(default=0)
    unused_volume_count = models.PositiveIntegerField(default=0)
    volume_bytes = models.BigIntegerField(default=0)
    network_count = models.PositiveIntegerField(default=0)
    counted_at = models.DateTimeField(null=True, blank=True)

    trash_days = models.PositiveIntegerField(default=7)
    trash_max_bytes = models.BigIntegerField(default=0)
    trash_watermark = models.PositiveSmallIntegerField(default=95)
    removed_log_hours = models.PositiveIntegerField(default=24)
    removed_log_max_bytes = models.BigIntegerField(default=REMOVED_LOG_BYTES)

    class Meta:
        """Hosts are listed by name."""

        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def queue(self) -> str:
        """The queue that this host's worker listens to."""
        return f"host.{self.name}"

    @property
    def row_id(self) -> str:
        """The id of this host's element in a page."""
        return f"host-{self.name}"

    @property
    def reclaimable_bytes(self) -> int:
        """What cleaning up its untagged images and stopped containers would free now."""
        return self.dangling_bytes + self.stopped_bytes

    @property
    def is_online(self) -> bool:
        """Whether its agent reported within the last half minute."""
        return self.was_online_at(timezone.now())

    def was_online_at(self, moment: datetime) -> bool:
        """Whether its agent had reported shortly before *moment*."""
        return self.last_seen_at is not None and moment - self.last_seen_at < ONLINE_WITHIN
