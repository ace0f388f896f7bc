"""What images need of others, in their own words; each port is as small as its use here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
    from typing import BinaryIO

    from engine.images.record import LayerRecord
    from engine.images.unpack import Packed, StagedLayer, StagedTar
    from engine.oci.descriptor import Descriptor
    from engine.oci.digest import ChainID, DiffID, ImageID
    from engine.oci.platform import Platform
    from engine.oci.reference import Reference
    from engine.progress import Cancellation, ProgressSink
    from engine.registry.client import Known, ResolvedManifest
    from engine.registry.ratelimit import RateLimit
    from engine.snapshots.snapshotter import Snapshot


class ImageHolders(Protocol):
    """Knows who holds an image, so that it must stay."""

    def holders(self, image_id: ImageID) -> tuple[str, ...]:
        """Return the names of the containers, running or not, that were made from the image."""

    def holders_of_each(self, image_ids: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
        """As `holders`, of several images by their IDs; those without any are left out."""


class ImageSource(Protocol):
    """Where an image is pulled from: a registry, or another host."""

    @property
    def rate_limit(self) -> RateLimit | None:
        """What it said last about how much may still be asked, if it did."""

    def resolve(
        self, reference: Reference, platform: Platform | None = None, *, known: Known = ...
    ) -> ResolvedManifest:
        """Return the manifest that *reference* leads to on *platform*, verified or *known*."""

    def fetch_document(self, reference: Reference, descriptor: Descriptor, *, limit: int) -> bytes:
        """Return a small blob, verified; raise `LimitExceeded` if it is over *limit* bytes."""

    def fetch_blob(
        self, reference: Reference, descriptor: Descriptor, *, offset: int = 0
    ) -> Generator[bytes, None, None]:
        """Yield the bytes of a blob from *offset* on, to be verified by who stores them."""


class LayerSnapshots(Protocol):
    """The unpacked layers of this host: the part of a `Snapshotter` that matters here."""

    def find(self, key: str) -> Snapshot | None:
        """Return the snapshot of that key or chain ID, or None."""

    def remove(self, key: str) -> int:
        """
        Remove a snapshot and return how many bytes of disk come free; 0 if it was not there.

        Its files go once the transaction that is open in this thread has committed. Raises
        `SnapshotInUse` where another layer or a container stands on it.
        """

    def remove_each(self, keys: Sequence[str]) -> Collection[str]:
        """As `remove`, of several, the highest first; return those on which nothing stood."""

    def iter_snapshots(self) -> Iterator[Snapshot]:
        """Yield every snapshot, parents before what stands on them."""


class Unpacker(Protocol):
    """Turns the bytes of layers into snapshots."""

    def stage_packed(
        self,
        packed: Packed,
        *,
        diff_id: DiffID,
        chain_id: ChainID,
        parent: ChainID | None,
        progress: ProgressSink,
        cancellation: Cancellation,
    ) -> StagedLayer:
        """
        Unpack a layer; in any order, from several threads.

        Nothing is opened where it is here, or somebody else has just brought it.
        """

    def stage_tar(
        self, name: str, packed: Packed, *, progress: ProgressSink, cancellation: Cancellation
    ) -> StagedTar:
        """Unpack a tar of which nothing is known yet, under a *name* that nobody else uses."""

    def commit(self, staged: Iterable[StagedLayer]) -> object:
        """Make staged layers visible, lowest first; those that are already are fine."""


class LayerSource(Protocol):
    """
    The bytes of the layers of this host, whether they were kept or have to be made again.

    A *layer* must be leased meanwhile. Who opens a stream closes it; reading it to its end has
    verified it, and raises `CorruptStore` where it is not what its record promises.
    """

    def open_tar(self, layer: LayerRecord) -> BinaryIO:
        """Open the plain tar of *layer*, exactly as its diff ID has it."""

    def find_archive(self, layer: LayerRecord) -> Descriptor | None:
        """
        Return what `open_archive` gives for *layer*, where that is known without making it.

        None where the layer came as a plain tar and was never packed. An answer never changes as
        long as the layer is here.
        """

    def open_archive(self, layer: LayerRecord) -> tuple[Descriptor, BinaryIO]:
        """
        Open *layer* as it travels to a registry, with what it is then.

        That is the blob it came as; a layer that came as a plain tar is packed the first time it is
        asked for, and has the same descriptor ever after.
        """
