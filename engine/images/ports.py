"""What images need of others, in their own words; each port is as small as its use here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine.images.unpack import StagedLayer
    from engine.oci.descriptor import Descriptor
    from engine.oci.digest import ChainID, DiffID, ImageID
    from engine.progress import Cancellation, ProgressSink
    from engine.snapshots.snapshotter import Snapshot


class ImageHolders(Protocol):
    """Knows who holds an image, so that it must stay."""

    def holders(self, image_id: ImageID) -> tuple[str, ...]:
        """Return the names of the containers, running or not, that were made from the image."""


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

    def iter_snapshots(self) -> Iterator[Snapshot]:
        """Yield every snapshot, parents before what stands on them."""


class Unpacker(Protocol):
    """Turns the blobs of layers into snapshots."""

    def stage(
        self,
        descriptor: Descriptor,
        *,
        diff_id: DiffID,
        chain_id: ChainID,
        parent: ChainID | None,
        progress: ProgressSink,
        cancellation: Cancellation,
    ) -> StagedLayer:
        """Unpack a blob that is in the content store; in any order, from several threads."""

    def commit(self, staged: Iterable[StagedLayer]) -> object:
        """Make staged layers visible, lowest first; those that are already are fine."""
