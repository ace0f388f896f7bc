"""
Directories that outlive builds: what `RUN --mount=type=cache` keeps.

A cache is known by its ID. With sharing `locked` one step uses it at a time, `private` gives each
step that runs at once a directory of its own, `shared` lets all in together. A directory is
`<root>/build-caches/<name>`; a lock says that it is in use, so that nobody removes it then.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from engine.build.cache_notes import UNKNOWN
from engine.oci.timestamps import from_nanoseconds
from engine.system.files import measure
from engine.system.paths import PRIVATE
from engine.system.removal import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from engine.build.cache_notes import CacheNote, CacheNotes, CacheUse
    from engine.progress import Cancellation
    from engine.system.locks import Locks

POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class CacheDirectory:
    """One cache: its *name* on disk, what it occupies, and when it was used last."""

    name: str
    bytes: int
    last_used_at: datetime
    note: CacheNote | None = None

    @property
    def description(self) -> str:
        """What it is for, as far as that is known."""
        return described(self.note)


@dataclass(frozen=True, slots=True)
class CachePlace:
    """Where one cache is, not measured: its *name* on disk, and whether a build has it now."""

    name: str
    last_used_at: datetime
    is_used: bool
    note: CacheNote | None = None

    @property
    def description(self) -> str:
        """What it is for, as far as that is known."""
        return described(self.note)


class CacheDirectories:
    """The cache directories of one engine root."""

    def __init__(self, directory: Path, locks: Locks, notes: CacheNotes) -> None:
        self._directory = directory
        self._locks = locks
        self._notes = notes

    @contextmanager
    def opened(self, use: CacheUse, *, sharing: str, cancellation: Cancellation) -> Iterator[Path]:
        """Yield the directory for *use*, made if it is not there, kept while it is open."""
        name = hashlib.sha256(use.cache_id.encode(errors="surrogatepass")).hexdigest()[:32]
        with ExitStack() as opened:
            if sharing == "private":
                name = self._free(name, opened)
            elif sharing == "locked":
                self._wait(name, opened, cancellation)
            else:
                opened.enter_context(self._locks.shared(_lock_name(name)))
            path = self._directory / name
            is_new = not path.exists()
            path.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
            os.utime(path)
            self._notes.note(name, use, is_new=is_new)
            yield path

    def remove(self, name: str) -> int | None:
        """Remove the cache *name* and return what came free, or None while it is in use."""
        with self._locks.tried(_lock_name(name)) as is_free:
            if not is_free:
                return None
            freed = measure(self._directory / name).bytes
            remove_tree(self._directory / name)
            self._notes.forget(name)
        self._locks.discard(_lock_name(name))
        return freed

    def places(self) -> list[CachePlace]:
        """Return every cache by its place; nothing is measured."""
        found, notes = [], self._notes.all()
        for path in self._paths():
            # One that was removed meanwhile is none.
            with suppress(FileNotFoundError), self._locks.tried(_lock_name(path.name)) as is_free:
                used = from_nanoseconds(path.stat().st_mtime_ns)
                found.append(CachePlace(path.name, used, not is_free, notes.get(path.name)))
        return found

    def _paths(self) -> list[Path]:
        try:
            return [self._directory / name for name in os.listdir(self._directory)]
        except FileNotFoundError:
            return []

    def _wait(self, name: str, opened: ExitStack, cancellation: Cancellation) -> None:
        while True:
            attempt = opened.enter_context(ExitStack())
            if attempt.enter_context(self._locks.tried(_lock_name(name))):
                return
            attempt.close()
            cancellation.wait(POLL_SECONDS)

    def _free(self, name: str, opened: ExitStack) -> str:
        for number in count():
            candidate = f"{name}-{number}" if number else name
            attempt = opened.enter_context(ExitStack())
            if attempt.enter_context(self._locks.tried(_lock_name(candidate))):
                return candidate
            attempt.close()
        raise AssertionError

    # Last, because its name hides the built-in one from annotations that follow.
    def list(self) -> list[CacheDirectory]:
        """Return every cache, the one that was used longest ago first."""
        found, notes = [], self._notes.all()
        for path in self._paths():
            used = from_nanoseconds(path.stat().st_mtime_ns)
            taken = measure(path).bytes
            found.append(CacheDirectory(path.name, taken, used, notes.get(path.name)))
        return sorted(found, key=lambda each: (each.last_used_at, each.name))


def described(note: CacheNote | None) -> str:
    """Return what a cache is for that *note* tells of."""
    return note.use.description if note else UNKNOWN


def _lock_name(name: str) -> str:
    return f"build-cache/{name}"
