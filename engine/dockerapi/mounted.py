"""What containers have mounted, in docker's JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.dockerapi.mount_options import modes_of
from engine.settings import MountKind
from engine.volumes.settings import ANONYMOUS

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.settings import MountPoint
    from engine.volumes.record import VolumeRecord

NAMED = "z"
"""The mode that docker gives a volume with a name and without a mode."""


def mounts_of(engine: Engine, container_id: str) -> list[dict[str, Any]]:
    """Return docker's `Mounts`: where each comes from on this host."""
    return [mount_shape(engine, each) for each in engine.containers.mounts(container_id)]


def mount_shape(engine: Engine, mount: MountPoint) -> dict[str, Any]:
    """Return one of docker's `Mounts`."""
    if mount.kind is MountKind.VOLUME:
        return _volume_shape(mount, engine.volumes.find(mount.source))
    is_bind = mount.kind is MountKind.BIND
    return {
        "Type": str(mount.kind),
        "Source": mount.source,
        "Destination": mount.target,
        "Mode": modes_of(mount),
        "RW": not mount.read_only,
        "Propagation": mount.propagation or ("rprivate" if is_bind else ""),
    }


def _volume_shape(mount: MountPoint, volume: VolumeRecord | None) -> dict[str, Any]:
    is_named = volume is not None and ANONYMOUS not in volume.labels
    return {
        "Type": str(mount.kind),
        "Name": mount.source,
        "Source": str(volume.mountpoint) if volume else "",
        "Destination": mount.target,
        "Driver": mount.driver or "local",
        "Mode": modes_of(mount) or (NAMED if is_named else ""),
        "RW": not mount.read_only,
        "Propagation": mount.propagation,
    }
