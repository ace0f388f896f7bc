"""
Running a program over a directory of the host that it cannot change.

It sees a copy-on-write view; afterwards its changes are listed, and thrown away with the container,
or applied if somebody asks for it. Programs that run at the same time do not see each other's.
"""

from __future__ import annotations

import posixpath
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.containers.sandbox_apply import Applier
from engine.containers.telling import tell
from engine.errors import ContainerRunning, EngineError, InvalidSetting
from engine.layers.diff import iter_changes
from engine.settings.mounts import MountKind, MountPoint

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from engine.containers.create import Creator
    from engine.containers.ports import Means
    from engine.containers.record import ContainerRecord
    from engine.containers.sandbox_files import Sandbox
    from engine.layers.diff import Change
    from engine.settings import ContainerSettings

DEFAULT_TARGET = "/sandbox"


class Sandboxer:
    """Makes sandboxes, and what becomes of them."""

    def __init__(self, means: Means, creator: Creator) -> None:
        self._means = means
        self._creator = creator

    def create(
        self, settings: ContainerSettings, *, directory: str, target: str, owner: str
    ) -> tuple[Sandbox, ContainerRecord]:
        """
        Make a container that sees *directory* at *target*, with a layer of its own over it.

        It is not removed at its exit, whatever the settings say: the changes go with it. Raises
        what creating raises, or `InvalidSetting` for the directory; then nothing is left.
        """
        if not posixpath.isabs(directory):
            raise InvalidSetting("directory", f"{directory[:200]!r} must be absolute")
        means = self._means
        sandbox = means.sandboxes.make(directory, target=target)
        with means.locks.held(lock_name(sandbox.id)):
            try:
                view = str(means.sandboxes.view(sandbox))
                mount = MountPoint(MountKind.BIND, target, view)
                settings = replace(settings, mounts=(*settings.mounts, mount), auto_remove=False)
                record = self._creator.create(settings, owner=owner)
                sandbox = replace(sandbox, container_id=record.id)
                means.sandboxes.save(sandbox)
            except EngineError:
                means.sandboxes.discard(sandbox.id)
                raise
        return sandbox, record

    def changes(self, sandbox_id: str) -> Iterator[Change]:
        """Yield what was changed so far, with bytes; directories before what is in them."""
        sandbox = self._means.sandboxes.get(sandbox_id)
        place = self._means.sandboxes.place(sandbox.id)
        yield from iter_changes(place / "upper", [self._lower(sandbox)])

    def apply(self, sandbox_id: str, paths: Sequence[str] | None) -> list[Change]:
        """
        Bring the changes, or those at and below *paths*, to the directory; return them.

        Raises `ContainerRunning`, or `SandboxConflict` where something there changed meanwhile:
        then nothing is done. One that is killed on the way has applied whole files.
        """
        sandbox = self._means.sandboxes.get(sandbox_id)
        with self._means.locks.held(lock_name(sandbox.id)):
            record = self._means.store.find_by_id(sandbox.container_id)
            if record is not None and record.is_running:
                raise ContainerRunning(record.name, state=record.state)
            wanted = list(selected(self.changes(sandbox_id), paths))
            upper = self._means.sandboxes.place(sandbox.id) / "upper"
            Applier(upper, self._lower(sandbox), began_ns=sandbox.began_ns).apply(wanted)
            if record is not None:
                tell(self._means.events, "sandbox-apply", record)
        return wanted

    def _lower(self, sandbox: Sandbox) -> Path:
        return Path(sandbox.directory)


def discard_sandboxes_of(means: Means, container_ids: Collection[str]) -> None:
    """Throw away the sandboxes of containers that are gone, of those that had one."""
    for sandbox in means.sandboxes.iter_all():
        if sandbox.container_id in container_ids:
            means.sandboxes.discard(sandbox.id)


def reconcile_sandboxes(means: Means) -> None:
    """Show again what a restart of the host hid, and throw away what has no container."""
    known = {each.id: each for each in means.sandboxes.iter_all()}
    for sandbox_id in means.sandboxes.list_ids():
        with means.locks.tried(lock_name(sandbox_id)) as is_held:
            sandbox = known.get(sandbox_id)
            if not is_held:
                continue
            if sandbox and means.store.find_by_id(sandbox.container_id):
                means.sandboxes.show(sandbox)
            elif sandbox is None or not means.store.is_aside(sandbox.container_id):
                means.sandboxes.discard(sandbox_id)


def selected(changes: Iterable[Change], paths: Sequence[str] | None) -> Iterator[Change]:
    """Yield those of *changes* at, below and above *paths*; all of them where that is None."""
    if paths is None:
        yield from changes
        return
    wanted = ["/" + path.strip("/") for path in paths]
    for change in changes:
        below = any((change.path + "/").startswith(each.rstrip("/") + "/") for each in wanted)
        above = change.is_directory and any(each.startswith(change.path + "/") for each in wanted)
        if below or above:
            yield change


def lock_name(sandbox_id: str) -> str:
    """Return the name of the lock that protects the sandbox."""
    return f"sandbox/{sandbox_id}"
