"""
Giving back what builds left: cache of steps, and directories of cache mounts.

Entries go one after the other, the one that was used longest ago first, until what remains is small
enough. Who uses a step uses those that it stands on, so these go after it: a layer below another
cannot come free. What comes free is counted when it does: the layer of an entry that an image needs
stays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from engine.build.cache import CachedStep, StepCache
    from engine.build.caches import CacheDirectories
    from engine.images.gc import Collector
    from engine.images.store import ImageStore
    from engine.oci.digest import ChainID
    from engine.system.clock import Clock


@dataclass(frozen=True, slots=True)
class CachePruned:
    """What a pruning took away: keys of steps, names of directories, and the bytes."""

    steps: tuple[str, ...]
    directories: tuple[str, ...]
    freed_bytes: int


STEP = "regular"
DIRECTORY = "exec.cachemount"


@dataclass(frozen=True, slots=True)
class CacheFilter:
    """
    Which entries are meant, in BuildKit's words; what is empty or None leaves open.

    *id* is a part of an entry's. Where it *is_possible* not, none is meant.
    """

    id: str = ""
    type: str = ""
    is_shared: bool | None = None
    is_possible: bool = True

    def matches(self, entry: str, kind: str, *, is_shared: bool) -> bool:
        """Whether the entry *entry* of the type *kind* is meant."""
        return (
            self.is_possible
            and self.id in entry
            and self.type in {"", kind}
            and self.is_shared in {None, is_shared}
        )


EVERY_ENTRY = CacheFilter()


class CachePruner:
    """Prunes the build cache of one engine root."""

    def __init__(
        self,
        cache: StepCache,
        directories: CacheDirectories,
        *,
        images: ImageStore,
        collector: Collector,
        clock: Clock,
    ) -> None:
        self._cache = cache
        self._directories = directories
        self._images = images
        self._collector = collector
        self._clock = clock

    def prune(
        self,
        *,
        everything: bool,
        unused_for: timedelta | None,
        keep_bytes: int,
        only: CacheFilter = EVERY_ENTRY,
    ) -> CachePruned:
        """
        Forget entries until those that remain take at most *keep_bytes*.

        Without *everything*, only entries whose layer no image needs go. With *unused_for*, only
        what was not used for so long, and never what *only* does not mean. What is in use stays.
        """
        before = self._clock.now() - unused_for if unused_for else None
        steps = [
            each
            for each in from_the_top(self._cache.list())
            if self._is_meant(each, before, only, everything=everything)
        ]
        held = sum(each.layer.size for each in steps if each.layer)
        going: list[CachedStep] = []
        for each in steps:
            if keep_bytes and held <= keep_bytes:
                break
            going.append(each)
            held -= each.layer.size if each.layer else 0
        self._cache.forget(each.key for each in going)
        # Below may lie what was forgotten before, while something stood on it.
        freed = self._collector.collect_stray_layers() if going else 0
        names, more = self._remove_directories(before, only) if everything else ((), 0)
        return CachePruned(tuple(each.key for each in going), names, freed + more)

    def _is_meant(
        self, step: CachedStep, before: datetime | None, only: CacheFilter, *, everything: bool
    ) -> bool:
        if before is not None and step.last_used_at > before:
            return False
        is_in_image = self._is_in_image(step)
        is_meant = only.matches(step.key, STEP, is_shared=is_in_image)
        return is_meant and (everything or not is_in_image)

    def _is_in_image(self, step: CachedStep) -> bool:
        return step.layer is not None and self._images.is_layer_in_image(str(step.layer.chain_id))

    def _remove_directories(
        self, before: datetime | None, only: CacheFilter
    ) -> tuple[tuple[str, ...], int]:
        removed: list[str] = []
        freed = 0
        for each in self._directories.list():
            is_recent = before is not None and each.last_used_at > before
            if is_recent or not only.matches(each.name, DIRECTORY, is_shared=False):
                continue
            bytes_freed = self._directories.remove(each.name)
            if bytes_freed is not None:
                removed.append(each.name)
                freed += bytes_freed
        return tuple(removed), freed


def from_the_top(steps: Sequence[CachedStep]) -> list[CachedStep]:
    """Return *steps*, the one used longest ago first, each after those that stand on it."""
    below = {each.layer.chain_id: each.parent for each in steps if each.layer}
    used: dict[ChainID, datetime] = {}
    for each in steps:
        layer = each.layer.chain_id if each.layer else each.parent
        # Where a later use is known, it is known of all below.
        while layer is not None and used.get(layer, each.last_used_at) <= each.last_used_at:
            if used.get(layer) == each.last_used_at:
                break
            used[layer] = each.last_used_at
            layer = below.get(layer)
    seen = [
        replace(each, last_used_at=used[each.layer.chain_id]) if each.layer else each
        for each in steps
    ]
    return sorted(seen, key=lambda each: (each.last_used_at, -_height(each, below), each.key))


def _height(step: CachedStep, below: Mapping[ChainID, ChainID | None]) -> int:
    height, layer = 0, step.parent
    while layer is not None:
        height, layer = height + 1, below.get(layer)
    return height
