"""From events to the projection, whenever the agent was killed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from dashboard.models import Container, Host, Image
from engine.settings import ContainerSettings
from tests.support.services import wait_until
from workers.agent.follower import Follower

if TYPE_CHECKING:
    from tests.support.fakes_engine import FakeEngine

pytestmark = pytest.mark.usefixtures("host", "published")
WAIT = 5.0


@pytest.fixture
def follower(engine: FakeEngine) -> Follower:
    return Follower(engine, "alpha")  # type: ignore[arg-type]


def launch(engine: FakeEngine, name: str) -> str:
    return engine.containers.create(ContainerSettings(image="web", name=name)).id


def test_it_begins_by_making_everything_true(engine, follower) -> None:
    engine.images.add("web")
    launch(engine, "calm")
    stop = threading.Event()
    stop.set()

    follower.run(stop)

    assert Container.objects.get().name == "calm"
    assert Host.objects.get().engine_sequence == engine.events.last_sequence()


def test_a_burst_is_projected_as_it_is_by_then(engine, follower, published) -> None:
    engine.images.add("web")
    container = launch(engine, "calm")
    engine.containers.start(container)
    engine.containers.end(container, 3)

    done = follower.catch_up(0)

    assert done == engine.events.last_sequence()
    assert Container.objects.get().exit_code == 3
    assert published.count(("container", container)) == 1


def test_events_about_images_bring_images(engine, follower) -> None:
    engine.images.add("web")

    follower.catch_up(0)

    assert Image.objects.count() == 1


def test_nothing_new_is_nothing_to_do(engine, follower, django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        assert follower.catch_up(0) == 0


@pytest.mark.django_db(transaction=True)
def test_what_happens_later_follows(engine, follower) -> None:
    stop = threading.Event()
    engine.images.add("web")
    thread = threading.Thread(target=follower.run, args=(stop,), daemon=True)
    thread.start()
    launch(engine, "calm")

    last = engine.events.last_sequence()
    wait_until(
        lambda: Host.objects.get().engine_sequence == last, what="the last event is projected"
    )
    assert Container.objects.get().name == "calm"
    stop.set()
    thread.join(WAIT)
    assert not thread.is_alive()
