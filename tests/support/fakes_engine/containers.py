"""Containers that only pretend to run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.containers.record import ContainerRecord, ExitStatus, IfRunning
from engine.containers.state import ContainerState
from engine.errors import ContainerNotFound, ContainerRunning, NameTaken, WrongState
from engine.oci.digest import Digest
from engine.settings.lease import with_expiry
from engine.system.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from engine.containers.stats import StatsSample
    from engine.images.record import ImageRecord
    from engine.oci.reference import Reference
    from engine.settings import ContainerSettings, ResourceUpdate
    from tests.support.fakes_engine.__init__ import FakeEngine


class FakeContainers:
    """
    Containers that never run anything.

    `start_error` is what the next starts raise, `early_exit` how what was started ends at once.
    """

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine
        self.records: dict[str, ContainerRecord] = {}
        self.sizes: dict[str, int] = {}
        self.start_error: Exception | None = None
        self.early_exit: int | None = None
        self.signals: list[str] = []
        self.resets: list[str] = []
        self.reverted: list[tuple[str, tuple[str, ...]]] = []
        self.samples: list[StatsSample] = []

    def create(self, settings: ContainerSettings, *, owner: str = "") -> ContainerRecord:
        image = self._engine.images.get(settings.image)
        name = settings.name or f"calm_hopper{len(self.records)}"
        for other in self.records.values():
            if other.name == name:
                raise NameTaken(name, holder=other.id)
        record = ContainerRecord(
            id=Digest.of(f"{name} {len(self.records)}".encode()).hex,
            name=name,
            image_id=image.id,
            image_reference=settings.image,
            settings=settings,
            command=settings.command or ("/bin/true",),
            state=ContainerState.CREATED,
            pid=0,
            exit_code=None,
            oom_killed=False,
            error="",
            created_at=SYSTEM_CLOCK.now(),
            started_at=None,
            finished_at=None,
            owner=owner,
            labels=settings.labels,
        )
        self._put(record, "create")
        return record

    def start(self, ref: str) -> None:
        if self.start_error:
            raise self.start_error
        record = self.get(ref)
        now = SYSTEM_CLOCK.now()
        self._put(replace(record, state=ContainerState.RUNNING, pid=4711, started_at=now), "start")

    def wait(self, ref: str, *, timeout: float | None = None) -> ExitStatus | None:
        if self.early_exit is None:
            return None
        self.end(ref, self.early_exit)
        return ExitStatus(self.early_exit, False, SYSTEM_CLOCK.now(), "")

    def stop(self, ref: str, *, timeout: float | None = None) -> None:
        self.end(ref, 0)

    def kill(self, ref: str, *, signal: str = "SIGKILL") -> None:
        self.signals.append(signal)
        self.end(ref, 137)

    def restart(self, ref: str) -> ContainerRecord:
        self.start(ref)
        return self.get(ref)

    def pause(self, ref: str) -> None:
        self._put(replace(self.get(ref), state=ContainerState.PAUSED), "pause")

    def unpause(self, ref: str) -> None:
        record = self.get(ref)
        if record.state is not ContainerState.PAUSED:
            raise WrongState(f"{record.name} is not paused")
        self._put(replace(record, state=ContainerState.RUNNING), "unpause")

    def rename(self, ref: str, name: str) -> None:
        self._put(replace(self.get(ref), name=name), "rename")

    def update(self, ref: str, update: ResourceUpdate) -> None:
        record = self.get(ref)
        self._put(replace(record, settings=update.applied_to(record.settings)), "update")

    def lease(self, ref: str, until: datetime | None) -> None:
        record = self.get(ref)
        self._put(replace(record, settings=with_expiry(record.settings, until)), "update")

    def reset(self, ref: str) -> None:
        self.resets.append(self.get(ref).id)

    def revert(self, ref: str, paths: Sequence[str]) -> None:
        self.reverted.append((self.get(ref).id, tuple(paths)))

    def commit(self, ref: str, *, reference: Reference | None = None, **_: object) -> ImageRecord:
        self.get(ref)
        return self._engine.images.add(str(reference) if reference else None, "base", "top")

    def end(self, ref: str, code: int) -> None:
        """Let the container's process end by itself."""
        record = self.get(ref)
        ended = replace(
            record,
            state=ContainerState.EXITED,
            pid=0,
            exit_code=code,
            finished_at=SYSTEM_CLOCK.now(),
        )
        self._put(ended, "die")
        if record.settings.auto_remove:
            self.remove(ref)

    def remove(
        self,
        ref: str,
        *,
        if_running: IfRunning = IfRunning.REFUSE,
        with_volumes: bool = False,
    ) -> int:
        record = self.get(ref)
        if record.is_running and if_running is IfRunning.REFUSE:
            raise ContainerRunning(record.name, state=record.state)
        del self.records[record.id]
        self._engine.events.record("container", "destroy", record.id)
        return self.sizes.pop(record.id, 0)

    def get(self, ref: str) -> ContainerRecord:
        for record in self.records.values():
            if ref in {record.id, record.name}:
                return record
        raise ContainerNotFound(ref)

    def list_stats(self) -> list[StatsSample]:
        return self.samples

    def size(self, ref: str) -> int:
        return self.sizes.get(self.get(ref).id, 0)

    def list(self) -> list[ContainerRecord]:
        return list(self.records.values())

    def _put(self, record: ContainerRecord, action: str) -> None:
        self.records[record.id] = record
        self._engine.events.record("container", action, record.id)
