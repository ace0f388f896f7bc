"""
The ledger as it is kept from one change to the next: the same numbers as of a `Survey`, at once.

Whoever knows of a change tells it; every question costs what it asks for. Holders are called as in
a survey. Nothing here looks at a disk or a database, and one thread at a time uses it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from engine.ledger.disk import DiskUsage
from engine.ledger.forest import Forest, Part, Stretch
from engine.ledger.survey import CACHE_MOUNT, LOG, STEP, TRASH, VOLUME, held_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

WRITABLE, DEPARTED = "writable", "departed"


class Book:
    """All that one engine root holds."""

    def __init__(self) -> None:
        self._forest = Forest()
        self._holdings: dict[str, Stretch] = {}
        self._image_of: dict[str, str] = {}
        self._users: dict[str, set[str]] = defaultdict(set)
        self._present: dict[str, int] = defaultdict(int)
        self._counted: dict[str, int] = {}
        self._bytes: dict[str, dict[str, int]] = defaultdict(dict)
        self._usage: DiskUsage | None = None
        # Whether the highest layer of an image was not here. Should it come, it is not noticed.
        self.is_incomplete = False

    # --- Changes: layers ----------------------------------------------------------------------

    def put_layer(self, chain_id: str, size: int, below: str | None) -> None:
        """Let there be a layer; the one *below* it is there."""
        self._usage = None
        self._forest.put(chain_id, size, below)

    def drop_layers(self, chain_ids: Iterable[str]) -> bool:
        """Let layers be gone; return False where somebody that is known here needs one."""
        self._usage = None
        waiting = set(chain_ids)
        while waiting:
            left = {each for each in waiting if not self._forest.drop(each)}
            if left == waiting:
                return False
            waiting = left
        return True

    def set_archive(self, chain_id: str, digest: str, size: int) -> None:
        """Let the layer have an archive of *size* bytes, of none if that is 0."""
        self._usage = None
        for known in self._forest.keys_of(chain_id):
            if known != digest or not size:
                self._forest.take(known, chain_id)
        if size and chain_id in self._forest:
            self._forest.give(digest, chain_id, size, Part.ARCHIVE)

    # --- Changes: holders ---------------------------------------------------------------------

    def put_image(
        self, image_id: str, top: str | None, documents: Mapping[str, int], *, in_trash: bool
    ) -> None:
        """Let an image be there, or in the trash, with its highest layer and its documents."""
        self._usage = None
        leaf, holder = _leaf(image_id), _holder(image_id, in_trash=in_trash)
        if leaf not in self._forest:
            self.is_incomplete |= top is not None and top not in self._forest
            self._forest.put(leaf, 0, top if top in self._forest else None)
            for user in self._users.get(image_id, ()):
                self._hold(user, leaf)
        for digest, size in documents.items():
            self._forest.give(digest, leaf, size, Part.DOCUMENT)
        self._hold(holder, leaf)
        self._count(image_id)

    def drop_image(self, image_id: str, *, in_trash: bool) -> None:
        """Let an image be no more there, or no more in the trash."""
        self._usage = None
        self._release(_holder(image_id, in_trash=in_trash))
        self._count(image_id)
        self._forest.drop(_leaf(image_id))

    def put_container(self, container_id: str, image_id: str, *, in_trash: bool) -> None:
        """Let a container of that image be there, or in the trash."""
        self._usage = None
        holder = _holder(container_id, in_trash=in_trash)
        if holder in self._image_of:
            return
        self._image_of[holder] = image_id
        self._users[image_id].add(holder)
        self._present[image_id] += not in_trash
        if _leaf(image_id) in self._forest:
            self._hold(holder, _leaf(image_id))
        self._count(image_id)

    def drop_container(self, container_id: str, *, in_trash: bool) -> None:
        """Let a container be no more there, or no more in the trash."""
        self._usage = None
        holder = _holder(container_id, in_trash=in_trash)
        image_id = self._image_of.pop(holder, None)
        if image_id is None:
            return
        self._release(holder)
        self._users[image_id].discard(holder)
        self._present[image_id] -= not in_trash
        self._count(image_id)
        self._forest.drop(_leaf(image_id))

    def put_step(self, key: str, chain_id: str | None) -> None:
        """Let an entry of the build cache keep that layer, or none."""
        self._usage = None
        self._release(held_by(STEP, key))
        if chain_id in self._forest:
            self._hold(held_by(STEP, key), str(chain_id))

    def drop_step(self, key: str) -> None:
        """Let an entry of the build cache be gone."""
        self.put_step(key, None)

    def set_bytes(self, word: str, name: str, size: int | None) -> None:
        """
        Let a thing that nobody shares take *size* bytes; None lets it be gone.

        *word* says what it is, as for `held_by`, or that it is a writable layer, of the container
        of that name, or the logs of those that are gone.
        """
        if self._bytes[word].get(name) == size:
            return
        self._usage = None
        if size is None:
            del self._bytes[word][name]
        else:
            self._bytes[word][name] = size

    def replace_bytes(self, word: str, sizes: Mapping[str, int]) -> None:
        """Let there be exactly these things of that *word*."""
        if self._bytes[word] != sizes:
            self._usage = None
            self._bytes[word] = dict(sizes)

    def _hold(self, holder: str, piece: str) -> None:
        if holder not in self._holdings:
            self._holdings[holder] = self._forest.hold(piece)

    def _release(self, holder: str) -> None:
        stretch = self._holdings.pop(holder, None)
        if stretch is not None:
            self._forest.release(stretch)

    def _count(self, image_id: str) -> None:
        """Make counts of images and weights true for an image, if it is at hand."""
        known = self._counted.pop(image_id, 0)
        stretch = self._holdings.get(image_id)
        weight = 0
        if stretch is not None:
            weight = 1 + self._present.get(image_id, 0)
            self._counted[image_id] = weight
        if weight != known:
            images = bool(weight) - bool(known)
            self._forest.count(self._leaf_stretch(image_id), images=images, weight=weight - known)

    def _leaf_stretch(self, image_id: str) -> Stretch | None:
        return self._forest.find(_leaf(image_id))

    # --- Questions ----------------------------------------------------------------------------

    def bytes_of(self, word: str) -> Mapping[str, int]:
        """Return what things of that *word* take, by name."""
        return self._bytes[word]

    def image_size(self, image_id: str) -> int:
        """Return the bytes of all layers of an image, whoever shares them; 0 for no image."""
        return self._forest.layer_bytes(self._leaf_stretch(image_id))

    def freed(self, selection: Iterable[str]) -> int:
        """Return the bytes that come free if exactly the holders in *selection* go."""
        freed, holdings = 0, []
        writable = self._bytes[WRITABLE]
        for holder in set(selection):
            if holder in self._holdings:
                holdings.append(self._holdings[holder])
            if holder in self._image_of:
                freed += writable.get(holder.removeprefix(f"{TRASH}:"), 0)
            else:
                word, colon, name = holder.partition(":")
                freed += self._bytes[word].get(name, 0) if colon and word in self._bytes else 0
        return freed + self._forest.freed(holdings)

    def usage(self) -> DiskUsage:
        """Return what takes the disk, each byte once, whoever holds it."""
        if self._usage is None:
            self._usage = self._sum()
        return self._usage

    def _sum(self) -> DiskUsage:
        trash_holders = [each for each in self._holdings if each.startswith(f"{TRASH}:")]
        trash_holders += [each for each in self._image_of if each.startswith(f"{TRASH}:")]
        trash = self.freed(trash_holders)
        cache_holders = [each for each in self._holdings if each.startswith(f"{STEP}:")]
        cached = self.freed([*trash_holders, *cache_holders]) - trash
        trash += sum(self._bytes[TRASH].values())
        writable = self._bytes[WRITABLE]
        present = sum(writable.get(each, 0) for each in self._image_of)
        departed = sum(self._bytes[DEPARTED].values())
        sums = self._forest.sums()
        usage = DiskUsage(
            shared_layers=sums.shared,
            unique_layers=sums.unique,
            documents=sums.documents,
            writable_layers=present,
            virtual=sums.virtual + present,
            archives=sums.archives,
            build_cache=cached + sum(self._bytes[CACHE_MOUNT].values()),
            volumes=sum(self._bytes[VOLUME].values()),
            logs=sum(self._bytes[LOG].values()) + departed,
            trash=trash,
        )
        known = sum(sum(each.values()) for word, each in self._bytes.items() if word != WRITABLE)
        held = sum(writable.get(each.removeprefix(f"{TRASH}:"), 0) for each in self._image_of)
        return usage.with_unused(sums.everything + known + held)


def _leaf(image_id: str) -> str:
    return f"image:{image_id}"


def _holder(name: str, *, in_trash: bool) -> str:
    return held_by(TRASH, name) if in_trash else name
