"""From the state that a build reached to an image on record."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.build.request import FAILED_LABEL
from engine.images.record import DocumentRecord
from engine.oci.config import ImageConfig
from engine.oci.digest import Digest, ImageID

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from engine.build.state import StageState
    from engine.content.store import Store
    from engine.images.hold import Hold
    from engine.images.record import ImageRecord
    from engine.images.store import ImageStore
    from engine.oci.reference import Reference
    from engine.system.clock import Clock


@dataclass(frozen=True, slots=True)
class Built:
    """
    What a build made.

    *tags* name it now; *replaced* are the images that a tag named before, by the tag. *warnings*
    are for whoever wrote the Dockerfile.
    """

    image: ImageRecord
    tags: tuple[Reference, ...] = ()
    replaced: tuple[tuple[Reference, ImageID], ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recorder:
    """Records what *owner* built; documents are held by *hold* until they are on record."""

    images: ImageStore
    store: Store
    clock: Clock
    hold: Hold
    owner: str

    def record(self, state: StageState, tags: tuple[Reference, ...]) -> Built:
        """Have an image that is *state*, named by *tags*."""
        before = {tag: self.images.find(str(tag)) for tag in tags}
        image = self._tagged(state.image, tags) if state.image else self._made(state, tags)
        replaced = tuple((t, i.id) for t, i in before.items() if i and i.id != image.id)
        return Built(image, tags, replaced)

    def keep(self, state: StageState) -> str:
        """Return the ID of an image without a tag that is *state*, before a step that failed."""
        if state.image is not None:
            return str(state.image.id)
        return str(self._made(with_labels(state, {FAILED_LABEL: "true"}), ()).id)

    def _tagged(self, image: ImageRecord, tags: Iterable[Reference]) -> ImageRecord:
        """Give the tags to an image that the build took as it is."""
        for tag in tags:
            image = self.images.tag(str(image.id), tag, owner=self.owner)
        return image

    def _is_complete(self, known: ImageRecord, tags: Collection[Reference]) -> bool:
        """Whether *known* has all that recording it once more would give it."""
        documents = {each.digest for each in known.documents}
        has_config = known.id in documents and self.store.has(known.id)
        return has_config and set(tags) <= set(known.tags)

    def _made(self, state: StageState, tags: Collection[Reference]) -> ImageRecord:
        content = state.render(self.clock.now())
        known = self.images.find_by_id(ImageID(Digest.of(content)))
        if known is not None and self._is_complete(known, tags):
            return known
        config = ImageConfig.parse(content)
        self.hold.add_blobs(config.image_id)
        digest = self.store.put(config.content)
        return self.images.ensure_image(
            config,
            state.layers,
            documents=[DocumentRecord(digest, self.store.disk_bytes(digest))],
            tags=tags,
            owner=self.owner,
            source="build",
        )


def with_labels(state: StageState, labels: Mapping[str, str]) -> StageState:
    """Return *state* with *labels* besides its own; then it is no image that is there already."""
    if not labels:
        return state
    every = {**state.effects.defaults.labels, **labels}
    return replace(state, effects=state.effects.changed(labels=every), image=None)
