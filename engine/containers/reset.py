"""
Giving up what a container changed: all of it, or single paths.

To be called with the container's lock held, for a container that does not run.
"""

from __future__ import annotations

import errno
import os
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from engine.containers.telling import tell
from engine.containers.writable import changes_directory, renew
from engine.errors import ContainerRunning, InvalidSetting, Unsupported, from_oserror
from engine.layers.stack import Stack
from engine.system.files import DIRECTORY_FLAGS
from engine.system.overlayfs import is_opaque, is_whiteout
from engine.system.removal import remove_tree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.containers.ports import Means
    from engine.containers.record import ContainerRecord
    from engine.containers.settle import Settler

MAX_PATHS = 10_000


class Resetter:
    """Gives up changes."""

    def __init__(self, means: Means, settler: Settler) -> None:
        self._means = means
        self._settler = settler

    def reset(self, record: ContainerRecord) -> int:
        """
        Give the container a new writable layer over its image; return the bytes that came free.

        Killed on the way, it has the old layer or the new one.
        """
        self._refuse_running(record)
        means = self._means
        self._settler.clear(means.bundles.locate(record.id))
        with means.database.write():
            parent = means.snapshotter.get(record.id).parent
            freed = means.snapshotter.remove(record.id)
            means.snapshotter.prepare(record.id, parent=parent)
            tell(means.events, "reset", record)
        renew(means, record)
        return freed

    def revert(self, record: ContainerRecord, paths: Sequence[str]) -> None:
        """
        Let each of *paths* be again what the image has there, nothing if it has nothing.

        A directory goes with all that is in it. Raises `InvalidSetting` for a path whose directory
        was replaced, which must be reverted itself; what came before it in *paths* is done.
        """
        self._refuse_running(record)
        if len(paths) > MAX_PATHS:
            raise InvalidSetting("paths", f"are more than {MAX_PATHS}")
        directory = changes_directory(self._means, record)
        if directory is None:
            raise Unsupported("this root keeps no changes apart from the image")
        self._settler.clear(self._means.bundles.locate(record.id))
        self._means.store.touch(record.id)
        upper = os.open(directory, DIRECTORY_FLAGS)
        try:
            for path in paths:
                self._revert(record, upper, path)
        finally:
            os.close(upper)
            self._means.store.touch(record.id)
        tell(self._means.events, "revert", record)

    def _revert(self, record: ContainerRecord, upper: int, path: str) -> None:
        parts = [part for part in os.fsencode(path).split(b"/") if part]
        if not parts or any(part in {b".", b".."} or b"\0" in part for part in parts):
            raise InvalidSetting("paths", f"{path[:80]!r} is no path in the container")
        *parents, name = parts
        with ExitStack() as opened:
            place = upper
            for part in parents:
                below = _entered(place, part, path)
                if below is None:
                    return
                opened.callback(os.close, below)
                place = below
                if is_opaque(place) and self._has_below(record, b"/".join(parts)):
                    raise _replaced(path)
            _forget(place, name)

    def _has_below(self, record: ContainerRecord, path: bytes) -> bool:
        parent = self._means.snapshotter.get(record.id).parent
        lowers = self._means.snapshotter.layer_directories(parent) if parent else []
        with Stack(lowers) as below:
            return below.has(path)

    def _refuse_running(self, record: ContainerRecord) -> None:
        if record.is_running:
            raise ContainerRunning(record.name, state=record.state)


def _entered(place: int, part: bytes, path: str) -> int | None:
    """Return the directory *part* in the open *place*; None if nothing below it was changed."""
    try:
        status = os.stat(part, dir_fd=place, follow_symlinks=False)
        if is_whiteout(status):
            raise _replaced(path)
        return os.open(part, DIRECTORY_FLAGS, dir_fd=place)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in {errno.ENOTDIR, errno.ELOOP}:
            raise _replaced(path) from error
        raise from_oserror(error, f"revert {path}") from error


def _forget(place: int, name: bytes) -> None:
    with suppress(FileNotFoundError):
        remove_tree(b"/proc/self/fd/%d/%b" % (place, name))


def _replaced(path: str) -> InvalidSetting:
    return InvalidSetting(
        "paths",
        f"the directory of {path[:200]} was deleted or replaced",
        remedy="Revert that directory, with all that is in it.",
    )
