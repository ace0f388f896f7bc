"""Holding layers and blobs that no image needs: what builds made, and what lies in the trash."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.oci.digest import ChainID, Digest
    from engine.system.database import Database


class LayerHolds:
    """
    Who holds which layers of one engine root, besides images.

    A layer that is held is not collected, and an image that goes does not take it along. Holding
    joins the transaction that is open, so that it is one act with the record of the holder.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def hold(self, holder: str, chain_id: ChainID) -> None:
        """Let *holder* keep the layer; it may do so already."""
        with self._database.write() as transaction:
            transaction.execute(
                "INSERT OR IGNORE INTO held_layers VALUES (?, ?)", (holder, str(chain_id))
            )

    def hold_blob(self, holder: str, digest: Digest) -> None:
        """Let *holder* keep the blob; it may do so already."""
        with self._database.write() as transaction:
            transaction.execute(
                "INSERT OR IGNORE INTO held_blobs VALUES (?, ?)", (holder, str(digest))
            )

    def release(self, holders: Iterable[str]) -> None:
        """Let *holders* keep nothing any more; what nobody needs is for the collector then."""
        gone = [(holder,) for holder in holders]
        with self._database.write() as transaction:
            transaction.execute_many("DELETE FROM held_layers WHERE holder = ?", gone)
            transaction.execute_many("DELETE FROM held_blobs WHERE holder = ?", gone)
