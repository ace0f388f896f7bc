from __future__ import annotations

import pytest

from dashboard.layer_map import PLACE, LayerMap, layer_map
from dashboard.models import Layer
from dashboard.selectors.layers import HostSum, ShownLayer, step_of


def layer(host: str, size: int, *, holders: int = 1) -> ShownLayer:
    return ShownLayer(Layer(host_id=host, chain_id=f"sha256:{size}", size=size), holders)


def tile_sizes(drawn: LayerMap) -> dict[str, list[int]]:
    return {each.host: [tile.size for tile in each.tiles] for each in drawn.regions}


def test_the_tiles_of_a_host_come_to_its_bytes():
    largest = [layer("alpha", 60), layer("beta", 30), layer("alpha", 20)]

    drawn = layer_map(largest, [HostSum("alpha", 12, 100), HostSum("beta", 1, 30)])

    assert tile_sizes(drawn) == {"alpha": [60, 20, 20], "beta": [30]}
    rest = next(each for each in drawn.regions[0].tiles if each.shown is None)
    assert rest.count == 10


def test_hosts_and_tiles_are_as_large_as_their_bytes():
    drawn = layer_map(
        [layer("alpha", 60), layer("alpha", 40), layer("beta", 100)],
        [HostSum("alpha", 2, 100), HostSum("beta", 1, 100)],
    )

    assert [each.rect.area for each in drawn.regions] == [PLACE.area / 2] * 2
    one, other = drawn.regions[0].tiles
    assert one.rect.area / other.rect.area == pytest.approx(60 / 40)


def test_a_host_without_bytes_is_not_drawn():
    assert layer_map([], [HostSum("alpha", 3, 0)]).regions == ()


@pytest.mark.parametrize(
    ("holders", "tone"), [(0, 0), (1, 1), (2, 2), (3, 3), (5, 3), (6, 4), (900, 4)]
)
def test_the_more_hold_it_the_deeper_its_tone(holders, tone):
    drawn = layer_map([layer("alpha", 5, holders=holders)], [HostSum("alpha", 1, 5)])

    assert drawn.regions[0].tiles[0].tone == tone


def test_a_tile_says_what_fits_in_it():
    largest = [layer("alpha", 1000), *(layer("alpha", 1) for _ in range(50))]

    tiles = layer_map(largest, [HostSum("alpha", 51, 1050)]).regions[0].tiles

    assert tiles[0].label == "build cache"
    assert tiles[0].has_second_line
    assert tiles[-1].label == ""


def test_the_step_of_a_layer_is_counted_from_below_without_what_made_none():
    history = [
        {"created_by": "CMD", "is_empty_layer": True},
        {"created_by": "COPY", "is_empty_layer": False},
        {"created_by": "ENV", "is_empty_layer": True},
        {"created_by": "ADD", "is_empty_layer": False},
    ]

    assert [step_of(history, place) for place in range(3)] == ["ADD", "COPY", ""]
