"""The ledger itself: entries, their bytes and their holders."""

from __future__ import annotations

import enum
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


class EntryKind(enum.StrEnum):
    """What an entry is."""

    LAYER = "layer"
    ARCHIVE = "archive"
    DOCUMENT = "document"
    WRITABLE_LAYER = "writable-layer"
    BUILD_CACHE = "build-cache"


@dataclass(frozen=True, slots=True)
class Entry:
    """
    Something that takes *size* bytes of disk once, whoever uses it.

    Nobody's entries have no holders: they are garbage that the next sweep takes.
    """

    key: str
    kind: EntryKind
    size: int
    holders: frozenset[str]


@dataclass(frozen=True, slots=True)
class Sizes:
    """
    The bytes that one holder holds.

    *size* is all of it, *unique* what nobody else holds, *shared* the rest: size = shared + unique.
    """

    size: int
    shared: int
    unique: int


NOTHING = Sizes(0, 0, 0)


class Ledger:
    """All entries of one engine root at one moment."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = tuple(entries)
        self._by_holder: dict[str, list[Entry]] = defaultdict(list)
        for entry in self._entries:
            for holder in entry.holders:
                self._by_holder[holder].append(entry)

    @property
    def total(self) -> int:
        """The bytes of all entries, each counted once."""
        return sum(entry.size for entry in self._entries)

    @property
    def totals(self) -> Mapping[EntryKind, int]:
        """The bytes of each kind of entry, each counted once."""
        return {
            kind: sum(entry.size for entry in self._entries if entry.kind is kind)
            for kind in EntryKind
        }

    def unique_total(self, kind: EntryKind) -> int:
        """Return the bytes of the entries of *kind* that have one holder."""
        return sum(
            entry.size for entry in self._entries if entry.kind is kind and len(entry.holders) == 1
        )

    def sizes(self, holder: str) -> Sizes:
        """Return what *holder* holds; nothing for one that the ledger does not know."""
        held = self._by_holder.get(holder, [])
        size = sum(entry.size for entry in held)
        unique = sum(entry.size for entry in held if len(entry.holders) == 1)
        return Sizes(size, size - unique, unique)

    def reclaimable(self, selection: Collection[str]) -> int:
        """Return the bytes that come free if exactly the holders in *selection* go."""
        gone = frozenset(selection)
        touched = {entry.key: entry for holder in gone for entry in self._by_holder.get(holder, ())}
        return sum(entry.size for entry in touched.values() if entry.holders <= gone)

    def sum_of_sizes(self, holders: Iterable[str]) -> int:
        """Return what adding up the sizes of *holders* would say: shared entries count again."""
        return sum(self.sizes(holder).size for holder in holders)
