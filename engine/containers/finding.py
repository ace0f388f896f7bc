"""Looking up what a container needs of the host and of other containers, at each start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.containers.devices import block_numbers, find_devices
from engine.containers.init import find_init
from engine.containers.spec_mounts import SHM_BYTES
from engine.containers.surroundings import Surroundings
from engine.errors import ContainerNotFound, ContainerNotRunning, InvalidSetting
from engine.mount import Mount

if TYPE_CHECKING:
    from pathlib import Path

    from engine.containers.bundle import Bundle
    from engine.containers.ports import Means
    from engine.containers.record import ContainerRecord

# The settings that may name another container, and the namespace they mean, as /proc calls it.
_JOINING = {
    "network": ("network", "net"),
    "pid_mode": ("pid", "pid"),
    "ipc_mode": ("ipc", "ipc"),
}
# Docker's words where there is nobody to join.
_NOT_RUNNING = {
    "network": "cannot join network of a non running container: {}",
    "pid_mode": "container {} is not running",
    "ipc_mode": "can't join IPC of container {0}: container {0} is not running",
}
SHARED_IPC = ("shareable", "host")


class Finder:
    """Finds the surroundings of a start."""

    def __init__(self, means: Means) -> None:
        self._means = means

    def find(self, record: ContainerRecord, bundle: Bundle) -> Surroundings:
        """
        Return what the start of *record* needs of others; it has a run directory.

        Raises `InvalidSetting` for what is not there or not shared.
        """
        settings = record.settings
        return Surroundings(
            devices=find_devices(settings),
            numbers=block_numbers(settings),
            joined=self._joined(record),
            shm=self._shm(record, bundle),
            init=find_init() if settings.init else None,
        )

    def _joined(self, record: ContainerRecord) -> dict[str, str]:
        found: dict[str, str] = {}
        for setting, (kind, name) in _JOINING.items():
            other = self._other(record, setting)
            if other is not None:
                found[kind] = f"/proc/{other.pid}/ns/{name}"
        return found

    def _shm(self, record: ContainerRecord, bundle: Bundle) -> Path | None:
        """Return the directory in memory that stands at /dev/shm, made if it is to be shared."""
        other = self._other(record, "ipc_mode")
        if other is not None:
            if other.settings.ipc_mode not in SHARED_IPC:
                raise InvalidSetting(
                    "ipc_mode",
                    f"container {other.name} has no IPC that others may join: it is non-shareable",
                    remedy="Create it with the IPC mode shareable.",
                )
            return self._means.bundles.locate(other.id).shm
        if record.settings.ipc_mode != "shareable":
            return None
        size = record.settings.shm_size or SHM_BYTES
        options = ("nosuid", "noexec", "nodev", "mode=1777", f"size={size}")
        bundle.shm.mkdir(exist_ok=True)
        self._means.mounter.mount([Mount("tmpfs", "shm", options)], bundle.shm)
        return bundle.shm

    def _other(self, record: ContainerRecord, setting: str) -> ContainerRecord | None:
        kind, colon, ref = getattr(record.settings, setting).partition(":")
        if kind != "container" or not colon:
            return None
        try:
            other = self._means.store.get(ref)
        except ContainerNotFound as error:
            raise InvalidSetting(setting, f"No such container: {ref}") from error
        if other.id == record.id:
            raise InvalidSetting(setting, "a container cannot join itself")
        if not other.is_running:
            words = _NOT_RUNNING[setting].format(other.id)
            raise ContainerNotRunning(other.name, state=other.state, words=words)
        return other
