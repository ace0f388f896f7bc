"""What the address of a list chooses, in what order, and what its page says of that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dashboard.models import Layer, Network, Volume
from tests.support.mess import MB, hex_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse
    from django.test import Client

LISTS = ("containers", "images", "layers", "volumes", "networks", "builds", "jobs", "activity")


@pytest.fixture
def read(browse: Callable[[str], Client]) -> Callable[[str, str], HttpResponse]:
    """Return how to read the list of a noun with a query behind its address."""
    client = browse("vera")

    def reading(noun: str, query: str) -> HttpResponse:
        return client.get(f"{reverse(noun)}?{query}")

    return reading


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["backend", "bridge", "host", "lab", "none"]),
        ("show=own", ["backend", "lab"]),
        ("show=used", ["backend", "bridge"]),
        ("show=unused", ["lab"]),
        ("show=nonsense", ["backend", "bridge", "host", "lab", "none"]),
        ("q=BACK", ["backend"]),
        (f"q={hex_id('network', 'harbour', 'lab')[:12]}", ["lab"]),
        ("q=b&show=own&sort=-name", ["lab", "backend"]),
        ("sort=name", ["backend", "bridge", "host", "lab", "none"]),
        ("sort=-name", ["none", "lab", "host", "bridge", "backend"]),
        ("sort=created", ["bridge", "host", "none", "backend", "lab"]),
        ("sort=-created", ["lab", "backend", "none", "host", "bridge"]),
        ("sort=users", ["host", "none", "lab", "bridge", "backend"]),
        ("sort=-users", ["backend", "bridge", "lab", "none", "host"]),
    ],
)
def test_networks(read, query, names):
    page = read("networks", f"host=harbour&{query}").context["page"]

    assert [row.name for row in page] == names


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["(anonymous)", "old-uploads", "web-cache", "orders-data"]),
        ("show=used", ["web-cache", "orders-data"]),
        ("show=unused", ["(anonymous)", "old-uploads"]),
        ("show=anonymous", ["(anonymous)"]),
        ("show=nonsense", ["(anonymous)", "old-uploads", "web-cache", "orders-data"]),
        ("q=OR", ["orders-data"]),
        ("sort=created", ["orders-data", "web-cache", "old-uploads", "(anonymous)"]),
        ("q=-&sort=name", ["old-uploads", "orders-data", "web-cache"]),
        ("q=-&sort=-name", ["web-cache", "orders-data", "old-uploads"]),
        ("sort=size", ["(anonymous)", "web-cache", "orders-data", "old-uploads"]),
        ("sort=-size", ["old-uploads", "orders-data", "web-cache", "(anonymous)"]),
        ("q=-&sort=users", ["old-uploads", "orders-data", "web-cache"]),
        ("q=-&sort=-users", ["web-cache", "orders-data", "old-uploads"]),
    ],
)
def test_volumes(read, query, names):
    page = read("volumes", f"host=harbour&{query}").context["page"]

    shown = ["(anonymous)" if row.is_anonymous else row.name for row in page]
    assert shown == names


def test_volumes_that_nobody_measured_come_last_both_ways(read, harbour):
    Volume.objects.filter(host=harbour, name="web-cache").update(size=None)

    for sort in ("size", "-size"):
        page = read("volumes", f"host=harbour&sort={sort}").context["page"]
        assert page.rows[-1].name == "web-cache"


@pytest.mark.parametrize(
    ("query", "sizes"),
    [
        ("q=nginx", [117, 71]),
        ("q=NGINX&sort=size", [71, 117]),
        ("q=nginx&show=shared", [117]),
        ("q=nginx&show=single", [71]),
        ("q=nginx&show=nonsense", [117, 71]),
        ("show=cache", [30]),
        (f"q={hex_id('layer', 'alpine')[:12]}", [8]),
        (f"q=sha256:{hex_id('diff', 'alpine')[:12]}", [8]),
        ("q=nginx&sort=-archive", [71, 117]),
    ],
)
def test_layers(read, harbour, query, sizes):
    Layer.objects.create(host=harbour, chain_id=f"sha256:{hex_id('cached')}", size=30 * MB)
    Layer.objects.filter(size=71 * MB).update(archive_bytes=5)

    response = read("layers", f"host=harbour&{query}")

    assert [row.size // MB for row in response.context["page"]] == sizes
    assert response.context["count"] == len(sizes)
    assert response.context["bytes"] == sum(sizes) * MB


def test_what_makes_no_sense_in_an_address_is_left_out(read):
    odd = "show=x&state=x&outcome=x&sort=x&page=x&q=%00&host=" + "h" * 256

    for noun in LISTS:
        plain, seen = read(noun, "").context, read(noun, odd).context
        assert [row.pk for row in seen["page"]] == [row.pk for row in plain["page"]]
        assert not seen["chosen"].is_active


@pytest.mark.parametrize("query", ["q=nowhere-to-be-found", "host=nowhere"])
def test_an_address_that_leaves_all_out_says_that_there_are_others(read, query):
    for noun in LISTS:
        response = read(noun, query)
        assert not response.context["page"]
        assert response.context["chosen"].is_active
        assert "If there are others, these filters leave them out." in response.content.decode()


def test_an_order_or_a_page_alone_leaves_nothing_out(read):
    for noun in LISTS:
        assert not read(noun, "sort=-size&page=2").context["chosen"].is_active


@pytest.mark.parametrize("noun", ["volumes", "networks"])
def test_a_list_costs_as_many_questions_however_long_it_is(read, harbour, noun):
    read(noun, "")
    with CaptureQueriesContext(connection) as few:
        read(noun, "")
    for number in range(30):
        name = hex_id("more", number)
        Volume.objects.create(host=harbour, name=name)
        Network.objects.create(host=harbour, name=name, network_id=name)

    with CaptureQueriesContext(connection) as many:
        read(noun, "")

    assert len(many) == len(few)
