"""The identity of stacks of layers (image-spec config.md, "Layer ChainID")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.oci.digest import ChainID, DiffID, Digest

if TYPE_CHECKING:
    from collections.abc import Sequence


def chain_ids(diff_ids: Sequence[DiffID]) -> tuple[ChainID, ...]:
    """Return the chain ID of each prefix of *diff_ids*, lowest first; as many as diff IDs."""
    chains: list[ChainID] = []
    for diff_id in diff_ids:
        chains.append(_stacked(chains[-1], diff_id) if chains else ChainID(diff_id))
    return tuple(chains)


def chain_id(diff_ids: Sequence[DiffID]) -> ChainID:
    """Return the identity of a stack of layers, lowest first; *diff_ids* must not be empty."""
    return chain_ids(diff_ids)[-1]


def _stacked(below: ChainID, diff_id: DiffID) -> ChainID:
    return ChainID(Digest.of(f"{below} {diff_id}".encode()))
