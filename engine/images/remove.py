"""
Removing images, with docker's rules: what goes is decided purely, then done in one transaction.

What it was made of goes with it, see `dismantle`. The refusal to take an image from under a
container names the container, and no force changes it: force takes names away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.errors import ImageHasSeveralNames, ImageInUse, TagMoved
from engine.images.dismantle import Dismantler, Leased
from engine.images.record import ImageRemoval

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.images.gc import Collector
    from engine.images.ports import ImageHolders, LayerSnapshots
    from engine.images.prune_filters import PruneFilters
    from engine.images.record import ImageRecord
    from engine.images.store import ImageStore
    from engine.leases import Leases
    from engine.oci.reference import Reference
    from engine.system.database import Database, Transaction


GONE, IN_USE = "is gone already", "came into use meanwhile"
Users = tuple[str, ...]
Objection = Callable[["ImageRecord", Users, Leased], str]


@dataclass
class RemovedImages:
    """What removing each image did, and why others stayed; by image ID."""

    removals: dict[str, ImageRemoval] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


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
        self._leases = leases
        self._holders = holders
        self._dismantler = Dismantler(images=images, snapshots=snapshots, collector=collector)

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
        return next(iter(self.remove_all_unused([str(image.id)], filters, owner=owner)), None)

    def remove_all_unused(
        self, image_ids: Iterable[str], filters: PruneFilters, *, owner: str = ""
    ) -> list[ImageRemoval]:
        """Remove those of the images that *filters* admit still and no container holds."""

        def objection(current: ImageRecord, *_: object) -> str:
            return "" if filters.admit(current) else IN_USE

        removed = self.remove_each(image_ids, objection, owner=owner)
        return list(removed.removals.values())

    def remove_each(
        self, image_ids: Iterable[str], objection: Objection, *, owner: str = ""
    ) -> RemovedImages:
        """
        Remove those of the images that *objection* has nothing against and no container holds.

        It is asked in the transaction that removes, with the names of the image's containers and
        what is leased. Each image is credited with what was needed up to its removal, in the order
        of *image_ids*.
        """
        wanted = list(image_ids)
        found = RemovedImages()
        with self._database.write() as transaction:
            leased = self._leases.leased(transaction)
            here = {str(each.id): each for each in self._images.list_by_id(wanted)}
            users = self._holders.holders_of_each(here)
            going: list[ImageRecord] = []
            for image_id in wanted:
                image, held_by = here.get(image_id), users.get(image_id, ())
                refusal = objection(image, held_by, leased) if image else GONE
                if refusal or held_by or image is None:
                    found.refused[image_id] = refusal or IN_USE
                else:
                    going.append(image)
            removals = self._taken(transaction, going, leased, owner)
        found.removals.update(
            (str(image.id), each) for image, each in zip(going, removals, strict=True)
        )
        return found

    def _carried_out(
        self, transaction: Transaction, image: ImageRecord, plan: RemovalPlan, owner: str
    ) -> ImageRemoval:
        if plan.takes_image:
            return self._taken(transaction, [image], self._leases.leased(transaction), owner)[0]
        for name in plan.untagged:
            self._images.untag(name, owner=owner)
        return ImageRemoval(plan.untagged, (), 0)

    def _taken(
        self, transaction: Transaction, images: Sequence[ImageRecord], leased: Leased, owner: str
    ) -> list[ImageRemoval]:
        """Remove *images* with all their names; return what each one's removal did."""
        self._images.forget_all(images, owner=owner, reason="delete")
        parts = self._dismantler.dismantle(transaction, images, leased)
        return [
            ImageRemoval(
                image.names, (image.id, *(layer.chain_id for layer in each.layers)), each.bytes
            )
            for image, each in zip(images, parts, strict=True)
        ]
