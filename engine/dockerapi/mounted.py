"""What containers have mounted, in docker's JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.settings import MountKind

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.settings import MountPoint


def mounts_of(engine: Engine, container_id: str) -> list[dict[str, Any]]:
    """Return docker's `Mounts`: where each comes from on this host."""
    return [mount_shape(engine, each) for each in engine.containers.mounts(container_id)]


def mount_shape(engine: Engine, mount: MountPoint) -> dict[str, Any]:
    """Return one of docker's `Mounts`."""
    shape: dict[str, Any] = {"Type": str(mount.kind)}
    source = mount.source
    if mount.kind is MountKind.VOLUME:
        volume = engine.volumes.find(mount.source)
        shape["Name"] = mount.source
        source = str(volume.mountpoint) if volume else ""
    shape |= {"Source": source, "Destination": mount.target}
    if mount.kind is MountKind.VOLUME:
        shape["Driver"] = mount.driver or "local"
    is_bind = mount.kind is MountKind.BIND
    return shape | {
        "Mode": "ro" if mount.read_only else "",
        "RW": not mount.read_only,
        "Propagation": mount.propagation or ("rprivate" if is_bind else ""),
    }
