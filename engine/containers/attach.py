"""Attaching to containers: those that run, and those that are about to."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from engine.containers.attachment import Attachment, Wanted
from engine.containers.state import ContainerState
from engine.errors import ContainerNotFound, ContainerPaused, WrongState

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.containers.ports import Means
    from engine.containers.record import ContainerRecord


class Attacher:
    """Attaches; `attach` is to be called with the container's lock held."""

    def __init__(
        self, means: Means, await_end: Callable[[ContainerRecord], ContainerRecord | None]
    ) -> None:
        self._means = means
        self._await_end = await_end

    def attach(self, record: ContainerRecord, wanted: Wanted) -> Attachment:
        """
        Return an attachment to the container's next output, from its start on if it does not run.

        Raises `ContainerPaused`, or `WrongState` while it is being restarted or removed.
        """
        _refuse(record)
        after = self._means.events.last_sequence()
        if record.is_running:
            bundle = self._means.bundles.locate(record.id)
            connection = self._means.monitor.connect(bundle)
            return Attachment(
                wanted=wanted,
                connection=connection,
                exit_code=lambda: self._exit_code(record, after),
            )
        return Attachment(
            wanted=wanted,
            place=self._means.waiting.enter(record.id),
            exit_code=lambda: self._exit_code(record, after),
        )

    def _exit_code(self, record: ContainerRecord, after: int) -> int | None:
        """Return the code of the first exit since the event *after*."""
        # Where it was removed at its exit, what happened to it stays in the log of events.
        with suppress(ContainerNotFound):
            self._await_end(record)
        for event in self._means.events.list_since(after):
            if event.subject == record.id and event.action == "die":
                return int(event.attributes["exitCode"])
        return None


def _refuse(record: ContainerRecord) -> None:
    if record.state is ContainerState.PAUSED:
        raise ContainerPaused(record.name, doing="attach")
    if record.state is ContainerState.RESTARTING:
        raise WrongState(
            f"Container {record.name} is restarting, wait until the container is running",
            field="container",
        )
    if record.state is ContainerState.REMOVING:
        raise ContainerNotFound(record.name)
