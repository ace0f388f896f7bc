"""Builds, as the engine offers them: building, and what the cache takes and gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.build.bases import PullingBases
from engine.build.builder import Builder, BuildParts
from engine.build.intake import (
    context_of_dockerfile,
    context_of_git,
    context_of_tar,
    context_of_upload,
)
from engine.build.output import merged_tar, write_files
from engine.build.prune import EVERY_ENTRY
from engine.progress import NEVER, SILENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from datetime import timedelta
    from pathlib import Path
    from typing import BinaryIO

    from engine.build.bases import ImageSource
    from engine.build.cache import CachedStep
    from engine.build.caches import CacheDirectory, CachePlace
    from engine.build.context import BuildContext
    from engine.build.prune import CacheFilter, CachePruned, CachePruner
    from engine.build.recording import Built
    from engine.build.remote import GitSource
    from engine.build.request import BuildRequest
    from engine.images.record import ImageRecord
    from engine.progress import Cancellation, ProgressSink
    from engine.registry.credentials import Credentials


@dataclass(frozen=True, slots=True)
class CacheUsage:
    """What builds left for the next one: entries of steps, and directories of cache mounts."""

    steps: tuple[CachedStep, ...]
    directories: tuple[CacheDirectory, ...]


class Builds:
    """The builds of one engine root."""

    def __init__(self, parts: BuildParts, images: ImageSource, pruner: CachePruner) -> None:
        self._parts = parts
        self._images = images
        self._pruner = pruner

    def build(
        self,
        request: BuildRequest,
        context: BuildContext,
        *,
        credentials: Mapping[str, Credentials] | None = None,
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
        owner: str = "",
    ) -> Built:
        """Build an image, see `Builder.build`; bases are pulled with *credentials* by registry."""
        bases = PullingBases(
            self._images, credentials=dict(credentials or {}), progress=progress, owner=owner
        )
        builder = Builder(self._parts, bases)
        return builder.build(
            request, context, progress=progress, cancellation=cancellation, owner=owner
        )

    def context_of_tar(
        self, stream: BinaryIO, *, cancellation: Cancellation = NEVER
    ) -> AbstractContextManager[BuildContext]:
        """Open the context that a tar holds, see `intake.context_of_tar`."""
        return context_of_tar(self._parts.places, stream, cancellation=cancellation)

    def context_of_upload(
        self, stream: BinaryIO, *, cancellation: Cancellation = NEVER
    ) -> AbstractContextManager[BuildContext]:
        """Open the context that an uploaded file holds, a zip or a tar, see `context_of_tar`."""
        return context_of_upload(self._parts.places, stream, cancellation=cancellation)

    def context_of_git(
        self, source: GitSource, *, cancellation: Cancellation = NEVER
    ) -> AbstractContextManager[BuildContext]:
        """Open the context that a git repository is, see `intake.context_of_git`."""
        return context_of_git(self._parts.places, source, cancellation=cancellation)

    def context_of_dockerfile(self, content: bytes) -> AbstractContextManager[BuildContext]:
        """Open an empty context with one Dockerfile."""
        return context_of_dockerfile(self._parts.places, content)

    def open_files(self, image: ImageRecord) -> AbstractContextManager[Iterator[bytes]]:
        """Open a tar of all files of *image*, see `output.merged_tar`."""
        return merged_tar(self._parts, image)

    def write_files(self, image: ImageRecord, target: Path) -> None:
        """Write all files of *image* into the directory *target*, see `output.write_files`."""
        write_files(self._parts, image, target)

    def cache(self) -> CacheUsage:
        """Return what the cache holds; directories are measured now."""
        steps, directories = self._parts.cache.list(), self._parts.caches.list()
        return CacheUsage(tuple(steps), tuple(directories))

    def cache_steps(self) -> list[CachedStep]:
        """Return the entries of the cache, the one that was used longest ago first."""
        return self._parts.cache.list()

    def cache_places(self) -> list[CachePlace]:
        """Return where the directories of cache mounts are, not measured."""
        return self._parts.caches.places()

    def held_layers(self) -> dict[str, int]:
        """Return the bytes of the layers that the cache holds, by chain ID."""
        layers = (each.layer for each in self._parts.cache.list() if each.layer)
        return {str(layer.chain_id): layer.size for layer in layers}

    def forget_step(self, key: str) -> None:
        """Forget what a step gave; its layer is for the collector then."""
        self._parts.cache.forget([key])

    def remove_cache_mount(self, name: str) -> int | None:
        """Remove a cache directory; return what came free, or None while a build has it."""
        return self._parts.caches.remove(name)

    def prune_cache(
        self,
        *,
        everything: bool = True,
        unused_for: timedelta | None = None,
        keep_bytes: int = 0,
        only: CacheFilter = EVERY_ENTRY,
    ) -> CachePruned:
        """Give cache back, what was used longest ago first; see `CachePruner.prune`."""
        return self._pruner.prune(
            everything=everything, unused_for=unused_for, keep_bytes=keep_bytes, only=only
        )

    def sweep(self) -> int:
        """Clear away what killed builds left; return how many builds that were."""
        return self._parts.places.sweep()
