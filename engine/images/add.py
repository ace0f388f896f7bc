"""
Adding images that were made here: from the tars of their layers and a config to a record.

The same road as a pull, without a registry: leased, unpacked, made visible lowest first, and then
recorded in one transaction, so that a crash on the way shows nothing. Tars are taken as they come:
what their digest is, and so which layer they are, is known once they have been unpacked.
"""

from __future__ import annotations

import io
import uuid
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from engine.errors import InvalidManifest
from engine.images.download import WantedLayer, committed_layer, wanted_layers
from engine.images.hold import Hold, holding
from engine.images.record import DocumentRecord, ImageRecord
from engine.images.unpack import Packed
from engine.oci.config import ImageConfig
from engine.oci.descriptor import Descriptor
from engine.oci.digest import Digest
from engine.oci.identity import chain_ids
from engine.oci.manifest import Manifest
from engine.oci.media_types import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST, Compression
from engine.progress import NEVER, SILENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import BinaryIO

    from engine.content.store import Store
    from engine.images.gc import Collector
    from engine.images.ports import LayerSnapshots, Unpacker
    from engine.images.record import LayerRecord
    from engine.images.store import ImageStore
    from engine.images.unpack import StagedLayer, StagedTar
    from engine.leases import Leases
    from engine.oci.reference import Reference
    from engine.progress import Cancellation, ProgressSink


class Adder:
    """Adds images to one engine root."""

    def __init__(
        self,
        *,
        images: ImageStore,
        store: Store,
        snapshots: LayerSnapshots,
        unpacker: Unpacker,
        leases: Leases,
        collector: Collector,
    ) -> None:
        self._images = images
        self._store = store
        self._snapshots = snapshots
        self._unpacker = unpacker
        self._leases = leases
        self._collector = collector

    def add(
        self,
        config: bytes,
        tars: Sequence[bytes],
        *,
        tags: Iterable[Reference] = (),
        owner: str = "",
        source: str,
    ) -> ImageRecord:
        """
        Add the image of *config* whose layers are the plain *tars*, lowest first.

        Afterwards it is here and *tags* name it, whether or not it was before. Raises
        `InvalidImageConfig`, `InvalidManifest` where the two do not belong together, or what
        unpacking raises; then nothing is left.
        """
        parsed = ImageConfig.parse(config)
        layers = wanted_layers(_manifest(config, tars), parsed)
        with self.adding() as work:
            work.bring(layers, tars)
            return work.record(parsed, layers, tags=tags, owner=owner, source=source)

    @contextmanager
    def adding(
        self, *, progress: ProgressSink = SILENT, cancellation: Cancellation = NEVER
    ) -> Iterator[Addition]:
        """
        Open work that stages tars and then makes images of them.

        Afterwards what was staged is part of an image or gone.
        """
        with holding(self._leases, self._collector) as hold, ExitStack() as undo:
            yield Addition(self, hold, undo, progress, cancellation)


class Addition:
    """One piece of work that adds images; see `Adder.adding`."""

    def __init__(
        self,
        adder: Adder,
        hold: Hold,
        undo: ExitStack,
        progress: ProgressSink,
        cancellation: Cancellation,
    ) -> None:
        self._images = adder._images  # noqa: SLF001
        self._store = adder._store  # noqa: SLF001
        self._snapshots = adder._snapshots  # noqa: SLF001
        self._unpacker = adder._unpacker  # noqa: SLF001
        self._hold = hold
        self._undo = undo
        self._progress = progress
        self._cancellation = cancellation

    def keep(self, layers: Iterable[LayerRecord]) -> None:
        """Keep *layers*, which are here, from being removed until the work is over."""
        self._hold.add_layers(*(layer.chain_id for layer in layers))

    def stage(self, tar: BinaryIO, *, label: str = "layer") -> StagedTar:
        """
        Unpack the plain *tar*, read once to its end, aside from every image.

        Raises what unpacking raises. It becomes a layer with `make`, in one image of this work.
        """
        name = f"tar-{uuid.uuid4().hex}"
        self._hold.add_staged(name)
        packed = Packed(lambda: _kept_open(tar), Compression.NONE, label)
        staged = self._unpacker.stage_tar(
            name, packed, progress=self._progress, cancellation=self._cancellation
        )
        self._undo.callback(self._snapshots.remove, staged.key)
        return staged

    def make(
        self,
        config: bytes,
        added: Sequence[StagedTar],
        *,
        base: Sequence[LayerRecord] = (),
        tags: Iterable[Reference] = (),
        owner: str = "",
        source: str,
    ) -> ImageRecord:
        """
        Make the image of *config* whose layers are those of *base* and then *added*, lowest first.

        Afterwards it is here and *tags* name it. The layers of *base* must be here and kept. Raises
        `InvalidImageConfig`, or `InvalidManifest` where config and layers do not belong together;
        then nothing is left.
        """
        parsed = ImageConfig.parse(config)
        layers = _layers(parsed, base, added)
        self._hold.add_layers(*(layer.chain_id for layer in layers))
        new = layers[len(base) :]
        self._unpacker.commit(
            tar.on(layer.parent, layer.chain_id) for tar, layer in zip(added, new, strict=True)
        )
        return self.record(parsed, layers, known=base, tags=tags, owner=owner, source=source)

    def bring(self, layers: Sequence[WantedLayer], tars: Sequence[bytes]) -> None:
        """Make *layers*, whose plain tars are *tars*, visible; those that are stay as they are."""
        self._hold.add_layers(*(layer.chain_id for layer in layers))
        staged = [
            self._staged(layer, tar)
            for layer, tar in zip(layers, tars, strict=True)
            if self._snapshots.find(str(layer.chain_id)) is None
        ]
        self._unpacker.commit(staged)

    def record(
        self,
        config: ImageConfig,
        layers: Sequence[WantedLayer],
        *,
        known: Sequence[LayerRecord] = (),
        tags: Iterable[Reference] = (),
        owner: str = "",
        source: str,
    ) -> ImageRecord:
        """Record the image of *config* and *layers*, which are visible; the *known* come first."""
        new = [committed_layer(self._snapshots, layer) for layer in layers[len(known) :]]
        return self._images.ensure_image(
            config,
            [*known, *new],
            documents=[self._keep(config.content)],
            tags=tags,
            owner=owner,
            source=source,
        )

    def _staged(self, layer: WantedLayer, tar: bytes) -> StagedLayer:
        return self._unpacker.stage_packed(
            Packed(partial(io.BytesIO, tar), Compression.NONE, layer.label),
            diff_id=layer.diff_id,
            chain_id=layer.chain_id,
            parent=layer.parent,
            progress=self._progress,
            cancellation=self._cancellation,
        )

    def _keep(self, config: bytes) -> DocumentRecord:
        self._hold.add_blobs(Digest.of(config))
        digest = self._store.put(config)
        return DocumentRecord(digest, self._store.disk_bytes(digest))


def _layers(
    config: ImageConfig, base: Sequence[LayerRecord], added: Sequence[StagedTar]
) -> list[WantedLayer]:
    found = [*(layer.diff_id for layer in base), *(tar.diff_id for tar in added)]
    if list(config.diff_ids) != found:
        raise InvalidManifest("its config lists other layers than it has", field="rootfs")
    chains = chain_ids(config.diff_ids)
    known = [Descriptor(each.media_type, each.digest, each.compressed_size) for each in base]
    new = [Descriptor(OCI_LAYER, tar.diff_id, tar.tar_bytes) for tar in added]
    rows = zip([*known, *new], found, chains, (None, *chains), strict=False)
    return [WantedLayer(*row) for row in rows]


def _manifest(config: bytes, tars: Sequence[bytes]) -> Manifest:
    """Return what says how the parts of the image hang together; it is not stored."""
    layers = tuple(Descriptor(OCI_LAYER, Digest.of(tar), len(tar)) for tar in tars)
    return Manifest(OCI_MANIFEST, Descriptor(OCI_CONFIG, Digest.of(config), len(config)), layers)


@contextmanager
def _kept_open(tar: BinaryIO) -> Iterator[BinaryIO]:
    yield tar
