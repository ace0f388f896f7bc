"""The events of containers, with docker's words and attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.containers.record import ContainerRecord
    from engine.events import EventLog


def tell(events: EventLog, action: str, record: ContainerRecord, **more: str) -> None:
    """Record that *action* happened to the container; inside the transaction that makes it true."""
    labels = {key: value for key, value in record.labels.items() if key not in _OWN}
    attributes = {**labels, "image": record.image_reference, "name": record.name, **more}
    events.record("container", action, record.id, **attributes)


# Names of our own attributes, which a label must not stand in for.
_OWN = frozenset({"image", "name", "exitCode", "signal", "noun", "action", "subject", "self"})
