"""
Who holds what on the disk, and what would come free: the one source of every number of bytes.

Each layer, writable layer, volume, entry of the build cache, archive, document, log and item of the
trash stands once, with its bytes and its holders. A total adds each entry once; a selection frees
an entry only when its last holder is in the selection. The numbers are pure over records: a
`Survey` is everything at one moment, a `Book` follows what changes and says the same. `changes`,
`facts` and `sizes` bring to a book what the database says; nothing here looks at a disk.
"""

from engine.ledger.account import Account
from engine.ledger.book import Book
from engine.ledger.disk import DiskUsage
from engine.ledger.ledger import Entry, EntryKind, Ledger, Sizes
from engine.ledger.records import image_sizes, ledger_of
from engine.ledger.survey import Survey, reclaim_of, usage_of

__all__ = [
    "Account",
    "Book",
    "DiskUsage",
    "Entry",
    "EntryKind",
    "Ledger",
    "Sizes",
    "Survey",
    "image_sizes",
    "ledger_of",
    "reclaim_of",
    "usage_of",
]
