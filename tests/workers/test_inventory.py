"""The models follow the engine, and pages hear of what is different."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dashboard.models import Container, Host, Image, ImageLayer, Layer, Tag
from engine.oci.reference import Reference
from engine.settings import ContainerSettings
from workers.inventory import Inventory
from workers.inventory.container_rows import tag_of

if TYPE_CHECKING:
    from engine.containers.record import ContainerRecord
    from tests.support.fakes_engine import FakeEngine

pytestmark = pytest.mark.usefixtures("host", "published")


@pytest.fixture
def inventory(engine: FakeEngine) -> Inventory:
    return Inventory(engine, "alpha")  # type: ignore[arg-type]


def launch(engine: FakeEngine, image: str = "web", **settings: object) -> ContainerRecord:
    made = ContainerSettings(image=str(Reference.parse(image)), **settings)  # type: ignore[arg-type]
    record = engine.containers.create(made, owner="otto")
    engine.containers.start(record.id)
    return engine.containers.get(record.id)


class TestImages:
    def test_an_image_appears_with_its_tags_layers_and_history(self, engine, inventory) -> None:
        record = engine.images.add("ana/web:1", "base", "app")

        inventory.project_images()

        row = Image.objects.get()
        assert row.image_id == str(record.id)
        assert row.added_by == "ana"
        assert [tag.reference for tag in row.tags.all()] == ["docker.io/ana/web:1"]
        assert [layer.chain_id for layer in row.layers.order_by("image_layers__position")] == [
            str(layer.chain_id) for layer in record.layers
        ]
        assert [entry["created_by"] for entry in row.history] == ["COPY app", "COPY base"]
        assert row.config["config"]["Cmd"] == ["/bin/true"]

    def test_tags_read_as_docker_shows_them_and_know_since_when(self, engine, inventory) -> None:
        engine.images.add("web:1")
        inventory.project_images()

        tag = Tag.objects.get()
        assert (tag.repository, tag.tag) == ("web", "1")
        assert tag.since is not None

    def test_what_images_share_is_told_apart_from_what_is_theirs_alone(
        self, engine, inventory
    ) -> None:
        first = engine.images.add("web:1", "base", "app")
        inventory.project_images()
        assert Image.objects.get().shared_size == 0

        engine.images.add("web:2", "base", "other")
        inventory.project_images()

        row = Image.objects.get(image_id=str(first.id))
        assert (row.size, row.shared_size, row.unique_size) == (2000, 1000, 1000)
        assert Layer.objects.count() == 3

    def test_layers_that_only_the_build_cache_holds_are_layers_too(self, engine, inventory) -> None:
        record = engine.images.add("web:1", "base", "app")
        top = str(record.layers[-1].chain_id)
        engine.builds.held = {"sha256:" + "c" * 64: 70, top: 1000}

        inventory.project_images()
        inventory.project_images()

        cached = Layer.objects.get(diff_id="")
        assert (cached.chain_id, cached.size, cached.is_cached) == ("sha256:" + "c" * 64, 70, True)
        assert Layer.objects.get(chain_id=top).is_cached
        assert Host.objects.get().layer_bytes == 2000

    def test_only_what_is_different_is_published(self, engine, inventory, published) -> None:
        record = engine.images.add("web:1")
        inventory.project_images()
        assert published == [("image", str(record.id))]

        inventory.project_images()

        assert len(published) == 1

    def test_a_new_tag_alone_is_news_too(self, engine, inventory, published) -> None:
        record = engine.images.add("web:1")
        inventory.project_images()
        engine.images.store.tag("web:1", Reference.parse("web:2"), owner="ana")
        published.clear()

        inventory.project_images()

        assert published == [("image", str(record.id))]

    def test_an_image_that_lost_its_tag_tells_its_story(self, engine, inventory) -> None:
        old = engine.images.add("web:latest", "base", "old")
        inventory.project_images()
        engine.images.add("web:latest", "base", "new", owner="bob")

        inventory.project_images()

        row = Image.objects.get(image_id=str(old.id))
        assert row.is_dangling
        assert row.story.startswith("was web:latest until ")
        assert row.story.endswith("UTC, replaced by a newer pull, bob")

    def test_an_image_that_never_had_a_tag_says_so(self, engine, inventory) -> None:
        engine.images.add(None)
        inventory.project_images()

        assert Image.objects.get().story == "never had a tag here"

    def test_what_is_gone_goes_with_its_layers_and_tags(self, engine, inventory, published) -> None:
        record = engine.images.add("web:1")
        inventory.project_images()
        engine.images.remove("web:1")

        inventory.project_images()

        assert ("removed image", str(record.id)) in published
        assert [model.objects.count() for model in (Image, Layer, ImageLayer, Tag)] == [0, 0, 0, 0]

    def test_the_number_of_queries_does_not_grow_with_the_images(
        self, engine, inventory, django_assert_max_num_queries
    ) -> None:
        for number in range(40):
            engine.images.add(f"web:{number}", "base", f"app{number}")

        with django_assert_max_num_queries(35):
            inventory.project_images()

    def test_many_changes_at_once_are_not_told_row_by_row(
        self, engine, inventory, published
    ) -> None:
        for number in range(101):
            engine.images.add(f"web:{number}", f"app{number}")

        inventory.project_images()

        assert published == []


class TestContainers:
    def test_a_container_appears_with_what_the_engine_knows(self, engine, inventory) -> None:
        engine.images.add("web")
        inventory.project_images()
        record = launch(engine, name="calm", command=("sh", "-c", "echo hi"), memory_bytes=2**26)

        inventory.project_container(record.id)

        row = Container.objects.get()
        assert (row.name, row.state, row.owner, row.pid) == ("calm", "running", "otto", 4711)
        assert row.command == "sh -c 'echo hi'"
        assert row.memory_limit == 2**26
        assert row.image == Image.objects.get()

    def test_it_counts_as_a_user_of_its_image(self, engine, inventory) -> None:
        engine.images.add("web")
        inventory.project_images()
        record = launch(engine)
        inventory.project_container(record.id)
        assert Image.objects.get().container_count == 1

        engine.containers.end(record.id, 0)
        engine.containers.remove(record.id)
        inventory.project_container(record.id)

        assert Image.objects.get().container_count == 0
        assert not Container.objects.exists()

    def test_the_host_s_counts_follow(self, engine, inventory) -> None:
        engine.images.add("web")
        inventory.project_images()
        record = launch(engine)
        inventory.project_container(record.id)
        engine.containers.end(record.id, 3)

        inventory.project_container(record.id)

        host = Host.objects.get()
        assert (host.running_count, host.stopped_count) == (0, 1)

    def test_its_size_survives_a_change_of_state(self, engine, inventory) -> None:
        engine.images.add("web")
        record = launch(engine)
        inventory.project_container(record.id)
        Container.objects.update(size=77)
        engine.containers.end(record.id, 0)

        inventory.project_container(record.id)

        assert Container.objects.get().size == 77

    def test_a_tag_that_moved_on_is_told(self, engine, inventory, published) -> None:
        engine.images.add("web", "old")
        inventory.project_images()
        record = launch(engine)
        inventory.project_container(record.id)
        assert not Container.objects.get().tag_moved_on
        engine.images.add("web", "new")
        published.clear()

        inventory.project_images()

        assert Container.objects.get().tag_moved_on
        assert ("container", record.id) in published

    def test_a_container_projected_twice_is_news_once(self, engine, inventory, published) -> None:
        engine.images.add("web")
        record = launch(engine)
        inventory.project_container(record.id)
        inventory.project_container(record.id)

        assert published.count(("container", record.id)) == 1

    @pytest.mark.parametrize(
        ("image", "tag"),
        [
            pytest.param("web", "docker.io/library/web:latest", id="name"),
            pytest.param("a" * 64, None, id="id"),
            pytest.param("sha256:" + "a" * 64, None, id="whole-id"),
            pytest.param("web@sha256:" + "a" * 64, None, id="digest"),
        ],
    )
    def test_only_names_with_tags_move_on(self, image, tag) -> None:
        assert tag_of(image) == tag


class TestEverything:
    def test_a_full_sync_makes_everything_true(self, engine, inventory) -> None:
        engine.images.add("web", "base", "app")
        record = launch(engine)
        host = Host.objects.get()
        Container.objects.create(host=host, container_id="f" * 64, name="ghost")
        Image.objects.create(host=host, image_id="sha256:" + "f" * 64)

        inventory.sync_everything()

        assert [row.container_id for row in Container.objects.all()] == [record.id]
        assert Image.objects.get().container_count == 1
        assert Host.objects.get().layer_bytes == 2000

    def test_another_host_s_rows_are_left_alone(self, engine, inventory) -> None:
        beta = Host.objects.create(name="beta")
        Container.objects.create(host=beta, container_id="f" * 64, name="theirs")
        Image.objects.create(host=beta, image_id="sha256:" + "f" * 64)

        inventory.sync_everything()

        assert Container.objects.filter(host=beta).exists()
        assert Image.objects.filter(host=beta).exists()

    def test_a_second_sync_writes_nothing(self, engine, inventory, published) -> None:
        engine.images.add("web")
        launch(engine)
        inventory.sync_everything()
        published.clear()

        inventory.sync_everything()

        assert published == []
