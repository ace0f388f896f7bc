"""What a container is called on its network."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.containers.record import ContainerRecord
    from engine.containers.store import ContainerStore

JOINED = "container:"


def hostname_of(record: ContainerRecord, store: ContainerStore) -> str:
    """
    Return the host name of a container: its own, or its short ID.

    One that shares its names or its network with the host is called as the host is; one that has
    joined the network of another, as that one.
    """
    if record.settings.uts_mode != "host" and record.settings.network.startswith(JOINED):
        record = store.get(record.settings.network.removeprefix(JOINED))
    settings = record.settings
    if settings.uts_mode == "host":
        return os.uname().nodename
    if settings.network == "host" and not settings.hostname:
        return os.uname().nodename
    return settings.hostname or record.short_id
