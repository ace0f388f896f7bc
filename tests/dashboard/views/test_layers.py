from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dashboard.models import Layer
from tests.support.mess import MB, hex_id, make_image

if TYPE_CHECKING:
    from dashboard.models import Host


def page(client: Client, **query: str) -> str:
    return client.get(reverse("layers"), query).content.decode()


def address(layer: Layer) -> str:
    return layer.get_absolute_url()


@pytest.fixture
def shared(harbour: Host) -> Layer:
    """Return the layer that most images hold."""
    return max(harbour.layers.all(), key=lambda each: each.image_layers.count())


@pytest.fixture
def only_cached(harbour: Host) -> Layer:
    return Layer.objects.create(
        host=harbour, chain_id="sha256:" + hex_id("cached"), size=30 * MB, is_cached=True
    )


def test_every_layer_with_bytes_is_a_tile_that_tells_who_holds_it(browse, harbour):
    html = page(browse("vera"), host="harbour")

    assert html.count('class="tile hold-') == harbour.layers.filter(size__gt=0).count()
    for layer in harbour.layers.filter(size__gt=0):
        assert f'href="{address(layer)}"' in html


def test_all_hosts_stand_side_by_side(browse, mess):
    html = page(browse("vera"))

    assert re.search(r"treemap-host[^>]*>harbour ", html)
    assert re.search(r"treemap-host[^>]*>lighthouse ", html)
    assert "treemap-host" not in page(browse("vera"), host="harbour")


def test_more_layers_than_can_be_drawn_are_one_tile(browse, harbour):
    Layer.objects.bulk_create(
        Layer(host=harbour, chain_id="sha256:" + hex_id("small", number), size=1000 + number)
        for number in range(300)
    )

    html = page(browse("vera"), host="harbour")

    assert html.count('class="tile hold-') == 240
    count = Layer.objects.filter(host=harbour).count() - 240
    assert f"{count} smaller layers of harbour" in html


def test_ten_thousand_layers_cost_as_many_questions_as_ten(browse, harbour):
    client = browse("vera")
    with CaptureQueriesContext(connection) as few:
        page(client)
    Layer.objects.bulk_create(
        Layer(host=harbour, chain_id="sha256:" + hex_id("many", number), size=number)
        for number in range(10_000)
    )

    with CaptureQueriesContext(connection) as many:
        page(client)

    assert len(many) <= len(few) + 1


def test_a_layer_that_no_image_holds_is_the_build_caches(browse, only_cached):
    html = page(browse("vera"), show="cache")

    assert html.count('class="tile hold-') == 1
    assert 'class="tile hold-0"' in html
    assert "the build cache alone" in html


@pytest.mark.parametrize(
    ("show", "names"), [("shared", ("below", "middle")), ("single", ("above", "top"))]
)
def test_layers_are_told_apart_by_how_many_hold_them(browse, harbour, show, names):
    Layer.objects.all().delete()
    make_image(harbour, "one", {"below": MB, "above": MB})
    make_image(harbour, "two", {"below": MB, "middle": MB})
    make_image(harbour, "three", {"below": MB, "middle": MB, "top": MB})

    html = page(browse("vera"), show=show)

    assert html.count('data-row="layer-') == 2
    for name in names:
        assert hex_id("layer", name) in html


def test_a_layer_is_found_by_its_digest_and_by_an_image(browse, shared, harbour):
    by_digest = page(browse("vera"), q=shared.diff_id[:20], host="harbour")
    by_image = page(browse("vera"), q="team/web", host="harbour")

    assert by_digest.count('data-row="layer-') == 1
    assert 'data-row="layer-' in by_image
    assert 'data-row="layer-' not in page(browse("vera"), q="no-such-thing")


def test_who_holds_a_layer_is_told_with_what_made_it(browse, shared):
    html = browse("vera").get(address(shared)).content.decode()

    assert f"<b>{shared.image_layers.count()}</b>" in html
    assert shared.chain_id in html
    for link in shared.image_layers.select_related("image")[:5]:
        assert link.image.get_absolute_url() in html
    assert "FROM" in html or "ADD" in html or "COPY" in html or "RUN" in html


def test_the_containers_of_its_images_are_told(browse, harbour, web):
    layer = web.image.image_layers.order_by("position").last().layer

    assert web.get_absolute_url() in browse("vera").get(address(layer)).content.decode()


def test_a_layer_that_is_not_here_is_not_found(browse):
    url = reverse("layer_detail", args=("harbour", "f" * 64))

    assert browse("vera").get(url).status_code == 404


def test_who_holds_a_layer_is_for_people_of_the_team_and_only_asked(browse, shared):
    assert Client().get(address(shared)).status_code == 302
    assert browse("ada").post(address(shared)).status_code == 405


def test_a_team_without_images_is_told_what_a_layer_is(browse):
    Layer.objects.all().delete()

    html = page(browse("otto"))

    assert "No layers yet" in html
    assert "data-treemap" not in html
