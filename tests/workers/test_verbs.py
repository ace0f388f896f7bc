"""The bodies of the newer tasks: changed containers, networks and volumes, over a fake engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dashboard.arguments import parse_arguments
from dashboard.jobs import JobName
from dashboard.models import Container, Image, Network, Volume
from engine.containers.state import ContainerState
from engine.errors import NetworkExists, VolumeInUse, VolumeNotFound, WrongState
from engine.networks.record import PublishedPort
from engine.progress import NEVER, SILENT
from engine.settings import ContainerSettings
from workers.inventory import Inventory
from workers.tasks import changes, containers, networks, volumes
from workers.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.containers.record import ContainerRecord
    from tests.support.fakes_engine import FakeEngine

WEB = "docker.io/library/web:latest"


@pytest.fixture
def work(engine: FakeEngine, make_job, published) -> Callable[..., Work[Any]]:
    def make(name: JobName, arguments: dict[str, Any], **values: Any) -> Work[Any]:
        job = make_job(name, arguments, **{"attempts": 1, **values})
        return Work(job, parse_arguments(name, arguments), engine, SILENT, NEVER)  # type: ignore[arg-type]

    return make


@pytest.fixture
def web(engine: FakeEngine) -> ContainerRecord:
    engine.images.add("web")
    record = engine.containers.create(ContainerSettings(image=WEB, name="web"), owner="otto")
    engine.containers.start(record.id)
    return record


def row(record: ContainerRecord) -> Container:
    return Container.objects.get(container_id=record.id)


class TestContainers:
    def test_a_pause_asked_for_twice_is_one(self, work, web, engine) -> None:
        told = {"container_id": web.id}

        changes.pause_container(work(JobName.PAUSE_CONTAINER, told))
        changes.pause_container(work(JobName.PAUSE_CONTAINER, told))

        assert row(web).state == "paused"
        changes.unpause_container(work(JobName.UNPAUSE_CONTAINER, told))
        assert row(web).state == "running"

    def test_what_is_not_paused_does_not_go_on_but_a_takeover_is_content(self, work, web) -> None:
        told = {"container_id": web.id}
        with pytest.raises(WrongState):
            changes.unpause_container(work(JobName.UNPAUSE_CONTAINER, told))

        outcome = changes.unpause_container(work(JobName.UNPAUSE_CONTAINER, told, attempts=2))

        assert outcome["message"] == "web goes on."

    def test_a_new_name_is_on_the_pages_at_once(self, work, web) -> None:
        changes.rename_container(
            work(JobName.RENAME_CONTAINER, {"container_id": web.id, "name": "web-2"})
        )

        assert row(web).name == "web-2"

    def test_new_limits_are_on_the_pages_at_once(self, work, web) -> None:
        told = {"container_id": web.id, "memory_bytes": 64 * 2**20}

        changes.update_container(work(JobName.UPDATE_CONTAINER, told))

        assert row(web).memory_limit == 64 * 2**20

    def test_what_ran_before_a_reset_runs_again(self, work, web, engine) -> None:
        changes.reset_container(work(JobName.RESET_CONTAINER, {"container_id": web.id}))

        assert engine.containers.resets == [web.id]
        assert engine.containers.get(web.id).state is ContainerState.RUNNING

    def test_a_reset_that_died_with_the_container_stopped_starts_it(
        self, work, web, engine
    ) -> None:
        job = work(JobName.RESET_CONTAINER, {"container_id": web.id}, attempts=2)
        job.remember({"container_id": web.id})
        engine.containers.end(web.id, 0)

        changes.reset_container(job)

        assert engine.containers.get(web.id).is_running

    def test_files_are_reverted_by_their_paths(self, work, web, engine) -> None:
        told = {"container_id": web.id, "paths": ["/etc/motd"]}

        changes.revert_files(work(JobName.REVERT_FILES, told))

        assert engine.containers.reverted == [(web.id, ("/etc/motd",))]

    def test_a_commit_is_an_image_on_the_pages(self, work, web) -> None:
        told = {"container_id": web.id, "reference": "web:debug"}

        outcome = changes.commit_container(work(JobName.COMMIT_CONTAINER, told))

        assert outcome["message"] == "Made web:debug."
        assert Image.objects.filter(image_id=outcome["image_id"]).exists()

    def test_open_ports_and_addresses_are_on_the_pages(self, work, web, engine, host) -> None:
        engine.networks.published[web.id] = [PublishedPort(80, "tcp", "127.0.0.1", 8080)]

        containers.project(work(JobName.START_CONTAINER, {"container_id": web.id}), web.id)

        assert row(web).ports == [
            {"host_ip": "127.0.0.1", "host_port": 8080, "container_port": 80, "protocol": "tcp"}
        ]


class TestNetworks:
    def make(self, work, name="lab", **more: Any) -> Any:
        return networks.create_network(work(JobName.CREATE_NETWORK, {"name": name, **more}))

    def test_a_network_is_made_once_even_by_two_workers(self, work, engine) -> None:
        job = work(
            JobName.CREATE_NETWORK, {"name": "lab", "subnet": "10.8.0.0/24", "gateway": "10.8.0.1"}
        )

        networks.create_network(job)
        networks.create_network(job)

        found = Network.objects.get()
        assert (found.name, found.owner) == ("lab", "otto")
        assert found.subnets == [{"subnet": "10.8.0.0/24", "gateway": "10.8.0.1"}]

    def test_a_name_that_somebody_else_has_is_refused(self, work) -> None:
        self.make(work)
        with pytest.raises(NetworkExists):
            self.make(work)

    def test_who_is_connected_is_on_both_pages(self, work, web) -> None:
        network_id = self.make(work)["network_id"]
        told = {"network_id": network_id, "container_id": web.id, "aliases": ["db"]}

        networks.connect_network(work(JobName.CONNECT_NETWORK, told))

        (endpoint,) = Network.objects.get().endpoints
        assert (endpoint["container"], endpoint["aliases"]) == (web.id, ["db"])
        assert row(web).networks[0]["network"] == "lab"

        del told["aliases"]
        networks.disconnect_network(work(JobName.DISCONNECT_NETWORK, told))
        assert Network.objects.get().endpoint_count == 0
        assert row(web).networks == []

    def test_a_removal_that_was_done_is_fine_for_whoever_takes_over(self, work) -> None:
        told = {"network_id": self.make(work)["network_id"]}
        networks.remove_network(work(JobName.REMOVE_NETWORK, told))
        assert not Network.objects.exists()

        networks.remove_network(work(JobName.REMOVE_NETWORK, told, attempts=2))

    def test_a_clean_up_leaves_what_is_in_use_and_says_so(self, work, web) -> None:
        used, free = (self.make(work, name)["network_id"] for name in ("used", "free"))
        told = {"network_id": used, "container_id": web.id}
        networks.connect_network(work(JobName.CONNECT_NETWORK, told))

        outcome = networks.clean_up_networks(
            work(JobName.CLEAN_UP_NETWORKS, {"ids": [used, free, "e" * 64]})
        )

        assert outcome["removed"] == [free]
        assert [each["id"] for each in outcome["skipped"]] == [used]


class TestVolumes:
    def test_a_volume_without_a_name_comes_once(self, work) -> None:
        job = work(JobName.CREATE_VOLUME, {})

        volumes.create_volume(job)
        volumes.create_volume(job)

        volume = Volume.objects.get()
        assert volume.is_anonymous
        assert len(volume.name) == 64

    def test_removing_says_what_came_free(self, work, engine) -> None:
        volumes.create_volume(work(JobName.CREATE_VOLUME, {"name": "data"}))
        engine.volumes.sizes["data"] = 2000

        outcome = volumes.remove_volume(work(JobName.REMOVE_VOLUME, {"name": "data"}))

        assert outcome["freed_bytes"] == 2000
        assert not Volume.objects.exists()
        with pytest.raises(VolumeNotFound):
            volumes.remove_volume(work(JobName.REMOVE_VOLUME, {"name": "data"}))
        volumes.remove_volume(work(JobName.REMOVE_VOLUME, {"name": "data"}, attempts=2))

    def test_one_that_is_in_use_stays(self, work, engine, web) -> None:
        volumes.create_volume(work(JobName.CREATE_VOLUME, {"name": "data"}))
        volumes.create_volume(work(JobName.CREATE_VOLUME, {"name": "spare"}))
        engine.volumes.held["data"] = (web.id,)
        with pytest.raises(VolumeInUse):
            volumes.remove_volume(work(JobName.REMOVE_VOLUME, {"name": "data"}))

        assert Volume.objects.count() == 2

    def test_a_full_sync_forgets_what_is_gone(self, work, engine, host) -> None:
        Volume.objects.create(host=host, name="ghost")

        Inventory(engine, "alpha").sync_everything()

        assert not Volume.objects.exists()
