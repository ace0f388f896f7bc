from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.errors import ImageNotFound, InvalidSetting
from engine.images.derive import Derivation
from engine.layers.tarwriter import END
from engine.oci.config import ProcessDefaults
from engine.oci.digest import Digest, ImageID
from engine.oci.identity import chain_id
from engine.oci.reference import Reference

if TYPE_CHECKING:
    from tests.support.world import World

TAR = b"changes" * 1000
TAG = Reference.parse("team/derived:1")


def test_an_image_is_its_base_and_a_layer(world: World) -> None:
    base = world.add(b"base")
    derivation = Derivation(
        ProcessDefaults(command=("/bin/sh",)),
        changes=("ENV A=1",),
        created_by="/bin/sh -c make",
        comment="by hand",
        author="ana",
        tags=(TAG,),
    )
    image = world.deriver().derive(
        base.id, iter([TAR[:100], TAR[100:]]), derivation, owner="ana", source="commit"
    )

    assert world.images.get("team/derived:1") == image
    assert [each.diff_id for each in image.layers] == [base.layers[0].diff_id, Digest.of(TAR)]
    assert image.layers[1].chain_id == chain_id([each.diff_id for each in image.layers])
    assert (image.config.defaults.env, image.config.author) == (("A=1",), "ana")
    last = image.config.history[-1]
    assert (last.created_by, last.comment, last.author) == ("/bin/sh -c make", "by hand", "ana")
    assert (image.source, image.added_by) == ("commit", "ana")


def test_nothing_changed_is_no_layer(world: World) -> None:
    base = world.add(b"base")
    image = world.deriver().derive(base.id, [END], Derivation(ProcessDefaults()), source="commit")

    assert [each.diff_id for each in image.layers] == [base.layers[0].diff_id]
    assert image.config.history[-1].is_empty_layer


def test_a_bad_change_is_told_before_anything_is_read(world: World) -> None:
    base = world.add(b"base")
    pieces = iter([TAR])
    with pytest.raises(InvalidSetting):
        world.deriver().derive(
            base.id, pieces, Derivation(ProcessDefaults(), changes=("RUN x",)), source="commit"
        )
    assert next(pieces) == TAR


def test_what_fails_on_the_way_leaves_nothing(world: World) -> None:
    base = world.add(b"base")
    before = world.disk_bytes

    def broken():
        yield TAR
        raise InvalidSetting("layer", "gone")

    with pytest.raises(InvalidSetting):
        world.deriver().derive(base.id, broken(), Derivation(ProcessDefaults()), source="commit")
    assert [each.id for each in world.images.list_all()] == [base.id]
    assert world.disk_bytes == before


def test_a_base_that_is_not_there_is_refused(world: World) -> None:
    with pytest.raises(ImageNotFound):
        world.deriver().derive(
            ImageID(Digest.of(b"x")), [TAR], Derivation(ProcessDefaults()), source="commit"
        )
