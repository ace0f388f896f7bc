"""Previewing and running clean-ups."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Protocol

from engine.cleanup.plan import CleanupReport, Plan, PlannedItem, Skipped
from engine.cleanup.rules import judge_container, judge_image
from engine.errors import NotFound, WrongState
from engine.ledger import ledger_of
from engine.progress import NEVER, SILENT, StepProgress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from engine.containers.containers import Containers
    from engine.containers.record import ContainerRecord
    from engine.images.images import Images
    from engine.images.record import ImageRecord
    from engine.progress import Cancellation, ProgressSink
    from engine.system.clock import Clock

Judgement = PlannedItem | Skipped


class LayerCache(Protocol):
    """What holds layers besides images."""

    def held_layers(self) -> Mapping[str, int]:
        """Return the bytes of the layers that it holds, by chain ID."""


class Cleanup:
    """The clean-ups of one engine: untagged images, and stopped containers."""

    def __init__(
        self, images: Images, containers: Containers, cache: LayerCache, clock: Clock
    ) -> None:
        self._images = images
        self._cache = cache
        self._containers = containers
        self._clock = clock

    def preview_dangling_images(self) -> Plan:
        """Return which untagged images would go and the bytes that exactly these would free."""
        images, containers = self._images.list(), self._containers.list()
        users = _names_by_image(containers)
        found = [judge_image(each, users[str(each.id)]) for each in images if each.is_dangling]
        cached = self._cache.held_layers()
        ledger = ledger_of(images, containers, writable_sizes={}, cached=cached)
        return _plan(found, ledger.reclaimable)

    def preview_stopped_containers(self) -> Plan:
        """Return which containers that do not run would go and the bytes they would free."""
        now = self._clock.now()
        found = [judge_container(each, now) for each in self._containers.list()]
        return _plan(found, lambda ids: sum(map(self._containers.size, ids)))

    def remove_dangling_images(
        self,
        ids: Sequence[str],
        *,
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
    ) -> CleanupReport:
        """
        Remove the images in *ids* that are still untagged and unused, and nothing else.

        What got a tag or a container meanwhile, or is gone already, is reported as skipped.
        """
        return carry_out(ids, self._remove_image, progress, cancellation)

    def remove_stopped_containers(
        self,
        ids: Sequence[str],
        *,
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
    ) -> CleanupReport:
        """
        Remove the containers in *ids* that still do not run, and nothing else.

        What was started meanwhile, or is gone already, is reported as skipped.
        """
        return carry_out(ids, self._remove_container, progress, cancellation)

    def _remove_image(self, image_id: str) -> int | Skipped:
        image = self._images.get(image_id)
        judged = judge_image(image, self._holders(image))
        if isinstance(judged, Skipped):
            return judged
        removal = self._images.remove_dangling(image)
        # It got a tag or a container between the look and the removal.
        return removal.freed_bytes if removal else Skipped(image_id, "came into use meanwhile")

    def _holders(self, image: ImageRecord) -> list[str]:
        return [each.name for each in self._containers.list() if each.image_id == image.id]

    def _remove_container(self, container_id: str) -> int | Skipped:
        judged = judge_container(self._containers.get(container_id), self._clock.now())
        return judged if isinstance(judged, Skipped) else self._containers.remove(container_id)


def _names_by_image(containers: Iterable[ContainerRecord]) -> dict[str, list[str]]:
    names: dict[str, list[str]] = defaultdict(list)
    for container in containers:
        names[str(container.image_id)].append(container.name)
    return names


def _plan(found: Iterable[Judgement], freed_by: Callable[[list[str]], int]) -> Plan:
    judged = tuple(found)
    items = tuple(each for each in judged if isinstance(each, PlannedItem))
    kept = tuple(each for each in judged if isinstance(each, Skipped))
    return Plan(items, kept, freed_by([item.id for item in items]))


def carry_out(
    ids: Sequence[str],
    remove: Callable[[str], int | Skipped],
    progress: ProgressSink,
    cancellation: Cancellation,
    *,
    first: int = 0,
    total: int | None = None,
) -> CleanupReport:
    """
    Have *remove* take one after the other; return what went, what it freed, and what stayed.

    They are told as *first* and following of *total*, which is all of them if it is not given.
    """
    removed: list[str] = []
    skipped: list[Skipped] = []
    freed = 0
    for number, each in enumerate(ids, first):
        progress.emit(StepProgress(each, number, len(ids) if total is None else total))
        # What went before a cancellation went for good, so the report is kept, not thrown away.
        stopped = cancellation.is_cancelled
        result = Skipped(each, "the clean-up was cancelled") if stopped else _tried(each, remove)
        if isinstance(result, Skipped):
            skipped.append(result)
        else:
            removed.append(each)
            freed += result
    return CleanupReport(tuple(removed), tuple(skipped), freed)


def _tried(subject: str, remove: Callable[[str], int | Skipped]) -> int | Skipped:
    try:
        return remove(subject)
    except NotFound:
        return Skipped(subject, "is gone already")
    except WrongState as error:
        return Skipped(subject, error.message)
