"""
Who holds what on the disk, and what would come free: the one source of every number of bytes.

Each layer, writable layer, volume, entry of the build cache, archive, document, log and item of the
trash stands once, with its bytes and its holders. A total adds each entry once; a selection frees
an entry only when its last holder is in the selection. All of it is pure over records: nothing here
looks at a disk or a database.
"""

from engine.ledger.account import Account
from engine.ledger.disk import DiskUsage, disk_usage
from engine.ledger.ledger import Entry, EntryKind, Ledger, Sizes
from engine.ledger.records import image_sizes, ledger_of
from engine.ledger.survey import Survey, reclaim_of, usage_of

__all__ = [
    "Account",
    "DiskUsage",
    "Entry",
    "EntryKind",
    "Ledger",
    "Sizes",
    "Survey",
    "disk_usage",
    "image_sizes",
    "ledger_of",
    "reclaim_of",
    "usage_of",
]
