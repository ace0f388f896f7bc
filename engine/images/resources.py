"""The names under which leases know what images are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.oci.digest import ChainID, Digest

BLOB = "blob"
LAYER = "snapshot"


def blob_resource(digest: Digest) -> str:
    """Return the resource that stands for a blob."""
    return f"{BLOB}:{digest}"


def layer_resource(name: ChainID | str) -> str:
    """Return the resource that stands for an unpacked layer, or for a tar staged as *name*."""
    return f"{LAYER}:{name}"
