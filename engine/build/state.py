"""What a stage is after a step: its layers, its history, its config, and the key of the cache."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.build.cache import base_key
from engine.build.imported import comment_of
from engine.dockerfile.effects import Effects
from engine.images.record import LayerRecord
from engine.oci.config import HistoryEntry, ProcessDefaults, render_config
from engine.oci.digest import Digest
from engine.oci.media_types import OCI_LAYER
from engine.oci.platform import host_platform

if TYPE_CHECKING:
    from datetime import datetime

    from engine.build.cache import MadeLayer
    from engine.images.record import ImageRecord
    from engine.oci.digest import ChainID
    from engine.oci.platform import Platform

DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class StageState:
    """
    A stage so far; *key* is what the cache knows it by.

    *image* is the image that it is, as long as no step was done on it.
    """

    key: str
    effects: Effects
    platform: Platform
    layers: tuple[LayerRecord, ...] = ()
    history: tuple[HistoryEntry, ...] = ()
    created_at: datetime | None = None
    author: str = ""
    image: ImageRecord | None = None

    @property
    def parent(self) -> ChainID | None:
        """The topmost layer, None where there is none yet."""
        return self.layers[-1].chain_id if self.layers else None

    def after(
        self,
        key: str,
        effects: Effects,
        *,
        created_by: str,
        created_at: datetime,
        layer: MadeLayer | None,
    ) -> StageState:
        """Return the state after one more step, which made *layer* or changed no file."""
        entry = HistoryEntry(
            created_at, created_by, comment=comment_of(key), is_empty_layer=layer is None
        )
        layers = (*self.layers, _record(layer)) if layer else self.layers
        history = (*self.history, entry)
        return StageState(key, effects, self.platform, layers, history, created_at, self.author)

    def render(self, now: datetime) -> bytes:
        """Return the image config of this state; *now* dates one without any step."""
        return render_config(
            platform=self.platform,
            diff_ids=tuple(layer.diff_id for layer in self.layers),
            history=self.history,
            defaults=self.effects.defaults,
            created_at=self.created_at or now,
            author=self.author,
        )


def state_of_nothing(*, escape: str, epoch: int | None) -> StageState:
    """Return where a stage `FROM scratch` begins."""
    effects = Effects(_with_path(ProcessDefaults()), escape=escape)
    return StageState(base_key(_identity("", epoch)), effects, host_platform())


def state_of_image(image: ImageRecord, *, escape: str, epoch: int | None) -> StageState:
    """Return where a stage on *image* begins; its key holds the image's whole config."""
    return StageState(
        base_key(_identity(str(image.id), epoch)),
        Effects(_with_path(image.config.defaults), escape=escape),
        image.platform,
        image.layers,
        image.config.history,
        image.created_at,
        image.config.author,
        image,
    )


def _with_path(defaults: ProcessDefaults) -> ProcessDefaults:
    """Return *defaults* with a PATH: what is built has one, as other builders have it."""
    if any(each.startswith("PATH=") for each in defaults.env):
        return defaults
    return replace(defaults, env=(*defaults.env, DEFAULT_PATH))


def _identity(image: str, epoch: int | None) -> str:
    return image if epoch is None else f"{image}@{epoch}"


def _record(layer: MadeLayer) -> LayerRecord:
    return LayerRecord(
        layer.chain_id,
        layer.diff_id,
        Digest.parse(str(layer.diff_id)),
        layer.size,
        layer.tar_size,
        OCI_LAYER,
    )
