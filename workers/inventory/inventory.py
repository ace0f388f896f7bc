"""Projecting one container, all images, or everything, of one host."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import transaction

from dashboard.models import Host
from dashboard.services import refresh_counts
from workers.inventory.containers import ContainerProjection
from workers.inventory.images import ImageProjection
from workers.inventory.networks import NetworkProjection
from workers.inventory.volumes import VolumeProjection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine.engine import Engine


class Inventory:
    """The projection of *engine* as the host *host*, which has a row."""

    def __init__(self, engine: Engine, host: str) -> None:
        self._host = host
        self._containers = ContainerProjection(engine, host)
        self._images = ImageProjection(engine, host)
        self._networks = NetworkProjection(engine, host)
        self._volumes = VolumeProjection(engine, host)

    def project_container(self, container_id: str) -> None:
        """Afterwards the models say what is true about the container with this whole ID."""
        self.project_containers([container_id])

    def project_containers(self, container_ids: Iterable[str]) -> None:
        """Do the same for each of *container_ids*; each is seen by pages as soon as it is done."""
        has_changed = False
        for container_id in dict.fromkeys(container_ids):
            with self._exclusive():
                has_changed |= self._containers.project(container_id)
        if has_changed:
            self._refresh_counts()

    def project_images(self) -> None:
        """Afterwards the models say what is true about images, tags and layers."""
        with self._exclusive():
            has_changed = self._sync_images()
        if has_changed:
            self._refresh_counts()

    def project_networks(self) -> None:
        """Afterwards the models say what is true about networks and who stands in them."""
        with self._exclusive():
            has_changed = self._networks.sync()
        if has_changed:
            self._refresh_counts()

    def project_volumes(self) -> None:
        """Afterwards the models say what is true about volumes and who has them."""
        with self._exclusive():
            has_changed = self._volumes.sync()
        if has_changed:
            self._refresh_counts()

    def sync_everything(self) -> None:
        """Afterwards the models say what is true about everything, and nothing else."""
        with self._exclusive():
            self._sync_images()
        with self._exclusive():
            self._containers.sync()
        with self._exclusive():
            self._networks.sync()
            self._volumes.sync()
        self._refresh_counts()

    def _sync_images(self) -> bool:
        changes = self._images.sync()
        if changes.is_tag_moved:
            self._containers.refresh_moved_tags()
        return changes.is_any

    def _refresh_counts(self) -> None:
        # Under the lock, so that no older count is written after a newer one.
        with self._exclusive():
            refresh_counts(self._host)

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        # The lock is the host's row; where the database has one writer only, the transaction is it.
        with transaction.atomic():
            Host.objects.select_for_update(no_key=True).get(pk=self._host)
            yield
