"""The events of containers and of what they use, with docker's words and attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.settings import MountKind
from engine.volumes.settings import LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.containers.record import ContainerRecord
    from engine.events import EventLog
    from engine.settings import MountPoint

# Whoever made an image wrote its labels, and events by the thousand are kept.
MOST_LABELS = 16_384


def tell(events: EventLog, action: str, record: ContainerRecord, **more: str) -> None:
    """Record that *action* happened to the container; inside the transaction that makes it true."""
    events.record("container", action, record.id, **_attributes(record), **more)


def tell_each(
    events: EventLog, action: str, records: Iterable[ContainerRecord], **more: str
) -> None:
    """As `tell`, of several containers in their order."""
    events.record_many(
        "container", [(action, each.id, {**_attributes(each), **more}) for each in records]
    )


def _attributes(record: ContainerRecord) -> dict[str, str]:
    return {
        **_told_of(record.labels),
        "image": record.settings.image,
        "name": record.name,
    }


def tell_mounted(events: EventLog, record: ContainerRecord, mounts: Iterable[MountPoint]) -> None:
    """Record that the container has its volumes mounted; inside the transaction of its start."""
    for each in _volumes(mounts):
        events.record(
            "volume",
            "mount",
            each.source,
            container=record.id,
            destination=each.target,
            driver=each.driver or LOCAL,
            propagation=each.propagation,
            **{"read/write": str(not each.read_only).lower()},
        )


def tell_unmounted(events: EventLog, record: ContainerRecord, mounts: Iterable[MountPoint]) -> None:
    """Record that the container has its volumes no more; inside the transaction of its end."""
    for each in _volumes(mounts):
        driver = each.driver or LOCAL
        events.record("volume", "unmount", each.source, container=record.id, driver=driver)


def _told_of(labels: Mapping[str, str]) -> dict[str, str]:
    """Return the labels that events carry: as many as have room, the first first."""
    told: dict[str, str] = {}
    left = MOST_LABELS
    for key, value in labels.items():
        left -= len(key) + len(value)
        if left < 0:
            break
        if key not in _OWN:
            told[key] = value
    return told


def _volumes(mounts: Iterable[MountPoint]) -> Iterable[MountPoint]:
    return (each for each in mounts if each.kind is MountKind.VOLUME)


# Names of our own attributes, which a label must not stand in for.
_OWN = frozenset({"image", "name", "exitCode", "signal", "noun", "action", "subject", "self"})
