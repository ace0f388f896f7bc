from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.oci.digest import DiffID, Digest
from engine.oci.identity import chain_id, chain_ids

LAYERS = st.lists(st.binary(max_size=4).map(Digest.of).map(DiffID), max_size=8)


def test_a_chain_of_one_layer_is_that_layer() -> None:
    layer = DiffID(Digest.of(b"a"))

    assert chain_id([layer]) == layer


def test_a_chain_of_two_is_the_digest_of_both_as_text() -> None:
    a, b = DiffID(Digest.of(b"a")), DiffID(Digest.of(b"b"))

    assert chain_id([a, b]).hex == hashlib.sha256(f"{a} {b}".encode()).hexdigest()


def test_a_stack_of_nothing_has_no_chain() -> None:
    assert chain_ids([]) == ()
    with pytest.raises(IndexError):
        chain_id([])


@given(LAYERS, LAYERS)
def test_what_two_stacks_have_in_common_they_name_alike(
    below: list[DiffID], above: list[DiffID]
) -> None:
    assert chain_ids(below + above)[: len(below)] == chain_ids(below)
    assert len(chain_ids(below + above)) == len(below + above)


@given(
    st.lists(st.binary(max_size=4).map(Digest.of).map(DiffID), min_size=2, max_size=6, unique=True)
)
def test_the_order_of_layers_matters(layers: list[DiffID]) -> None:
    assert chain_id(layers) != chain_id(layers[::-1])
