"""A blob that lies at a registry, and fetching it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.oci.descriptor import Descriptor
    from engine.oci.reference import Reference
    from engine.registry.client import RegistryClient

BLOB = bytes(range(256)) * 2000


def fetched(
    client: RegistryClient, reference: Reference, blob: Descriptor, offset: int = 0
) -> bytes:
    return b"".join(client.fetch_blob(reference, blob, offset=offset))
