"""Copying from registry to registry: both are in this process, and not always well behaved."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from engine.errors import (
    DigestMismatch,
    EngineError,
    ImageNotFound,
    RegistryError,
    RegistryUnreachable,
    SizeMismatch,
)
from engine.oci.digest import Digest
from engine.progress import Cancellation, Cancelled
from tests.support.pulls import LOWER
from tests.support.registry import FakeRegistry, Received, Reply

if TYPE_CHECKING:
    from engine.images.copy import Copier
    from engine.oci.reference import Reference
    from tests.support.images import PackedImage


def test_an_unknown_image_is_not_found(
    copier: Copier, registry: FakeRegistry, target: Reference
) -> None:
    with pytest.raises(ImageNotFound):
        copier.copy(registry.reference("team/nothing"), target)


def test_connections_that_break_on_either_side_are_gone_on_with(
    copier: Copier,
    registry: FakeRegistry,
    other: FakeRegistry,
    web: Reference,
    target: Reference,
    image: PackedImage,
) -> None:
    for layer in image.layers:
        registry.drop(Digest.of(layer), after=50_000)
    other.cut(60_000, 10_000)

    copier.copy(web, target)

    for layer in image.layers:
        assert other.blobs[str(Digest.of(layer))] == layer


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        pytest.param(Reply(body=os.urandom(300_000)), SizeMismatch, id="short"),
        pytest.param(Reply(body=os.urandom(900_000)), SizeMismatch, id="long"),
        pytest.param(Reply(404), RegistryError, id="missing"),
        pytest.param(Reply(503), RegistryError, id="storm"),
        pytest.param(Reply(body=LOWER, drop_after=0), RegistryUnreachable, id="drops"),
    ],
)
def test_a_source_that_lies_gets_nothing_to_the_target(
    copier: Copier,
    registry: FakeRegistry,
    other: FakeRegistry,
    web: Reference,
    target: Reference,
    image: PackedImage,
    reply: Reply,
    error: type[EngineError],
) -> None:
    digest = Digest.of(image.layers[0])
    registry.always(f"/blobs/{digest}", reply)

    with pytest.raises(error):
        copier.copy(web, target)

    assert str(digest) not in other.blobs
    assert other.manifests == {}


def test_other_bytes_of_the_right_length_are_found_out_on_the_way(
    copier: Copier,
    registry: FakeRegistry,
    other: FakeRegistry,
    web: Reference,
    target: Reference,
    image: PackedImage,
) -> None:
    digest, length = Digest.of(image.layers[0]), len(image.layers[0])
    registry.always(f"/blobs/{digest}", Reply(body=os.urandom(length)))

    with pytest.raises(DigestMismatch):
        copier.copy(web, target)

    assert all(len(each.body) < length for each in other.received if each.method == "PUT")
    assert other.manifests == {}


def test_a_copy_can_be_cancelled(
    copier: Copier, other: FakeRegistry, web: Reference, target: Reference
) -> None:
    cancellation = Cancellation()

    def cancelling(received: Received) -> None:
        if received.method == "POST":
            cancellation.cancel()

    other.faults.append(cancelling)

    with pytest.raises(Cancelled):
        copier.copy(web, target, cancellation=cancellation)

    assert other.manifests == {}
