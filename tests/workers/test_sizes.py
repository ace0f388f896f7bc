"""Sizes are measured rarely, and say when."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from dashboard.models import Container, Host, Volume
from engine.settings import ContainerSettings
from engine.volumes.settings import VolumeSettings
from workers.agent import sizes as sizes_module
from workers.agent.sizes import Sizes, due_containers
from workers.agent.volume_sizes import VolumeSizes
from workers.inventory import Inventory

pytestmark = pytest.mark.usefixtures("host", "published")


@pytest.fixture
def container(engine) -> Container:
    engine.images.add("web", "base", "app")
    record = engine.containers.create(ContainerSettings(image="web"))
    engine.containers.start(record.id)
    Inventory(engine, "alpha").sync_everything()
    return Container.objects.get()


@pytest.fixture
def sizes(engine) -> Sizes:
    return Sizes(engine, "alpha")


def test_a_new_container_is_measured_with_its_image_on_top(engine, sizes, container) -> None:
    engine.containers.sizes[container.container_id] = 4096

    assert sizes.measure() == 1

    container.refresh_from_db()
    assert (container.size, container.virtual_size) == (4096, 6096)
    assert container.size_measured_at is not None


def test_it_is_not_measured_again_at_once(sizes, container) -> None:
    sizes.measure()

    assert sizes.measure() == 0


@pytest.mark.parametrize(
    ("values", "is_due"),
    [
        pytest.param({"state": "running", "age": 10}, False, id="running-and-fresh"),
        pytest.param({"state": "running", "age": 60}, True, id="running-and-old"),
        pytest.param({"state": "exited", "age": 60, "ended": 3600}, False, id="ended-before"),
        pytest.param({"state": "exited", "age": 60, "ended": 5}, True, id="ended-since"),
        pytest.param({"state": "running", "age": None}, True, id="never-measured"),
    ],
)
def test_what_is_due(container, values, is_due) -> None:
    now = timezone.now()
    age, ended = values["age"], values.get("ended")
    Container.objects.update(
        state=values["state"],
        size_measured_at=now - timedelta(seconds=age) if age is not None else None,
        finished_at=now - timedelta(seconds=ended) if ended is not None else None,
    )

    assert due_containers("alpha").exists() == is_due


def test_a_slow_measurement_is_repeated_the_more_rarely(sizes, container, monkeypatch) -> None:
    monkeypatch.setattr(sizes_module, "REST_FACTOR", 1e9)
    sizes.measure()
    Container.objects.update(size_measured_at=timezone.now() - timedelta(hours=1))

    assert sizes.measure() == 0


def test_a_container_that_is_gone_meanwhile_is_passed_over(engine, sizes, container) -> None:
    engine.containers.records.clear()

    assert sizes.measure() == 1
    assert sizes.measure() == 0


def test_the_host_s_build_up_knows_the_size_of_what_stopped(engine, sizes, container) -> None:
    engine.containers.sizes[container.container_id] = 4096
    engine.containers.end(container.container_id, 0)
    Inventory(engine, "alpha").project_container(container.container_id)

    sizes.measure()

    assert Host.objects.get().stopped_bytes == 4096


def test_pages_hear_only_of_another_size(sizes, container, published) -> None:
    sizes.measure()
    published.clear()
    Container.objects.update(size_measured_at=None)

    Sizes(sizes._engine, "alpha").measure()

    assert published == []


class TestVolumes:
    @pytest.fixture
    def data(self, engine, host) -> Volume:
        engine.volumes.create(VolumeSettings(name="data"))
        engine.volumes.sizes["data"] = 2000
        Inventory(engine, "alpha").project_volumes()
        return Volume.objects.get()

    def test_a_volume_that_was_never_measured_is_due(self, engine, data) -> None:
        assert VolumeSizes(engine, "alpha").measure() == 1

        data.refresh_from_db()
        assert data.size == 2000
        assert data.size_measured_at is not None
        assert Host.objects.get().volume_bytes == 2000

    def test_one_that_was_measured_lately_is_left_alone(self, engine, data) -> None:
        VolumeSizes(engine, "alpha").measure()

        assert VolumeSizes(engine, "alpha").measure() == 0

    def test_one_that_is_gone_is_no_error(self, engine, data) -> None:
        engine.volumes.remove("data")

        VolumeSizes(engine, "alpha").measure()

        data.refresh_from_db()
        assert data.size is None
