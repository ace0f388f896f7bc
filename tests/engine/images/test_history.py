from __future__ import annotations

from typing import TYPE_CHECKING

from engine.images.history import MISSING, history_rows
from engine.images.store import LayerRecord
from engine.oci.config import HistoryEntry, ImageConfig, ProcessDefaults, render_config
from engine.oci.digest import DiffID, Digest
from engine.oci.identity import chain_ids
from engine.oci.platform import host_platform
from tests.support.images import MADE_AT

if TYPE_CHECKING:
    from engine.images.store import ImageRecord
    from tests.support.world import World


def image_of(world: World, *entries: HistoryEntry, sizes: tuple[int, ...]) -> ImageRecord:
    diff_ids = tuple(DiffID(Digest.of(b"%d" % number)) for number in range(len(sizes)))
    config = render_config(
        platform=host_platform(),
        diff_ids=diff_ids,
        history=entries,
        defaults=ProcessDefaults(),
        created_at=MADE_AT,
    )
    layers = (
        [
            LayerRecord(chain, diff_id, diff_id, size, size, "tar")
            for chain, diff_id, size in zip(chain_ids(diff_ids), diff_ids, sizes, strict=True)
        ]
        if sizes
        else []
    )
    return world.images.ensure_image(ImageConfig.parse(config), layers, source="build")


FROM = HistoryEntry(MADE_AT, created_by="ADD rootfs /")
ENV = HistoryEntry(MADE_AT, created_by="ENV A=b", is_empty_layer=True)
RUN = HistoryEntry(MADE_AT, created_by="RUN make", comment="built")


def test_the_newest_instruction_comes_first_and_bears_the_image_id(world: World) -> None:
    image = image_of(world, FROM, ENV, RUN, sizes=(100, 7))

    rows = history_rows(image)

    assert [(row.created_by, row.size) for row in rows] == [
        ("RUN make", 7),
        ("ENV A=b", 0),
        ("ADD rootfs /", 100),
    ]
    assert [row.image for row in rows] == [str(image.id), MISSING, MISSING]
    assert rows[0].created_at == MADE_AT
    assert rows[0].comment == "built"


def test_layers_without_a_word_get_rows_of_their_own(world: World) -> None:
    rows = history_rows(image_of(world, sizes=(100, 7)))

    assert [(row.created_by, row.size) for row in rows] == [("", 7), ("", 100)]


def test_words_without_a_layer_count_nothing(world: World) -> None:
    rows = history_rows(image_of(world, FROM, RUN, RUN, sizes=(100,)))

    assert [row.size for row in rows] == [0, 0, 100]


def test_an_image_of_nothing_has_no_history(world: World) -> None:
    assert history_rows(image_of(world, sizes=())) == []
