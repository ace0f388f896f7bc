"""
Places that a build needs for a while: file systems mounted to be read, and private files.

Everything lies below `<root>/builds/<build>`, under a lock that the build holds. What a killed
build left is cleared away by the next `sweep`: it takes the lock, unmounts and removes.
"""

from __future__ import annotations

import os
import uuid
from contextlib import ExitStack, contextmanager
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

from engine.errors import MountFailed
from engine.images.spool import Spool
from engine.mount import Mount
from engine.system.files import make_directory
from engine.system.paths import PRIVATE
from engine.system.removal import remove_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from engine.oci.digest import ChainID
    from engine.snapshots.snapshotter import Snapshotter
    from engine.system.locks import Locks
    from engine.system.mounter import Mounter

    Opening = Callable[[str], AbstractContextManager[Path]]

PREFIX = "build/"
MEMORY_BYTES = 4 * 1024 * 1024


class Places:
    """
    The places of one build, which is called *build*.

    Its directory and its lock are there from the first time that it needs them.
    """

    def __init__(
        self, build: str, snapshotter: Snapshotter, mounter: Mounter, opening: Opening
    ) -> None:
        self.build = build
        self.mounter = mounter
        self._snapshotter = snapshotter
        self._opening = opening
        self._opened = ExitStack()
        self._guard = Lock()

    @cached_property
    def _made(self) -> Path:
        return self._opened.enter_context(self._opening(self.build))

    @property
    def directory(self) -> Path:
        """The directory that holds them all."""
        with self._guard:
            return self._made

    def close(self) -> None:
        """Leave nothing of them."""
        self._opened.close()

    def new_key(self) -> str:
        """Return a key for a snapshot of this build."""
        return f"{PREFIX}{self.build}/{uuid.uuid4().hex[:12]}"

    @contextmanager
    def viewed(self, layer: ChainID) -> Iterator[Path]:
        """Yield a directory that shows the stack of *layer*, to be read only."""
        key, target = self.new_key(), self.directory / uuid.uuid4().hex[:12]
        mounts = self._snapshotter.view(key, parent=layer)
        try:
            make_directory(target, mode=PRIVATE)
            self.mounter.mount(mounts, target)
            yield target
        finally:
            _unmount(self.mounter, target)
            self._snapshotter.remove(key)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Yield an empty directory that is gone afterwards."""
        target = self.directory / uuid.uuid4().hex[:12]
        make_directory(target, mode=PRIVATE)
        try:
            yield target
        finally:
            remove_tree(target)

    @contextmanager
    def memory(self) -> Iterator[Path]:
        """Yield an empty directory that is in memory only, and gone afterwards."""
        with self.scratch() as target:
            options = (f"size={MEMORY_BYTES}", f"mode={PRIVATE:o}", "nosuid", "nodev")
            with self.mounter.mounted([Mount("tmpfs", "tmpfs", options)], target):
                yield target


class PlaceKeeper:
    """Opens the places of builds, and clears away those of builds that were killed."""

    def __init__(
        self, directory: Path, locks: Locks, snapshotter: Snapshotter, mounter: Mounter
    ) -> None:
        self._directory = directory
        self._locks = locks
        self._snapshotter = snapshotter
        self._mounter = mounter

    @contextmanager
    def opened(self) -> Iterator[Places]:
        """Yield places for one build; afterwards nothing of them is left."""
        build = uuid.uuid4().hex[:12]
        places = Places(build, self._snapshotter, self._mounter, self._made)
        try:
            yield places
        finally:
            places.close()

    def spool(self) -> Spool:
        """Return a file without a name that is gone with this process, or when it is closed."""
        self._directory.mkdir(mode=PRIVATE, exist_ok=True)
        return Spool(self._directory)

    @contextmanager
    def _made(self, build: str) -> Iterator[Path]:
        self._directory.mkdir(mode=PRIVATE, exist_ok=True)
        directory = self._directory / build
        with self._locks.held(_lock_name(build)):
            make_directory(directory, mode=PRIVATE)
            try:
                yield directory
            finally:
                self._clear(build)
                self._locks.discard(_lock_name(build))

    def sweep(self) -> int:
        """Clear away what killed builds left; return how many builds that were."""
        names = {each.name for each in self._left()}
        names |= {key.split("/")[1] for key in self._keys()}
        swept = 0
        for build in sorted(names):
            with self._locks.tried(_lock_name(build)) as is_free:
                if is_free:
                    self._clear(build)
                    swept += 1
        return swept

    def _clear(self, build: str) -> None:
        directory = self._directory / build
        for each in _children(directory):
            _unmount(self._mounter, each)
        remove_tree(directory)
        for key in self._keys():
            if key.startswith(f"{PREFIX}{build}/"):
                self._snapshotter.remove(key)

    def _left(self) -> list[Path]:
        return _children(self._directory)

    def _keys(self) -> list[str]:
        every = self._snapshotter.iter_snapshots()
        return [each.key for each in every if each.key.startswith(PREFIX)]


def _children(directory: Path) -> list[Path]:
    try:
        return [directory / name for name in os.listdir(directory)]
    except (FileNotFoundError, NotADirectoryError):
        # Nothing, or what a spool is until it has lost its name.
        return []


def _unmount(mounter: Mounter, target: Path) -> None:
    try:
        mounter.unmount(target)
    except MountFailed:
        mounter.unmount(target, lazily=True)


def _lock_name(build: str) -> str:
    return f"build/{build}"
