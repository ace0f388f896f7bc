"""From what a container changed to an image that has it as its highest layer."""

from __future__ import annotations

import os
import stat
from contextlib import closing, contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING

from engine.containers.create import lock_name
from engine.containers.merged import merged_config
from engine.containers.scaffold import PARENTS, is_scaffold, is_scaffold_link
from engine.containers.state import ContainerState
from engine.containers.telling import tell
from engine.containers.writable import layer_in_memory
from engine.images.changeset import changed_directory, iter_changes_of
from engine.images.derive import Derivation
from engine.settings.lease import with_expiry
from engine.system.files import DIRECTORY_FLAGS

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from engine.containers.ports import Means
    from engine.containers.record import ContainerRecord
    from engine.images.record import ImageRecord
    from engine.oci.reference import Reference


class Committer:
    """Commits containers."""

    def __init__(self, means: Means) -> None:
        self._means = means

    def commit(
        self,
        record: ContainerRecord,
        *,
        reference: Reference | None,
        author: str,
        message: str,
        changes: Sequence[str],
        pause: bool,
        owner: str,
    ) -> ImageRecord:
        """
        Make an image of the container's image and of what it changed, without its volumes.

        Raises `InvalidSetting` for the changes.
        """
        defaults = self._means.images.get(str(record.image_id)).config.defaults
        derivation = Derivation(
            merged_config(defaults, with_expiry(record.settings, None)),
            changes=tuple(changes),
            created_by=" ".join(record.command),
            comment=message,
            author=author,
            tags=(reference,) if reference else (),
        )
        # Whatever happens, what was frozen goes on at once.
        with closing(self._layer(record, pause=pause)) as layer:
            image = self._means.deriver.derive(
                record.image_id, layer, derivation, owner=owner, source="commit"
            )
        told = {"imageID": str(image.id), "imageRef": reference.familiar if reference else ""}
        tell(self._means.events, "commit", record, comment=message, **told)
        return image

    def _layer(self, record: ContainerRecord, *, pause: bool) -> Generator[bytes, None, None]:
        snapshotter = self._means.snapshotter
        upper = layer_in_memory(self._means, record)
        root = os.open(upper or changed_directory(snapshotter, record.id), DIRECTORY_FLAGS)
        try:
            left_out = partial(_is_left_out, root)
            with self._standing_still(record) if pause else nullcontext():
                yield from iter_changes_of(
                    snapshotter, record.id, upper=upper, is_left_out=left_out
                )
        finally:
            os.close(root)

    @contextmanager
    def _standing_still(self, record: ContainerRecord) -> Iterator[None]:
        """Freeze what runs; where we are killed meanwhile, `reconcile` lets it go on."""
        cgroups = self._means.cgroups
        with self._means.locks.held(lock_name(record.id)):
            current = self._means.store.find_by_id(record.id)
            cgroup = self._means.bundles.locate(record.id).cgroup
            if current is None or current.state is not ContainerState.RUNNING:
                yield
                return
            cgroups.freeze(cgroup)
            try:
                yield
            finally:
                cgroups.thaw(cgroup)


def _is_left_out(root: int, path: bytes, status: os.stat_result) -> bool:
    if stat.S_ISLNK(status.st_mode):
        return is_scaffold_link(path, os.readlink(path, dir_fd=root).decode(errors="replace"))
    if path not in PARENTS or not stat.S_ISDIR(status.st_mode):
        return is_scaffold(path, status)
    directory = os.open(path, DIRECTORY_FLAGS, dir_fd=root)
    try:
        with os.scandir(directory) as entries:
            found = [(each.name, each.stat(follow_symlinks=False)) for each in entries]
    finally:
        os.close(directory)
    return all(_is_left_out(root, path + b"/" + os.fsencode(name), each) for name, each in found)
