"""In which order things go that others hold: pure over rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from dashboard.models import Host, Job
from dashboard.selectors import way_of_image, way_of_layer, way_of_network, way_of_volume
from dashboard.selectors.layers import layer_detail
from tests.support.mess import MB, hex_id, make_container, make_host, make_image

if TYPE_CHECKING:
    from dashboard.ways import Way

pytestmark = pytest.mark.django_db


@pytest.fixture
def host() -> Host:
    return make_host("alpha")


def texts(way: Way) -> list[str]:
    return [step.text for step in way.steps]


class TestImages:
    def test_one_that_nothing_holds_goes_in_one_step(self, host):
        image = make_image(host, "web", {"base": MB}, tags=("docker.io/library/web:1",))

        way = way_of_image(image, ())

        assert texts(way) == ["Move web:1 to the trash"]
        assert not way.is_held

    def test_containers_stop_and_go_first_and_tags_go_along(self, host):
        tags = ("docker.io/team/web:1", "docker.io/team/web:latest")
        image = make_image(host, "web", {"base": MB}, tags=tags)
        up = make_container(host, "up", image)
        down = make_container(host, "down", image, state="exited")

        way = way_of_image(image, (up, down))

        assert texts(way) == [
            "Stop up",
            "Move up to the trash",
            "Move down to the trash",
            "Move team/web:1 to the trash with its other tag team/web:latest",
        ]
        assert way.is_held
        assert [step.word for step in way.steps] == ["Stop", "Trash", "Trash", "Trash"]

    def test_what_stands_on_it_keeps_its_layers(self, host):
        image = make_image(host, "base", {"base": MB}, tags=("docker.io/library/base:1",))
        make_image(host, "app", {"base": MB, "app": MB}, tags=("docker.io/library/app:1",))

        way = way_of_image(image, ())

        assert not way.is_held
        assert way.notes[0].startswith("app:1 stands on it and keeps its layers")

    def test_work_at_hand_ends_first(self, host, django_user_model):
        image = make_image(host, "web", {"base": MB})
        otto = django_user_model.objects.create_user("otto", "o@example.org", "secret")
        for title, state in (("Push web:1", "running"), ("Tag web:1", "succeeded")):
            Job.objects.create(
                host=host,
                name="images.push",
                title=title,
                state=state,
                object_kind="image",
                object_id=image.image_id,
                requested_by=otto,
            )

        way = way_of_image(image, ())

        assert texts(way)[0] == "Let “Push web:1” end"
        assert len(way.steps) == 2

    def test_what_people_said_of_its_containers_is_told(self, host):
        image = make_image(host, "web", {"base": MB})
        user = make_container(host, "demo", image, state="exited")
        user.is_kept, user.expires_at = True, datetime(2026, 12, 4, 18, 0, tzinfo=UTC)

        notes = way_of_image(image, (user,)).notes

        assert "demo is kept from clean-ups: ask why before it goes." in notes
        assert "demo is wanted until 2026-12-04 18:00 UTC." in notes

    def test_a_label_that_keeps_it_is_told(self, host):
        image = make_image(host, "web", {"base": MB})
        image.config = {"config": {"Labels": {"shipshape.keep": "yes"}}}

        assert any("shipshape.keep" in note for note in way_of_image(image, ()).notes)


def test_a_volume_goes_after_those_that_use_it_also_in_the_trash(host):
    image = make_image(host, "web", {"base": MB})
    user = make_container(host, "db", image)
    trashed = hex_id("trashed")
    volume = host.volumes.create(name="data", holders=[user.container_id, trashed], holder_count=2)

    way = way_of_volume(volume)

    assert texts(way) == [
        "Stop db",
        "Remove db",
        f"Empty the trash of {trashed[:12]} on alpha",
        "Move data to the trash",
    ]
    assert way.steps[-1].kind == "post"


def test_a_volume_that_nobody_uses_just_goes(host):
    way = way_of_volume(host.volumes.create(name="data"))

    assert texts(way) == ["Move data to the trash"]


def test_a_network_goes_when_nobody_runs_in_it(host):
    image = make_image(host, "web", {"base": MB})
    member = make_container(host, "web", image)
    network = host.networks.create(
        name="lab",
        network_id=hex_id("lab"),
        endpoints=[{"container": member.container_id}],
        endpoint_count=1,
    )

    way = way_of_network(network)

    assert texts(way) == ["Disconnect web", "Remove lab"]
    assert member.container_id in way.steps[0].url


def test_a_network_of_the_engine_never_goes(host):
    way = way_of_network(host.networks.create(name="bridge", network_id=hex_id("bridge")))

    assert way.is_held
    assert way.steps == ()
    assert "comes with the engine" in way.never


def test_a_layer_goes_with_the_last_that_holds_it(host):
    image = make_image(host, "web", {"base": MB}, tags=("docker.io/library/web:1",))
    make_image(host, "old", {"base": MB})
    make_container(host, "up", image)
    layer = host.layers.get()
    layer.is_cached = True
    layer.save()

    way = way_of_layer(layer_detail("alpha", layer.chain_id))

    assert texts(way)[:2] == ["Stop up", "Move up to the trash"]
    assert "Move web:1 to the trash" in texts(way)
    assert texts(way)[-2:] == ["Empty the trash on alpha", "Clean the build cache up"]
