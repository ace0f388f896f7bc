"""Images that are records only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import ImageInUse, TagMoved
from engine.images.history import history_rows
from engine.images.record import ImageRecord, ImageRemoval, LayerRecord, Pulled
from engine.images.store import ImageStore
from engine.oci import media_types
from engine.oci.config import HistoryEntry, ImageConfig, ProcessDefaults, render_config
from engine.oci.digest import ChainID, DiffID, Digest
from engine.oci.identity import chain_ids
from engine.oci.platform import host_platform
from engine.oci.reference import Reference
from engine.progress import NEVER, SILENT
from engine.system.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from engine.images.history import HistoryRow
    from engine.images.record import TagMove
    from engine.oci.digest import ImageID
    from engine.progress import Cancellation, ProgressSink
    from engine.registry.credentials import Credentials
    from tests.support.fakes_engine.__init__ import FakeEngine


LAYER_BYTES = 1000


def layers_of(*names: str) -> tuple[LayerRecord, ...]:
    """Return a stack of layers, lowest first; equal names at the bottom make shared layers."""
    diff_ids = tuple(DiffID(Digest.of(name.encode())) for name in names)
    return tuple(
        LayerRecord(
            ChainID(chain_id),
            diff_id,
            diff_id,
            LAYER_BYTES,
            LAYER_BYTES // 2,
            media_types.OCI_LAYER_GZIP,
        )
        for diff_id, chain_id in zip(diff_ids, chain_ids(diff_ids), strict=True)
    )


def config_of(*names: str, label: str = "") -> ImageConfig:
    """Return the config of an image with the layers *names*; *label* makes it another image."""
    entries = tuple(HistoryEntry(SYSTEM_CLOCK.now(), created_by=f"COPY {name}") for name in names)
    content = render_config(
        platform=host_platform(),
        diff_ids=tuple(DiffID(Digest.of(name.encode())) for name in names),
        history=entries,
        defaults=ProcessDefaults(command=("/bin/true",), env=(f"LABEL={label}",)),
        created_at=SYSTEM_CLOCK.now(),
    )
    return ImageConfig.parse(content)


class FakeImages:
    """Images that appear when a registry is asked; `offered` says which it has."""

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine
        self.store = ImageStore(engine.database, engine.events, SYSTEM_CLOCK)
        self.offered: dict[str, tuple[str, ...]] = {}
        self.error: Exception | None = None
        self.credentials: list[Credentials | None] = []

    def add(
        self, tag: str | None, *layers: str, owner: str = "ana", reason: str = "pull"
    ) -> ImageRecord:
        config = config_of(*(layers or ("base",)), label=f"{tag}{len(self.list())}")
        tags = [Reference.parse(tag)] if tag else []
        return self.store.ensure_image(
            config, layers_of(*(layers or ("base",))), tags=tags, owner=owner, source=reason
        )

    def pull(
        self,
        reference: Reference | str,
        *,
        platform: object = None,
        credentials: Credentials | None = None,
        progress: ProgressSink = SILENT,
        cancellation: Cancellation = NEVER,
        owner: str = "",
    ) -> Pulled:
        self.credentials.append(credentials)
        cancellation.check()
        if self.error:
            raise self.error
        known = self.store.find(str(reference))
        image = known or self.add(str(reference), owner=owner)
        return Pulled(image, Digest(image.id.hex), is_new=known is None, fetched_bytes=0)

    def make_starter(self, *, owner: str = "") -> ImageRecord:
        return self.find("shipshape/starter") or self.add("shipshape/starter", owner=owner)

    def get(self, text: str) -> ImageRecord:
        return self.store.get(text)

    def find(self, text: str) -> ImageRecord | None:
        return self.store.find(text)

    def history(self, image_id: ImageID) -> list[HistoryRow]:
        return history_rows(self.store.get(str(image_id)))

    def tag_moves(self, image_id: ImageID) -> list[TagMove]:
        return self.store.tag_moves(image_id)

    def remove(
        self, text: str, *, of: str = "", force: bool = False, owner: str = ""
    ) -> ImageRemoval:
        image, name = self.store.locate(text)
        if of and str(image.id) != of:
            raise TagMoved(text, now=image.id.short)
        names = (name,) if name and len(image.tags) > 1 else image.tags
        users = tuple(c.name for c in self._engine.containers.list() if c.image_id == image.id)
        if users and len(names) == len(image.tags):
            raise ImageInUse(image.id.short, holders=users)
        if len(names) < len(image.tags):
            for each in names:
                self.store.untag(each, owner=owner)
            return ImageRemoval(names, (), 0)
        self.store.forget_all([image], owner=owner, reason="delete")
        return ImageRemoval(names, (Digest(image.id.hex),), image.size)

    def remove_dangling(self, image: ImageRecord, *, owner: str = "") -> ImageRemoval | None:
        users = [each for each in self._engine.containers.list() if each.image_id == image.id]
        return None if image.tags or users else self.remove(str(image.id), owner=owner)

    def list(self) -> list[ImageRecord]:
        return self.store.list_all()
