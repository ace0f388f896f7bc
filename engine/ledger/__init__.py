"""
Who holds what on the disk, and what would come free: the one source of every number of bytes.

Each layer, writable layer and document stands once, with its bytes and its holders (images and
containers). A total adds each entry once; a selection frees an entry only when its last holder is
in the selection. All of it is pure over records: nothing here looks at a disk or a database.
"""

from engine.ledger.disk import DiskUsage, disk_usage
from engine.ledger.ledger import Entry, EntryKind, Ledger, Sizes
from engine.ledger.records import image_sizes, ledger_of

__all__ = [
    "DiskUsage",
    "Entry",
    "EntryKind",
    "Ledger",
    "Sizes",
    "disk_usage",
    "image_sizes",
    "ledger_of",
]
