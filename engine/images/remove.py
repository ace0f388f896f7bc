"""
Removing images, with docker's rules: what goes is decided purely, then done in one transaction.

A layer goes with the last image that lists it, its archive and documents likewise; what a pull at
work has leased stays until a sweep. The refusal to take an image from under a container names the
container, and no force changes it: force takes names away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import ImageHasSeveralNames, ImageInUse, SnapshotInUse, TagMoved
from engine.images.record import ImageRemoval
from engine.images.resources import blob_resource, layer_resource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.images.gc import Collector
    from engine.images.ports import ImageHolders, LayerSnapshots
    from engine.images.prune_filters import PruneFilters
    from engine.images.record import ImageRecord, LayerRecord
    from engine.images.store import ImageStore
    from engine.leases import Leases
    from engine.oci.digest import Digest
    from engine.oci.reference import Reference
    from engine.system.database import Database, Transaction


@dataclass(frozen=True, slots=True)
class RemovalPlan:
    """Which names an image loses, and whether it goes itself."""

    untagged: tuple[Reference, ...]
    takes_image: bool


def plan_removal(
    image: ImageRecord, name: Reference | None, *, holders: tuple[str, ...], force: bool
) -> RemovalPlan:
    """
    Return what removing *image*, given by *name* or, without one, by its ID, comes to.

    Raises `ImageInUse` where the image would go although *holders* were made from it, and
    `ImageHasSeveralNames` where an ID leaves open which of several tags is meant.
    """
    if name is not None and _has_others(image, name):
        return RemovalPlan((name, *_orphaned_digests(image, name)), takes_image=False)
    if name is not None and holders and force:
        return RemovalPlan(image.names, takes_image=False)
    if holders:
        raise ImageInUse(name.familiar if name else image.id.short, holders=holders)
    if name is None and len(image.tags) > 1 and not force:
        names = tuple(tag.familiar for tag in image.tags)
        raise ImageHasSeveralNames(image.id.short, names=names)
    return RemovalPlan(image.names, takes_image=True)


def _has_others(image: ImageRecord, name: Reference) -> bool:
    """Return whether the image stays for the sake of its other names once *name* is gone."""
    # The names by digest that a pull left go with the last tag, but not the other way round.
    others = image.tags if name.digest is None else image.names
    return any(each != name for each in others)


def _orphaned_digests(image: ImageRecord, name: Reference) -> tuple[Reference, ...]:
    """Return the names by digest in the repository of which *name* is the last tag."""
    others = {tag.name for tag in image.tags if tag != name}
    if name.digest is not None or name.name in others:
        return ()
    return tuple(each for each in image.repo_digests if each.name == name.name)


class Remover:
    """Removes images of one engine root."""

    def __init__(
        self,
        *,
        database: Database,
        images: ImageStore,
        snapshots: LayerSnapshots,
        leases: Leases,
        holders: ImageHolders,
        collector: Collector,
    ) -> None:
        self._database = database
        self._images = images
        self._snapshots = snapshots
        self._leases = leases
        self._holders = holders
        self._collector = collector

    def remove(
        self, text: str, *, of: str = "", force: bool = False, owner: str = ""
    ) -> ImageRemoval:
        """
        Remove the name or the image that *text* says, see `plan_removal`.

        Afterwards what is returned is gone, and its space is free. Where *of*, a whole image ID, is
        given, a name that is another image's by now raises `TagMoved` and nothing is removed.
        """
        with self._database.write() as transaction:
            image, name = self._images.locate(text)
            if of and str(image.id) != of:
                raise TagMoved(name.familiar if name else text, now=image.id.short)
            holders = self._holders.holders(image.id)
            plan = plan_removal(image, name, holders=holders, force=force)
            return self._carried_out(transaction, image, plan, owner)

    def remove_unused(
        self, image: ImageRecord, filters: PruneFilters, *, owner: str = ""
    ) -> ImageRemoval | None:
        """Remove *image* if *filters* admit it still and no container holds it, or return None."""
        with self._database.write() as transaction:
            current = self._images.find_by_id(image.id)
            if current is None or not filters.admit(current) or self._holders.holders(image.id):
                return None
            plan = RemovalPlan(current.names, takes_image=True)
            return self._carried_out(transaction, current, plan, owner)

    def _carried_out(
        self, transaction: Transaction, image: ImageRecord, plan: RemovalPlan, owner: str
    ) -> ImageRemoval:
        for name in plan.untagged:
            self._images.untag(name, owner=owner, reason="delete" if plan.takes_image else "untag")
        if not plan.takes_image:
            return ImageRemoval(plan.untagged, (), 0)
        self._images.forget(image, owner=owner)
        leased = self._leases.leased(transaction)
        layers = self._remove_layers(image, leased)
        blobs = {each.digest: each.archive_bytes for each in layers if each.archive_bytes}
        blobs |= {each.digest: each.size for each in image.documents}
        freed = sum(layer.size for layer in layers)
        freed += self._remove_blobs(transaction, blobs, leased)
        deleted: tuple[Digest, ...] = (image.id, *(layer.chain_id for layer in layers))
        return ImageRemoval(plan.untagged, deleted, freed)

    def _remove_layers(self, image: ImageRecord, leased: frozenset[str]) -> list[LayerRecord]:
        removed: list[LayerRecord] = []
        for layer in reversed(image.layers):
            is_leased = layer_resource(layer.chain_id) in leased
            is_needed = is_leased or self._images.is_layer_listed(str(layer.chain_id))
            # What stands on a layer that stays needs it as well, so all below stays too.
            if is_needed or not self._removed_layer(layer):
                break
            removed.append(layer)
        return removed

    def _removed_layer(self, layer: LayerRecord) -> bool:
        try:
            self._snapshots.remove(str(layer.chain_id))
        except SnapshotInUse:
            return False
        self._images.forget_layer(str(layer.chain_id))
        return True

    def _remove_blobs(
        self, transaction: Transaction, blobs: Mapping[Digest, int], leased: frozenset[str]
    ) -> int:
        """Let those of *blobs* go that nothing needs; return how many bytes they take."""
        useless = [
            digest
            for digest in blobs
            if blob_resource(digest) not in leased and not self._images.is_blob_listed(digest)
        ]
        self._collector.collect_after(transaction, useless)
        return sum(blobs[digest] for digest in useless)
