"""Clean-ups by rules, on the real kernel: what a plan promises is what comes free."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from engine.build.request import BuildRequest
from engine.cleanup.copies import Whereabouts
from engine.cleanup.filters import Filters
from engine.cleanup.policy import Policy
from engine.cleanup.rules import Rule, RuleKind
from engine.containers.record import IfRunning
from engine.engine import Engine
from engine.errors import OutOfSpace, PlanExpired, PlanNotFound
from engine.images.starter import STARTER
from engine.networks.settings import NetworkSettings
from engine.oci.digest import Digest
from engine.settings import ContainerSettings
from engine.system.paths import EnginePaths
from engine.volumes.settings import VolumeSettings
from tests.support.registry import FakeRegistry, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.root

IMAGE = STARTER.familiar
STOPPED = Rule(RuleKind.STOPPED_CONTAINERS)
EVERYTHING = [Rule(each) for each in RuleKind]
WRITE = "dd if=/dev/zero of=/data bs=1024 count=512 2>/dev/null"


@pytest.fixture
def engine(short_path: Path) -> Iterator[Engine]:
    with Engine.open(EnginePaths(short_path / "root", short_path / "run")) as opened:
        opened.images.make_starter(owner="ana")
        yield opened
        for container in opened.containers.list():
            opened.containers.remove(container.id, if_running=IfRunning.KILL)


def run(engine: Engine, script: str, **more: object) -> str:
    settings = ContainerSettings(
        image=IMAGE,
        command=("sh", "-c", script),
        network="none",
        **more,  # type: ignore[arg-type]
    )
    container = engine.containers.create(settings)
    engine.containers.start(container.id)
    if "sleep" not in script:
        engine.containers.wait(container.id, timeout=30)
    return container.id


def test_a_plan_over_everything_frees_exactly_what_it_says(engine: Engine) -> None:
    container = run(engine, WRITE)
    engine.volumes.create(VolumeSettings("db"))
    network = engine.networks.create(NetworkSettings("team"))
    with engine._ground.content.ingest(Digest.of(b"lost"), 1 << 20) as ingest:
        ingest.write(bytes(100_000))
    before = engine.disk().total

    plan = engine.cleanup.preview(EVERYTHING, owner="ana")
    report = engine.cleanup.run(plan.id)

    assert engine.cleanup.plan(plan.id) == plan
    assert set(report.removed) == {each.id for each in plan.items}
    assert {container, "volume:db", network.id} <= set(report.removed)
    assert report.skipped == ()
    assert report.freed_bytes == plan.freed_bytes == before - engine.disk().total
    # What was written a moment ago may still be gone on from.
    assert [each.reason for each in plan.kept if each.kind == "ingest"] == [
        "was created a moment ago"
    ]


def test_what_changed_since_the_preview_stays_and_says_why(engine: Engine) -> None:
    started, gone, quiet = (run(engine, "true; sleep 0") for _ in range(3))
    for each in (started, gone, quiet):
        engine.containers.wait(each, timeout=30)
    later = run(engine, "true")
    engine.containers.rename(later, "later")
    plan = engine.cleanup.preview([STOPPED])
    engine.containers.start(started)
    engine.containers.wait(started, timeout=30)
    engine.containers.remove(gone)
    unplanned = run(engine, "true")
    engine.cleanup.pin(later, owner="bob")

    report = engine.cleanup.run(plan.id)

    assert report.removed == (quiet,)
    assert {each.id: each.reason for each in report.skipped} == {
        started: "was used or made anew since",
        gone: "is gone already",
        later: "is pinned",
    }
    assert engine.containers.find(unplanned) is not None


def test_one_that_runs_since_was_started_since(engine: Engine) -> None:
    made = engine.containers.create(
        ContainerSettings(image=IMAGE, command=("sleep", "1000"), network="none")
    )
    engine.containers.start(made.id)
    engine.containers.kill(made.id)
    plan = engine.cleanup.preview([STOPPED])
    engine.containers.start(made.id)

    report = engine.cleanup.run(plan.id)

    assert [each.reason for each in report.skipped] == ["was started since"]


def test_an_image_that_came_into_use_stays(engine: Engine) -> None:
    plan = engine.cleanup.preview([Rule(RuleKind.UNUSED_IMAGES)])
    container = run(engine, "true")
    name = engine.containers.get(container).name

    report = engine.cleanup.run(plan.id)

    assert [each.reason for each in report.skipped] == [f"is used by {name} since"]
    assert engine.images.find(IMAGE) is not None


def test_running_a_plan_again_harms_nothing_that_came_anew(engine: Engine) -> None:
    plan = engine.cleanup.preview([Rule(RuleKind.UNUSED_IMAGES)])
    first = engine.cleanup.run(plan.id)
    again = engine.cleanup.run(plan.id)
    engine.images.make_starter(owner="bob")
    third = engine.cleanup.run(plan.id)

    assert first.freed_bytes == plan.freed_bytes > 0
    assert [each.reason for each in again.skipped] == ["is gone already"]
    assert [each.reason for each in third.skipped] == ["was used or made anew since"]
    assert again.freed_bytes == third.freed_bytes == 0
    assert engine.images.find(IMAGE) is not None


def test_an_image_goes_with_its_container_in_one_plan(engine: Engine) -> None:
    run(engine, WRITE)
    plan = engine.cleanup.preview([STOPPED, Rule(RuleKind.UNUSED_IMAGES)])

    report = engine.cleanup.run(plan.id)

    assert len(report.removed) == 2
    assert report.freed_bytes == plan.freed_bytes
    assert engine.disk().total == 0


def test_a_plan_expires_and_then_touches_nothing(engine: Engine) -> None:
    container = run(engine, "true")
    plan = engine.cleanup.preview([STOPPED], expires_after=timedelta())

    with pytest.raises(PlanExpired):
        engine.cleanup.run(plan.id)
    with pytest.raises(PlanNotFound):
        engine.cleanup.run("f" * 32)

    assert engine.containers.find(container) is not None


def test_old_logs_go_and_their_containers_stay(engine: Engine) -> None:
    container = run(engine, "seq 20000")
    plan = engine.cleanup.preview([Rule(RuleKind.OLD_LOGS)])

    report = engine.cleanup.run(plan.id)

    assert report.freed_bytes == plan.freed_bytes >= 100_000
    assert list(engine.containers.logs(container)) == []
    engine.containers.start(container)
    engine.containers.wait(container, timeout=30)
    assert len(list(engine.containers.logs(container))) == 20_000


def test_cache_goes_with_the_layers_that_only_it_keeps(engine: Engine) -> None:
    lines = f"FROM {IMAGE}\nRUN echo one > /one\nRUN echo two > /two\n"
    with engine.builds.context_of_dockerfile(lines.encode()) as context:
        engine.builds.build(BuildRequest(), context)
    images = engine.cleanup.preview([Rule(RuleKind.UNUSED_IMAGES)])
    first = engine.cleanup.run(images.id)
    cache = engine.cleanup.preview([Rule(RuleKind.BUILD_CACHE)])
    held = engine.disk().build_cache
    second = engine.cleanup.run(cache.id)

    assert len(images.items) == 2
    assert first.freed_bytes == images.freed_bytes
    # The starter's layer lies below what the cache keeps, and comes free with that.
    assert second.freed_bytes == cache.freed_bytes == held
    assert held > 1 << 20
    assert engine.disk().total == 0


def test_a_policy_is_planned_within_its_limits_and_rehearsed(engine: Engine) -> None:
    first, second = run(engine, "true"), run(engine, "true")
    policy = Policy("nightly", (STOPPED, Rule(RuleKind.UNUSED_IMAGES)), most_items=1)

    plan = engine.cleanup.preview_policy(policy, owner="ana")
    rehearsal = engine.cleanup.rehearse(policy, every=timedelta(hours=24))
    report = engine.cleanup.run(plan.id)

    assert report.removed == (first,)
    spared = [each.id for each in plan.kept if each.reason == "is left for another run"]
    assert second in spared
    assert [each.id for each in rehearsal.departures] == [first]
    assert rehearsal.missed == ()


def test_a_labelled_container_is_kept_by_any_rule(engine: Engine) -> None:
    container = run(engine, "true", labels={"shipshape.keep": "for the audit"})

    plan = engine.cleanup.preview([Rule(RuleKind.STOPPED_CONTAINERS, Filters(owners=("",)))])

    assert plan.items == ()
    assert [(each.id, each.reason) for each in plan.kept] == [
        (container, "is labelled shipshape.keep")
    ]


def test_an_image_that_its_registry_has_is_no_only_copy(engine: Engine) -> None:
    image = engine.images.get(IMAGE)
    assert engine.cleanup.find_copy(str(image.id)).whereabouts is Whereabouts.ONLY_HERE
    with serving(FakeRegistry()) as registry:
        name = registry.reference("team/web")
        engine.images.tag(str(image.id), name)
        engine.images.push(name)

        found = engine.cleanup.find_copy(str(image.id))
        registry.manifests.clear()
        lost = engine.cleanup.find_copy(str(image.id))
    silent = engine.cleanup.find_copy(str(image.id))

    assert found.whereabouts is Whereabouts.AT_REGISTRY
    assert found.pull_bytes > 0
    assert lost.whereabouts is Whereabouts.ONLY_HERE
    assert silent.whereabouts is Whereabouts.UNKNOWN


def test_a_look_that_failed_on_its_way_leaves_nothing_out(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.cleanup.look()
    container = run(engine, WRITE)
    measurer = engine.cleanup._tools.lookout._measurer
    with monkeypatch.context() as patch:
        patch.setattr(measurer, "known", lambda *_: (_ for _ in ()).throw(OutOfSpace("records")))
        with pytest.raises(OutOfSpace):
            engine.cleanup.look()

    look = engine.cleanup.look()

    assert container in {each.id for each in look.subjects}
    assert look.reclaim.freed([container]) >= 512 << 10
