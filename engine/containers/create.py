"""
From settings to a container that could be started.

Its directory comes first and its record last: what a killed process leaves behind has a directory
without a record, and that is what `reconcile` looks for.
"""

from __future__ import annotations

import random
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.containers.endpoints import Connector
from engine.containers.merged import merged_labels
from engine.containers.mounting import Mounting
from engine.containers.names import iter_names
from engine.containers.process import resolve_arguments
from engine.containers.record import NOBODY, Attached, ContainerRecord
from engine.containers.resources import check_against_host
from engine.containers.state import ContainerState
from engine.containers.telling import tell
from engine.errors import (
    ImageNotFound,
    InvalidReference,
    InvalidSetting,
    NameTaken,
    SnapshotNotFound,
)
from engine.oci.identity import chain_id
from engine.oci.reference import Reference

if TYPE_CHECKING:
    from engine.containers.ports import Means, SourceImage
    from engine.settings import ContainerSettings
    from engine.system.host import HostFacts

ID_BYTES = 32
# All of them mean the runtime of this host.
RUNTIMES = frozenset({"", "runc", "crun", "io.containerd.runc.v2"})


class Creator:
    """Creates containers."""

    def __init__(self, means: Means, chooser: random.Random | None = None) -> None:
        self._means = means
        self._chooser = chooser or random.SystemRandom()
        self._connector = Connector(means)
        self._mounting = Mounting(means)

    def create(
        self, settings: ContainerSettings, *, owner: str, attached: Attached = NOBODY
    ) -> ContainerRecord:
        """
        Make a container of *settings* and return its record; nothing is left if that fails.

        Raises `ImageNotFound`, `NameTaken`, or `InvalidSetting` for what the image decides.
        """
        _check_against(self._means.host, settings)
        image = self._means.images.get(settings.image)
        if settings.name is not None:
            self._means.store.check_name_is_free(settings.name)
        self._connector.prepare(settings)
        command = resolve_arguments(image.config.defaults, settings)
        record = replace(self._draft(settings, image, command, owner), attached=attached)
        with self._means.locks.held(lock_name(record.id)):
            try:
                record = self._insert(record, image)
                self._mounting.fill(record)
                return record
            except BaseException:
                self.undo(record.id)
                self._means.locks.discard(lock_name(record.id))
                raise

    def undo(self, container_id: str) -> int:
        """Remove all of a container that was never whole; return freed bytes."""
        means, bundle = self._means, self._means.bundles.locate(container_id)
        with means.database.write():
            means.store.delete(container_id)
            means.networks.wiring.withdraw(container_id)
            volumes = self._mounting.withdraw(container_id, with_anonymous=True)
            freed = means.snapshotter.remove(container_id)
        means.bundles.remove_run(bundle)
        means.bundles.remove(bundle)
        means.volumes.discard(volumes)
        return freed

    def _draft(
        self,
        settings: ContainerSettings,
        image: SourceImage,
        command: tuple[str, ...],
        owner: str,
    ) -> ContainerRecord:
        return ContainerRecord(
            id=secrets.token_hex(ID_BYTES),
            name=settings.name or "",
            image_id=image.id,
            image_reference=_shown_reference(settings.image, image),
            settings=settings,
            command=command,
            state=ContainerState.CREATED,
            pid=0,
            exit_code=None,
            oom_killed=False,
            error="",
            created_at=self._means.clock.now(),
            started_at=None,
            finished_at=None,
            owner=owner,
            labels=merged_labels(image.config.defaults, settings),
        )

    def _insert(self, record: ContainerRecord, image: SourceImage) -> ContainerRecord:
        """Make directory, writable layer and record, the latter two in one transaction."""
        self._means.bundles.make(self._means.bundles.locate(record.id))
        self._mounting.prepare(record, image)
        with self._means.database.write():
            # Whoever removed it meanwhile did not see this container.
            self._means.images.get(str(record.image_id))
            record = self._named(record)
            self._means.store.insert(record)
            self._prepare(record, image)
            self._connector.enroll(record)
            self._means.images.mark_used(record.image_id)
            tell(self._means.events, "create", record)
        return record

    def _prepare(self, record: ContainerRecord, image: SourceImage) -> None:
        diff_ids = image.config.diff_ids
        parent = chain_id(diff_ids) if diff_ids else None
        try:
            self._means.snapshotter.prepare(record.id, parent=parent)
        except SnapshotNotFound as error:
            raise ImageNotFound(record.settings.image) from error

    def _named(self, record: ContainerRecord) -> ContainerRecord:
        if record.name:
            return record
        for name in iter_names(self._chooser):
            try:
                self._means.store.check_name_is_free(name)
            except NameTaken:
                continue
            return replace(record, name=name)
        raise NameTaken(record.name, holder="others")


def _check_against(host: HostFacts, settings: ContainerSettings) -> None:
    if settings.runtime not in RUNTIMES:
        raise InvalidSetting(
            "runtime",
            f"Unknown runtime specified {settings.runtime[:80]}",
            remedy="Leave it out: this host's runtime is chosen by what works on it.",
        )
    check_against_host(host, settings)


def lock_name(container_id: str) -> str:
    """Return the name of the lock that protects the container."""
    return f"container/{container_id}"


def _shown_reference(text: str, image: SourceImage) -> str:
    """Return what people see as the container's image: the tag in short, or what was asked for."""
    try:
        reference = Reference.parse(text)
    except InvalidReference:
        return text
    return reference.familiar if reference in image.tags else text
