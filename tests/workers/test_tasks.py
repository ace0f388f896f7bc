"""The bodies of the tasks, over an engine that pretends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dashboard.arguments import parse_arguments
from dashboard.jobs import JobName
from dashboard.models import Container, Image, Role, User
from dashboard.services import save_credential
from engine.containers.state import ContainerState
from engine.errors import CommandNotFound, ContainerNotFound, ImageNotFound, TagMoved
from engine.progress import NEVER, SILENT
from engine.settings import ContainerSettings
from workers.app import app
from workers.inventory import Inventory
from workers.schedule import BEAT_SCHEDULE
from workers.tasks import containers, images
from workers.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.fakes_engine import FakeEngine

WEB = "docker.io/library/web:latest"


@pytest.fixture
def work(engine: FakeEngine, make_job, published) -> Callable[..., Work[Any]]:
    def make(name: JobName, arguments: dict[str, Any], **values: Any) -> Work[Any]:
        job = make_job(name, arguments, **{"attempts": 1, **values})
        return Work(job, parse_arguments(name, arguments), engine, SILENT, NEVER)  # type: ignore[arg-type]

    return make


def again(work: Work[Any]) -> Work[Any]:
    """The same job in the hands of the worker that takes it over."""
    work.job.attempts += 1
    work.job.save()
    work.job.refresh_from_db()
    return Work(work.job, work.arguments, work.engine, SILENT, NEVER)


def test_every_job_name_has_a_task() -> None:
    app.loader.import_default_modules()

    assert {name.value for name in JobName} <= set(app.tasks)


def test_beat_asks_only_for_tasks_that_exist() -> None:
    app.loader.import_default_modules()

    assert {entry["task"] for entry in BEAT_SCHEDULE.values()} <= set(app.tasks)


class TestImages:
    def test_a_pulled_image_is_on_the_pages_at_once(self, work) -> None:
        outcome = images.pull_image(work(JobName.PULL_IMAGE, {"reference": "web"}))

        assert outcome["message"] == "Downloaded newer image for web:latest"
        assert Image.objects.get().image_id == outcome["image_id"]
        assert Image.objects.get().added_by == "otto"

    def test_pulling_what_is_here_says_so(self, work, engine) -> None:
        engine.images.add("web")

        outcome = images.pull_image(work(JobName.PULL_IMAGE, {"reference": "web"}))

        assert outcome["message"] == "Image is up to date for web:latest"

    def test_a_pull_uses_the_stored_credential_of_that_registry(self, work, engine) -> None:
        ada = User.objects.create_user("ada", "", "secret", role=Role.ADMIN)
        stored = save_credential(registry="r.test", username="me", password="pw", user=ada)
        arguments = {"reference": "r.test/web:1", "credentials_id": stored.pk}

        images.pull_image(work(JobName.PULL_IMAGE, arguments))

        credentials = engine.images.credentials[0]
        assert (credentials.username, credentials.password) == ("me", "pw")

    def test_the_starter_image_is_made_once(self, work) -> None:
        first = images.make_starter_image(work(JobName.MAKE_STARTER_IMAGE, {}))
        second = images.make_starter_image(work(JobName.MAKE_STARTER_IMAGE, {}))

        assert first == second
        assert Image.objects.count() == 1

    def test_removing_says_what_came_free(self, work, engine) -> None:
        record = engine.images.add("web", "base", "app")
        Inventory(engine, "alpha")

        outcome = images.remove_image(work(JobName.REMOVE_IMAGE, {"image_id": str(record.id)}))

        assert outcome["freed_bytes"] == 2000
        assert outcome["message"] == "Untagged web:latest. Freed 2 kB."
        assert not Image.objects.exists()

    def test_removing_one_of_two_names_only_untags(self, work, engine) -> None:
        record = engine.images.add("web")
        engine.images.store.tag("web", images.Reference.parse("web:2"))
        arguments = {"image_id": str(record.id), "reference": "web:2"}

        outcome = images.remove_image(work(JobName.REMOVE_IMAGE, arguments))

        assert outcome["removed"] == []
        assert Image.objects.get().tags.count() == 1

    def test_a_name_that_moved_to_another_image_since_is_left_alone(self, work, engine) -> None:
        seen = engine.images.add("web", "old")
        engine.images.add("web", "new")
        arguments = {"image_id": str(seen.id), "reference": "web"}

        with pytest.raises(TagMoved):
            images.remove_image(work(JobName.REMOVE_IMAGE, arguments))

        assert len(engine.images.list()) == 2

    def test_who_took_a_name_away_is_recorded(self, work, engine) -> None:
        record = engine.images.add("web")
        engine.images.store.tag("web", images.Reference.parse("web:2"))
        arguments = {"image_id": str(record.id), "reference": "web:2"}

        images.remove_image(work(JobName.REMOVE_IMAGE, arguments))

        assert engine.images.tag_moves(record.id)[0].moved_by == "otto"

    def test_removing_what_is_not_there_is_an_error(self, work) -> None:
        with pytest.raises(ImageNotFound):
            images.remove_image(work(JobName.REMOVE_IMAGE, {"image_id": "sha256:" + "0" * 64}))

    def test_a_removal_that_was_killed_after_it_removed_succeeds(self, work) -> None:
        asked = work(JobName.REMOVE_IMAGE, {"image_id": "sha256:" + "0" * 64}, attempts=2)

        assert images.remove_image(asked)["message"] == "It is gone already."


class TestLaunch:
    @pytest.fixture
    def asked(self, work, engine) -> Work[Any]:
        engine.images.add("web")
        settings = {"image": "web", "name": "calm", "env": ["A=1"], "labels": {"tier": "front"}}
        return work(JobName.LAUNCH_CONTAINER, {"settings": settings})

    def test_it_runs_and_is_on_the_pages_at_once(self, asked, engine) -> None:
        outcome = containers.launch_container(asked)

        record = engine.containers.get("calm")
        assert record.state == ContainerState.RUNNING
        assert record.owner == "otto"
        assert record.settings.env == ("A=1",)
        assert record.settings.labels == {"tier": "front", "io.shipshape.job": str(asked.job.pk)}
        assert Container.objects.get().state == "running"
        assert outcome == {"message": "calm is running.", "container_id": record.id}

    def test_a_program_that_fails_at_once_is_told_at_the_job(self, asked, engine) -> None:
        engine.containers.early_exit = 7

        outcome = containers.launch_container(asked)

        told = "calm started and ended at once with exit code 7. Its log may say why."
        assert outcome["message"] == told

    def test_a_launch_killed_before_the_start_is_finished_not_doubled(self, asked, engine) -> None:
        created = containers.create(asked)

        containers.launch_container(again(asked))

        assert [record.id for record in engine.containers.list()] == [created.id]
        assert engine.containers.get("calm").is_running

    def test_a_launch_killed_after_the_start_is_not_doubled(self, asked, engine) -> None:
        containers.launch_container(asked)

        containers.launch_container(again(asked))

        assert len(engine.containers.list()) == 1

    def test_a_launch_that_ran_ended_and_removed_itself_is_not_repeated(
        self, asked, engine
    ) -> None:
        containers.launch_container(asked)
        engine.containers.end("calm", 0)
        engine.containers.remove("calm")

        outcome = containers.launch_container(again(asked))

        assert outcome["message"] == "It ran and removed itself."
        assert engine.containers.list() == []

    def test_a_refused_start_leaves_nothing_behind(self, asked, engine) -> None:
        engine.containers.start_error = CommandNotFound("/x", reason="no such file")

        with pytest.raises(CommandNotFound):
            containers.launch_container(asked)

        assert engine.containers.list() == []
        assert not Container.objects.exists()
        assert asked.remembered == {}

    def test_after_a_refused_start_the_same_job_can_be_tried_again(self, asked, engine) -> None:
        engine.containers.start_error = CommandNotFound("/x", reason="no such file")
        with pytest.raises(CommandNotFound):
            containers.launch_container(asked)
        engine.containers.start_error = None

        containers.launch_container(asked)

        assert engine.containers.get("calm").is_running


class TestContainers:
    @pytest.fixture
    def running(self, engine) -> str:
        engine.images.add("web")
        record = engine.containers.create(ContainerSettings(image=WEB, name="calm"))
        engine.containers.start(record.id)
        return record.id

    def test_stopping_and_starting_twice_is_fine(self, work, engine, running) -> None:
        told = {"container_id": running}
        for _ in range(2):
            containers.stop_container(work(JobName.STOP_CONTAINER, told))
            assert Container.objects.get().state == "exited"
        for _ in range(2):
            containers.start_container(work(JobName.START_CONTAINER, told))
            assert Container.objects.get().state == "running"

    def test_killing_sends_the_signal_that_was_asked_for(self, work, engine, running) -> None:
        told = {"container_id": running, "signal": "SIGHUP"}

        containers.kill_container(work(JobName.KILL_CONTAINER, told))

        assert engine.containers.signals == ["SIGHUP"]

    def test_a_running_container_is_removed_only_by_force(self, work, engine, running) -> None:
        told = {"container_id": running}
        with pytest.raises(containers.EngineError):
            containers.remove_container(work(JobName.REMOVE_CONTAINER, told))

        engine.containers.sizes[running] = 12_345
        outcome = containers.remove_container(
            work(JobName.REMOVE_CONTAINER, {**told, "force": True})
        )

        assert outcome["message"] == "Removed. Freed 12.3 kB."
        assert not Container.objects.exists()

    def test_a_container_that_is_nowhere_is_an_error_and_its_row_goes(self, work, host) -> None:
        Container.objects.create(host=host, container_id="f" * 64, name="ghost")

        with pytest.raises(ContainerNotFound):
            containers.remove_container(work(JobName.REMOVE_CONTAINER, {"container_id": "f" * 64}))

        assert not Container.objects.exists()
