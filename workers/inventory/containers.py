"""Projecting containers: one after it changed, or all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Count

from dashboard import events
from dashboard.models import Container, Image, Tag
from engine.errors import ContainerNotFound
from workers.inventory.container_rows import container_values, has_moved_on
from workers.inventory.networks import endpoint_values, port_values
from workers.inventory.rows import (
    BATCH,
    Difference,
    difference,
    is_worth_publishing,
    save,
    set_values,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from engine.containers.record import ContainerRecord
    from engine.engine import Engine


class ContainerProjection:
    """The containers of *engine* as rows of *host*. Call everything under the host's lock."""

    def __init__(self, engine: Engine, host: str) -> None:
        self._engine = engine
        self._host = host

    def project(self, container_id: str) -> bool:
        """Make the row of one container true; return whether that changed anything."""
        record = self._find(container_id)
        rows = Container.objects.filter(host_id=self._host, container_id=container_id)
        row = rows.select_related("image").first()
        return self._write(record, row) if record else self._drop(row)

    def sync(self) -> bool:
        """Make the rows of all containers true; return whether that changed anything."""
        wanted = self._wanted(self._engine.containers.list())
        existing = Container.objects.filter(host_id=self._host)
        found = difference(
            Container, existing, wanted, key="container_id", common={"host_id": self._host}
        )
        save(Container, found, next(iter(wanted.values()), {}))
        self._publish(found)
        self._count_all_users()
        return bool(found)

    def refresh_moved_tags(self) -> None:
        """Afterwards each row says whether its tag names another image today."""
        tags = self._tags()
        rows = Container.objects.filter(host_id=self._host).only(
            "image_reference", "image_digest", "tag_moved_on"
        )
        stale = [row for row in rows if set_values(row, {"tag_moved_on": _is_behind(row, tags)})]
        Container.objects.bulk_update(stale, ["tag_moved_on"], batch_size=BATCH)
        self._publish(Difference(changed=stale))

    def _find(self, container_id: str) -> ContainerRecord | None:
        try:
            return self._engine.containers.get(container_id)
        except ContainerNotFound:
            return None

    def _drop(self, row: Container | None) -> bool:
        if row is None:
            return False
        image = row.image
        events.publish_removed("container", host=self._host, object_id=row.container_id)
        row.delete()
        self._refresh_image(image)
        return True

    def _write(self, record: ContainerRecord, row: Container | None) -> bool:
        image = Image.objects.filter(host_id=self._host, image_id=str(record.image_id)).first()
        values = {
            **container_values(record, image=image, image_of=self._image_of),
            **self._connected(record),
            "is_kept": record.id in self._engine.cleanup.pinned(),
        }
        if row is None:
            row = Container.objects.create(host_id=self._host, container_id=record.id, **values)
            self._refresh_image(image)
        elif changed := set_values(row, values):
            row.save(update_fields=[*changed, "seen_at"])
        else:
            return False
        events.publish_container(row)
        return True

    def _connected(self, record: ContainerRecord) -> dict[str, Any]:
        # Who does not run has neither addresses nor open ports, and need not be asked about.
        if not record.is_running:
            return {"networks": [], "ports": []}
        networks = self._engine.networks
        endpoints = [each for each in networks.endpoints(record.id) if each.is_active]
        return {
            "networks": [{"network": each.network, **endpoint_values(each)} for each in endpoints],
            "ports": [port_values(port) for port in sorted(networks.ports(record.id))],
        }

    def _image_of(self, reference: str) -> str | None:
        tags = Tag.objects.filter(host_id=self._host, reference=reference)
        return tags.values_list("image__image_id", flat=True).first()

    def _refresh_image(self, image: Image | None) -> None:
        if image is None:
            return
        record = self._engine.images.find(image.image_id)
        values = {
            "container_count": Container.objects.filter(image=image).count(),
            "last_used_at": record.last_used_at if record else image.last_used_at,
        }
        if changed := set_values(image, values):
            image.save(update_fields=[*changed, "seen_at"])
            events.publish_image(image)

    def _wanted(self, records: list[ContainerRecord]) -> Mapping[str, dict[str, Any]]:
        images = {row.image_id: row for row in self._images()}
        tags, pinned = self._tags(), self._engine.cleanup.pinned()
        return {
            record.id: {
                **container_values(
                    record, image=images.get(str(record.image_id)), image_of=tags.get
                ),
                **self._connected(record),
                "is_kept": record.id in pinned,
            }
            for record in records
        }

    def _images(self) -> list[Image]:
        return list(
            Image.objects.filter(host_id=self._host).only("pk", "image_id", "container_count")
        )

    def _tags(self) -> dict[str, str]:
        tags = Tag.objects.filter(host_id=self._host)
        return dict(tags.values_list("reference", "image__image_id"))

    def _count_all_users(self) -> None:
        rows = Container.objects.filter(host_id=self._host, image__isnull=False)
        counts = dict(rows.values_list("image").annotate(users=Count("pk")).order_by())
        stale = [
            image
            for image in self._images()
            if set_values(image, {"container_count": counts.get(image.pk, 0)})
        ]
        Image.objects.bulk_update(stale, ["container_count"], batch_size=BATCH)

    def _publish(self, found: Difference[Container]) -> None:
        if is_worth_publishing(found):
            for row in found.gone:
                events.publish_removed("container", host=self._host, object_id=row.container_id)
            for row in found.touched:
                events.publish_container(row)


def _is_behind(row: Container, tags: Mapping[str, str]) -> bool:
    return has_moved_on(row.image_reference, row.image_digest, tags.get)
