"""Leases over a real engine: set, kept through what happens to a container, and ended."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from dashboard.arguments import parse_arguments
from dashboard.jobs import JobName
from dashboard.models import Container
from engine.errors import ContainerRunning
from engine.progress import NEVER, SILENT
from engine.settings import ContainerSettings
from engine.settings.lease import EXPIRES, expiry_of
from tests.support.builders import file, layer_tar
from workers.tasks import leases
from workers.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.containers.record import ContainerRecord
    from engine.engine import Engine

pytestmark = [pytest.mark.root, pytest.mark.django_db]

END = datetime(2026, 12, 4, 18, tzinfo=UTC)


@pytest.fixture
def web(real: Engine) -> ContainerRecord:
    tar = layer_tar(file("etc/motd", b"welcome"))
    image = real.images.import_tar(io.BytesIO(tar), reference="web:1", owner="ana")
    settings = ContainerSettings(
        name="web", image=str(image.id), command=("true",), network="none", labels={"team": "a"}
    )
    return real.containers.create(settings, owner="otto")


@pytest.fixture
def work(real: Engine, make_job, published) -> Callable[..., Work[Any]]:
    def make(name: JobName, until: datetime | None, web: ContainerRecord, **values: Any) -> Any:
        told = {"container_id": web.id, "until": until.isoformat() if until else ""}
        job = make_job(name, told, **{"attempts": 1, **values})
        return Work(job, parse_arguments(name, told), real, SILENT, NEVER)

    return make


def lease(work, web, until: datetime | None):
    return leases.lease_container(work(JobName.LEASE_CONTAINER, until, web))


def test_a_lease_is_a_label_and_stands_in_the_row(real, work, web) -> None:
    outcome = lease(work, web, END)

    assert outcome["message"] == "web is leased until 2026-12-04 18:00 UTC."
    assert Container.objects.get().expires_at == END
    labels = real.containers.get(web.id).settings.labels
    assert labels == {"team": "a", EXPIRES: "2026-12-04T18:00:00+00:00"}
    assert real.containers.get(web.id).labels == labels

    assert lease(work, web, None)["message"] == "web has no expiry."
    assert Container.objects.get().expires_at is None


def test_owner_and_lease_are_kept_through_what_happens_to_a_container(real, work, web) -> None:
    lease(work, web, END)
    real.containers.rename(web.id, "other")
    real.containers.reset(web.id)
    real.cleanup.trash.restore(real.cleanup.trash.put(web.id, owner="ana"), owner="ana")

    kept = real.containers.get("other")

    assert (kept.id, kept.owner, expiry_of(kept.settings.labels)) == (web.id, "otto", END)


def test_an_image_keeps_its_owner_whoever_tags_moves_or_restores_it(real, web) -> None:
    made = real.containers.commit(web.id, owner="bob")
    image = real.images.get("web:1")

    real.images.tag(str(image.id), "web:2", owner="bob")
    real.images.tag(str(made.id), "web:1", owner="carl")
    real.containers.remove(web.id)
    real.cleanup.trash.restore(real.cleanup.trash.put(str(image.id), owner="bob"), owner="carl")

    assert real.images.get(str(image.id)).added_by == "ana"
    assert real.images.get(str(made.id)).added_by == "bob"


def test_a_committed_image_takes_no_lease_along(real, work, web) -> None:
    lease(work, web, END)

    assert EXPIRES not in real.containers.commit(web.id, owner="otto").labels


def test_at_its_end_it_is_in_the_trash_and_can_come_back(real, work, web) -> None:
    lease(work, web, END)
    job = work(JobName.END_LEASE, END, web)

    outcome = leases.end_lease(job)

    assert outcome["trashed"] == [f"trash:{web.id}"]
    assert "can be restored" in outcome["message"]
    assert not Container.objects.exists()
    assert leases.end_lease(job)["trashed"] == [f"trash:{web.id}"]
    real.cleanup.trash.restore(f"trash:{web.id}")
    assert real.containers.get(web.id).owner == "otto"


def test_one_that_is_started_before_it_moves_is_stopped_once_more(
    real, work, web, monkeypatch
) -> None:
    lease(work, web, END)
    put, refused = real.cleanup.trash.put, []

    def late(subject: str, *, owner: str) -> str:
        if len(refused) < 2:
            refused.append(subject)
            raise ContainerRunning("web", state="running")
        return put(subject, owner=owner)

    monkeypatch.setattr(real.cleanup.trash, "put", late)

    assert leases.end_lease(work(JobName.END_LEASE, END, web))["trashed"] == [f"trash:{web.id}"]
    assert len(refused) == 2


@pytest.mark.parametrize("until", [END + timedelta(days=1), None])
def test_what_was_extended_meanwhile_stays(real, work, web, until) -> None:
    lease(work, web, until)

    outcome = leases.end_lease(work(JobName.END_LEASE, END, web))

    assert "it stays" in outcome["message"]
    assert real.containers.get(web.id).name == "web"


def test_what_went_by_itself_is_no_failure(real, work, web) -> None:
    real.containers.remove(web.id)

    outcome = leases.end_lease(work(JobName.END_LEASE, END, web))

    assert outcome["message"] == "It is gone already."


def test_who_tends_tells_and_asks(real, work, web, host, monkeypatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(leases, "tell_of_leases", lambda now: asked.append("tell"))
    monkeypatch.setattr(leases, "end_leases", lambda now: asked.append("end"))

    leases.tend_leases()

    assert asked == ["tell", "end"]
