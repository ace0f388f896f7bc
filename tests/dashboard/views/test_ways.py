from __future__ import annotations

import pytest
from django.urls import reverse

HELD, FREE = "Why it cannot go yet", "How it can go"


def page(client, url: str) -> str:
    return client.get(url).content.decode()


def test_an_image_in_use_tells_in_which_order_it_can_go(browse, web):
    html = page(browse("ada"), web.image.get_absolute_url())

    assert HELD in html
    way = html[html.index(HELD) :]
    stop = reverse("container_stop", args=(web.host_id, web.container_id))
    trash = reverse("container_trash", args=(web.host_id, web.container_id))
    image = reverse("image_trash", args=(web.host_id, web.image.hex))
    assert 0 < way.index(stop) < way.index(trash) < way.index(image)


def test_its_steps_are_buttons_for_who_may(browse, web):
    html = page(browse("vera"), web.image.get_absolute_url())

    way = html[html.index('id="way"') :].partition("</section>")[0]
    assert way.count("hx-post") == way.count('data-needs="operator"')


def test_an_operator_is_told_whom_to_ask_about_what_is_anothers(browse, harbour):
    database = harbour.containers.get(name="orders-db")
    stop = reverse("container_stop", args=(database.host_id, database.container_id))

    html = page(browse("otto"), database.image.get_absolute_url())

    way = html[html.index('id="way"') :].partition("</section>")[0]
    assert stop not in way
    assert "belongs to ada: ask the owner" in way
    assert stop in page(browse("ada"), database.image.get_absolute_url())


def test_what_nothing_holds_just_goes(browse, harbour):
    volume = harbour.volumes.get(name="old-uploads")

    html = page(browse("otto"), volume.get_absolute_url())

    assert FREE in html
    assert HELD not in html


@pytest.mark.parametrize("name", ["orders-data", "web-cache"])
def test_a_volume_in_use_says_so(browse, harbour, name):
    html = page(browse("otto"), harbour.volumes.get(name=name).get_absolute_url())

    assert HELD in html


def test_the_questions_lead_to_the_steps(browse, web):
    question = page(browse("otto"), reverse("image_remove", args=(web.host_id, web.image.hex)))

    assert f"{web.image.get_absolute_url()}#way" in question


def test_a_network_of_the_engine_says_why_it_stays(browse, harbour):
    network = harbour.networks.get(name="bridge")

    assert "It comes with the engine" in page(browse("vera"), network.get_absolute_url())


def test_a_layer_tells_how_it_goes(browse, harbour):
    layer = harbour.layers.order_by("-size").first()

    assert "It goes by itself when the last of them is gone" in page(
        browse("vera"), layer.get_absolute_url()
    )
