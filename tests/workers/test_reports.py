"""What the agent reports of its own accord: the host, its disk, what containers use."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from dashboard import events
from dashboard.models import Container, Host
from engine.containers.stats import StatsSample
from engine.settings import ContainerSettings
from workers.agent.disk import Disk
from workers.agent.heartbeat import Heartbeat, ensure_host
from workers.agent.stats import Stats
from workers.inventory import Inventory

if TYPE_CHECKING:
    from typing import Any

    from engine.ledger import DiskUsage
    from tests.support.fakes_engine import FakeEngine

pytestmark = pytest.mark.usefixtures("published")


@pytest.fixture
def container(engine: FakeEngine, host: Host) -> Container:
    engine.images.add("web", "base", "app")
    record = engine.containers.create(ContainerSettings(image="web", memory_bytes=2**26))
    engine.containers.start(record.id)
    Inventory(engine, "alpha").sync_everything()
    Container.objects.update(size=500, virtual_size=2500, size_measured_at=timezone.now())
    return Container.objects.get()


class TestHeartbeat:
    def test_a_host_joins_by_its_first_word(self, db) -> None:
        assert ensure_host("alpha") == ensure_host("alpha")
        assert Host.objects.count() == 1

    def test_it_says_that_the_host_is_there_and_how_it_is(self, engine, host, tmp_path) -> None:
        disk = Disk(engine, "alpha")
        disk.usage = {"layers": 7}

        Heartbeat("alpha", root=tmp_path, disk=disk, facts={"os": "Debian"}).beat()

        host.refresh_from_db()
        assert host.is_online
        assert host.facts == {"os": "Debian"}
        assert host.disk["layers"] == 7
        assert host.disk["free"] <= host.disk["total"]
        assert 0 < host.memory_used < host.memory_total


class TestDisk:
    def test_every_line_of_the_ledger_is_told_with_its_age(self, engine, container) -> None:
        engine.images.add("web:2", "base", "other")
        engine.containers.sizes[container.container_id] = 500
        engine.volumes.sizes["data"] = 40
        disk = Disk(engine, "alpha")

        disk.account()

        assert datetime.fromisoformat(disk.usage.pop("measured_at")) <= timezone.now()
        assert disk.usage == {
            "layers": 3000,
            "layers_shared": 1000,
            "archives": 0,
            "build_cache": 0,
            "documents": 0,
            "writable": 500,
            "virtual_sum": 2000 + 2000 + 2500,
            "volumes": 40,
            "logs": 0,
            "trash": 0,
            "unused": 0,
        }

    def test_it_is_not_made_again_while_nothing_happens(
        self, engine, container, monkeypatch
    ) -> None:
        disk = Disk(engine, "alpha")
        disk.account()
        monkeypatch.setattr(engine, "disk", pytest.fail)

        disk.account()

    def test_what_changes_by_itself_is_measured_again_after_a_while(
        self, engine, container
    ) -> None:
        moments = Moments()
        disk = Disk(engine, "alpha", clock=moments)
        disk.account()
        engine.containers.sizes[container.container_id] = 900
        moments.now += 3600

        disk.account()

        assert disk.usage["writable"] == 900

    def test_the_longer_it_takes_the_rarer_it_is_made(self, engine, host, monkeypatch) -> None:
        moments, made = Moments(), []
        disk = Disk(engine, "alpha", clock=moments)
        usage = engine.disk()

        def measure() -> DiskUsage:
            made.append(moments.now)
            moments.now += 10
            return usage

        monkeypatch.setattr(engine, "disk", measure)
        for _ in range(6):
            disk.account()
            engine.images.add(f"web:{len(made)}", "base")
            moments.now += 60

        assert len(made) == 2

    def test_a_new_agent_begins_with_what_the_last_one_said(self, engine, host) -> None:
        Host.objects.update(disk={"total": 10, "free": 5, "layers": 3, "measured_at": "then"})

        assert Disk(engine, "alpha").usage == {"layers": 3, "measured_at": "then"}


class Moments:
    """A clock that goes on when it is told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class TestStats:
    @pytest.fixture
    def told(self, monkeypatch) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = []
        monkeypatch.setattr(events, "publish_stats", lambda host, rows: told.append(rows))
        return told

    def test_pages_get_what_is_used_with_the_sizes_known(self, engine, container, told) -> None:
        key = container.container_id
        engine.containers.samples = [StatsSample(key, 1000, 2**34, 12.5, 99, 3, 10, 20)]

        Stats(engine, "alpha").sample()

        assert told == [
            {
                key: {
                    "cpu_percent": 12.5,
                    "memory": 1000,
                    "memory_limit": 2**26,
                    "pids": 3,
                    "read_bytes": 10,
                    "written_bytes": 20,
                    "size": 500,
                    "virtual_size": 2500,
                }
            }
        ]

    def test_where_nothing_runs_nothing_is_told(self, engine, host, told) -> None:
        Stats(engine, "alpha").sample()

        assert told == []
