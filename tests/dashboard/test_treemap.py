from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.treemap import Rect, squarify

PLACE = Rect(0, 0, 1000, 500)
sizes = st.lists(st.integers(min_value=1, max_value=10**12), min_size=1, max_size=80).map(
    lambda found: sorted(found, reverse=True)
)


@given(sizes)
def test_areas_are_as_the_sizes_and_cover_the_place(found):
    rects = squarify(found, PLACE)

    assert len(rects) == len(found)
    assert sum(each.area for each in rects) == pytest.approx(PLACE.area)
    for size, rect in zip(found, rects, strict=True):
        assert rect.area == pytest.approx(PLACE.area * size / sum(found), abs=1e-3)


@given(sizes)
def test_nothing_sticks_out_or_overlaps(found):
    rects = squarify(found, PLACE)

    near = 1e-6
    for number, one in enumerate(rects):
        assert -near <= one.x <= one.x + one.width <= PLACE.width + near
        assert -near <= one.y <= one.y + one.height <= PLACE.height + near
        for other in rects[number + 1 :]:
            across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
            down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
            assert across <= near or down <= near


def test_the_example_of_the_paper():
    rects = squarify([6, 6, 4, 3, 2, 2, 1], Rect(0, 0, 6, 4))

    assert [(round(each.width, 2), round(each.height, 2)) for each in rects[:4]] == [
        (3.0, 2.0),
        (3.0, 2.0),
        (1.71, 2.33),
        (1.29, 2.33),
    ]


def test_nothing_needs_no_place():
    assert squarify([], PLACE) == []


def test_a_head_leaves_at_least_half_of_a_rectangle():
    assert Rect(0, 0, 10, 40).below(10) == Rect(0, 10, 10, 30)
    assert Rect(0, 0, 10, 4).below(10) == Rect(0, 2, 10, 2)
