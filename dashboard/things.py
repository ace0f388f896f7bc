"""What hosts' clean-ups are about, in words: the kinds of things, and how many of each."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NOUNS = {
    "container": ("container", "containers"),
    "image": ("image", "images"),
    "volume": ("volume", "volumes"),
    "network": ("network", "networks"),
    "cached-step": ("cached build step", "cached build steps"),
    "cache-mount": ("build cache directory", "build cache directories"),
    "ingest": ("abandoned download", "abandoned downloads"),
    "log": ("log", "logs"),
}


def counted_kinds(kinds: Iterable[str] | Mapping[str, int]) -> str:
    """Return how many of each kind there are: `12 images, 3 containers and 1 log`."""
    counts = Counter(kinds)
    words = [
        f"{counts[kind]:,} {nouns[counts[kind] != 1]}"
        for kind, nouns in NOUNS.items()
        if counts[kind]
    ]
    if len(words) < 2:
        return words[0] if words else "nothing"
    return f"{', '.join(words[:-1])} and {words[-1]}"
