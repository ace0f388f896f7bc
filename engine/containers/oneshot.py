"""
Programs that are run once, on a snapshot of their own, and leave no container behind.

They have the isolation, the networks and the limits of a container and the same parts start and end
them; but nobody ever sees a record of them. What a killed process leaves of one is a directory
without a record, under a lock that is free: exactly what `reconcile` clears away.
"""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.containers.attachment import Attachment, StreamKind, Wanted
from engine.containers.create import ID_BYTES, Creator, lock_name
from engine.containers.endpoints import Connector
from engine.containers.mounting import Mounting
from engine.containers.record import ContainerRecord
from engine.containers.settle import Settler
from engine.containers.start import Starter
from engine.containers.state import ContainerState
from engine.errors import CommandNotFound
from engine.oci.config import ImageConfig, ProcessDefaults, render_config
from engine.oci.digest import Digest, ImageID
from engine.oci.platform import host_platform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.containers.ports import Means
    from engine.oci.digest import ChainID
    from engine.oci.reference import Reference
    from engine.progress import Cancellation
    from engine.settings import ContainerSettings

POLL_SECONDS = 0.2
EXIT_SECONDS = 0.05
LOST_CODE = 255
WORDS = {StreamKind.STDOUT: "stdout", StreamKind.STDERR: "stderr"}


@dataclass(frozen=True, slots=True)
class _NoImage:
    """What stands where a container has its image: it suggests nothing."""

    config: ImageConfig
    tags: tuple[Reference, ...] = ()

    @property
    def id(self) -> ImageID:
        return ImageID(Digest.of(self.config.content))


class _NoImages:
    """The images as a program that is run once sees them."""

    def __init__(self, image: _NoImage) -> None:
        self._image = image

    def get(self, text: str) -> _NoImage:
        del text
        return self._image

    def mark_used(self, image_id: ImageID) -> None:
        """Note nothing: no image is used."""


class OneShots:
    """Runs programs once, with the means of containers."""

    def __init__(self, means: Means) -> None:
        self._image = _NoImage(_empty_config(means))
        self._means = replace(means, images=_NoImages(self._image))
        self._settler = Settler(self._means)
        self._creator = Creator(self._means)
        self._starter = Starter(self._means, self._settler)
        self._connector = Connector(self._means)
        self._mounting = Mounting(self._means)

    @contextmanager
    def opened(self, parent: ChainID | None) -> Iterator[str]:
        """
        Yield the key of a new active snapshot on *parent*, to run programs on.

        Afterwards neither it nor anything of the programs is left.
        """
        means, key = self._means, secrets.token_hex(ID_BYTES)
        with means.locks.held(lock_name(key)):
            try:
                means.bundles.make(means.bundles.locate(key))
                means.snapshotter.prepare(key, parent=parent)
                yield key
            finally:
                self._settler.clear(means.bundles.locate(key))
                self._creator.undo(key)
                means.locks.discard(lock_name(key))

    def run(
        self,
        key: str,
        settings: ContainerSettings,
        *,
        output: Callable[[str, bytes], None],
        cancellation: Cancellation,
    ) -> int:
        """
        Run what *settings* say on the snapshot *key* and return its exit code.

        *output* gets what it prints, with `stdout` or `stderr`. A command that is not there prints
        why and returns 127, or 126 where it cannot be executed. Afterwards nothing of it runs and
        nothing is mounted. Raises `Cancelled`, `RuntimeFailed` or what the host refuses.
        """
        record = self._record(key, settings)
        bundle = self._means.bundles.locate(key)
        try:
            self._connector.prepare(settings)
            with self._means.database.write():
                self._mounting.prepare(record, self._image)
                self._connector.enroll(record)
            self._starter.launch(record, bundle, makes_image=True)
            return self._watched(key, output, cancellation)
        except CommandNotFound as error:
            output("stderr", f"{error.message}\n".encode())
            return error.exit_code
        finally:
            self._settler.clear(bundle)
            with self._means.database.write():
                self._means.networks.wiring.withdraw(key)
                volumes = self._mounting.withdraw(key, with_anonymous=True)
            self._means.volumes.discard(volumes)

    def _watched(
        self, key: str, output: Callable[[str, bytes], None], cancellation: Cancellation
    ) -> int:
        bundle = self._means.bundles.locate(key)
        with (
            self._means.monitor.connect(bundle) as connection,
            Attachment(wanted=Wanted(), connection=connection) as attached,
        ):
            self._means.runtime.start(bundle)
            while (piece := attached.read(POLL_SECONDS)) is not None:
                cancellation.check()
                if piece[1]:
                    output(WORDS[piece[0]], piece[1])
        return self._exit_code(key, cancellation)

    def _exit_code(self, key: str, cancellation: Cancellation) -> int:
        """Return the exit code, which the monitor writes right after the last output."""
        bundle = self._means.bundles.locate(key)
        while (ended := self._means.exits.find(key)) is None:
            if self._means.monitor.wait(bundle, timeout=EXIT_SECONDS):
                ended = self._means.exits.find(key)
                return ended.code if ended else LOST_CODE
            cancellation.check()
        return ended.code

    def _record(self, key: str, settings: ContainerSettings) -> ContainerRecord:
        return ContainerRecord(
            id=key,
            name=key[:12],
            image_id=self._image.id,
            image_reference="",
            settings=settings,
            command=settings.command or (),
            state=ContainerState.CREATED,
            pid=0,
            exit_code=None,
            oom_killed=False,
            error="",
            created_at=self._means.clock.now(),
            started_at=None,
            finished_at=None,
            owner="",
        )


def _empty_config(means: Means) -> ImageConfig:
    return ImageConfig.parse(
        render_config(
            platform=host_platform(),
            diff_ids=(),
            history=(),
            defaults=ProcessDefaults(),
            created_at=means.clock.now(),
        )
    )
