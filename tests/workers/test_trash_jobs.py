"""Plans and the trash over a real engine: what jobs do, and what pages are told."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from dashboard.agents import Question
from dashboard.arguments import parse_arguments
from dashboard.jobs import JobName
from dashboard.models import AuditEntry, Container, Image, Role, User, Volume
from engine.cleanup.plan import CleanupReport, SealedItem, SealedPlan
from engine.cleanup.subject import Facts, SubjectKind
from engine.cleanup.trash import TrashItem
from engine.containers.departed import DepartedLimits
from engine.engine import Engine
from engine.errors import (
    ContainerRunning,
    EngineError,
    InvalidInput,
    PlanNotFound,
    RestoreConflict,
    VolumeInUse,
)
from engine.progress import NEVER, SILENT
from engine.settings import ContainerSettings
from engine.settings.mounts import MountKind, MountPoint
from engine.system.paths import EnginePaths
from engine.volumes.settings import VolumeSettings
from tests.support.builders import file, layer_tar
from workers.agent.cleanup_answers import CleanupAnswers
from workers.agent.trash import TrashKeeper
from workers.inventory import Inventory
from workers.tasks import trash
from workers.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from engine.containers.record import ContainerRecord
    from engine.images.record import ImageRecord

pytestmark = [pytest.mark.root, pytest.mark.django_db]

BASE = file("etc/motd", b"welcome" * 1000)
LONG_AGO = timedelta(seconds=61)


@pytest.fixture
def real(short_path: Path) -> Iterator[Engine]:
    with Engine.open(EnginePaths(short_path / "root", short_path / "run")) as engine:
        yield engine
        for container in engine.containers.list():
            engine.containers.remove(container.id)


def add_image(engine: Engine, tag: str | None, content: bytes = b"x") -> ImageRecord:
    tar = layer_tar(BASE, file("etc/own", content * 1000))
    return engine.images.import_tar(io.BytesIO(tar), reference=tag, owner="ana")


def add_container(
    engine: Engine, image: ImageRecord, name: str, *, owner: str = "ana"
) -> ContainerRecord:
    settings = ContainerSettings(name=name, image=str(image.id), command=("true",), network="none")
    return engine.containers.create(settings, owner=owner)


@pytest.fixture(autouse=True)
def _made_long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers that were made a moment ago are left alone, which would only cost time here."""
    monkeypatch.setattr("engine.cleanup.gather.FRESH", -LONG_AGO)


@pytest.fixture(autouse=True)
def maintainer(otto: User) -> User:
    """What lies here is ana's, so otto maintains."""
    otto.role = Role.MAINTAINER
    otto.save()
    return otto


@pytest.fixture
def operator(maintainer: User) -> User:
    maintainer.role = Role.OPERATOR
    maintainer.save()
    return maintainer


@pytest.fixture
def work(real: Engine, make_job, published) -> Callable[..., Work[Any]]:
    def make(name: JobName, arguments: dict[str, Any], **values: Any) -> Work[Any]:
        job = make_job(name, arguments, **{"attempts": 1, **values})
        return Work(job, parse_arguments(name, arguments), real, SILENT, NEVER)

    return make


@pytest.fixture
def ask(real: Engine) -> Callable[..., Any]:
    answers = CleanupAnswers(real).answers()
    return lambda question, **told: answers[question.value](told)


def project(engine: Engine) -> None:
    Inventory(engine, "alpha").sync_everything()


def test_what_was_weighed_is_what_the_plan_says_and_what_comes_free(ask, real, work) -> None:
    image, other = add_image(real, "web:1"), add_image(real, None, b"y")
    container = add_container(real, image, "web")
    chosen = [str(image.id), str(other.id), container.id]

    alone = ask(Question.CLEANUP_WEIGH, ids=[str(image.id)])
    weighed = ask(Question.CLEANUP_WEIGH, ids=chosen)
    plan = ask(Question.CLEANUP_PLAN, ids=[*chosen, "gone"], owner="otto")
    told = {"plan_id": plan["plan_id"]}
    before = real.disk().total
    outcome = trash.run_clean_up(work(JobName.RUN_CLEAN_UP, told))

    assert (alone["count"], alone["kept"][0]["reason"]) == (0, "is used by web")
    assert (weighed["count"], plan["count"], plan["missing"]) == (3, 3, 1)
    assert weighed["bytes"] == plan["bytes"] == outcome["freed_bytes"]
    assert before - real.disk().total >= outcome["freed_bytes"]
    assert {each["became"] for each in outcome["results"]} == {"gone"}
    assert outcome["trashed"] == []


def test_a_plan_into_the_trash_is_undone(ask, real, work) -> None:
    image = add_image(real, "web:1")
    container = add_container(real, image, "web")
    project(real)
    plan = ask(Question.CLEANUP_PLAN, ids=[str(image.id), container.id], owner="otto")

    told = {"plan_id": plan["plan_id"], "into_trash": True, "about": "1 image and 1 container"}
    outcome = trash.run_clean_up(work(JobName.RUN_CLEAN_UP, told))

    assert outcome["message"] == "Moved 1 container and 1 image to the trash. Freed 0 B."
    assert not Container.objects.exists()
    assert not Image.objects.exists()
    listed = ask(Question.TRASH_LIST)
    assert {each["id"] for each in listed["items"]} == set(outcome["trashed"])
    assert listed["bytes"] == plan["bytes"]

    undo = work(JobName.RESTORE_FROM_TRASH, {"ids": outcome["trashed"]})
    assert trash.restore(undo)["message"] == "Restored 2 things."
    assert Container.objects.get().name == "web"
    assert Image.objects.get().tags.get().tag == "1"


def test_running_a_plan_again_after_a_crash_reports_what_is_there(ask, real, work) -> None:
    image = add_image(real, "web:1")
    plan = ask(Question.CLEANUP_PLAN, ids=[str(image.id)])
    told = {"plan_id": plan["plan_id"], "into_trash": True}

    first = trash.run_clean_up(work(JobName.RUN_CLEAN_UP, told))
    again = trash.run_clean_up(work(JobName.RUN_CLEAN_UP, told, attempts=2))

    assert again["trashed"] == first["trashed"]


def test_what_was_used_since_stays_with_the_reason(ask, real, work) -> None:
    image, other = add_image(real, "web:1"), add_image(real, "web:2", b"y")
    plan = ask(Question.CLEANUP_PLAN, ids=[str(image.id), str(other.id)], owner="otto")
    add_container(real, image, "late")

    told = {"plan_id": plan["plan_id"], "into_trash": True}
    outcome = trash.run_clean_up(work(JobName.RUN_CLEAN_UP, told))

    became = {each["name"]: (each["became"], each["reason"]) for each in outcome["results"]}
    assert became["web:2"] == ("trash", "")
    assert became["web:1"][0] == "stayed"
    assert "late" in became["web:1"][1]
    assert "Left 1 alone" in outcome["message"]


def test_an_unknown_plan_is_refused(work) -> None:
    with pytest.raises(PlanNotFound):
        trash.run_clean_up(work(JobName.RUN_CLEAN_UP, {"plan_id": "e" * 32}))


def test_one_container_moves_to_the_trash_and_once_only(real, work) -> None:
    container = add_container(real, add_image(real, "web:1"), "web")
    told = {"ids": [container.id]}

    first = trash.trash_containers(work(JobName.TRASH_CONTAINERS, told))
    again = trash.trash_containers(work(JobName.TRASH_CONTAINERS, told, attempts=2))

    assert first["message"] == "Moved 1 container to the trash."
    assert again["trashed"] == first["trashed"] == [f"trash:{container.id}"]


def test_an_image_in_use_does_not_move(real, work) -> None:
    image = add_image(real, "web:1")
    add_container(real, image, "web")

    with pytest.raises(EngineError, match="web"):
        trash.trash_images(work(JobName.TRASH_IMAGES, {"ids": [str(image.id)]}))


def test_a_running_container_moves_only_where_it_is_to_be_stopped(real, work, monkeypatch) -> None:
    container = add_container(real, add_image(real, "web:1"), "web")
    stopped: list[str] = []

    def refuse(*_: object, **__: object) -> str:
        raise ContainerRunning("web", state=container.state)

    monkeypatch.setattr(real.cleanup.trash, "put", refuse)
    monkeypatch.setattr(real.containers, "stop", stopped.append)
    with pytest.raises(ContainerRunning):
        trash.trash_containers(work(JobName.TRASH_CONTAINERS, {"ids": [container.id]}))

    assert stopped == []


def test_a_name_that_is_taken_is_told_with_another_one(real, work) -> None:
    image, other = add_image(real, "web:1"), add_image(real, "web:2", b"y")
    moved = trash.trash_images(work(JobName.TRASH_IMAGES, {"ids": [str(image.id)]}))
    real.images.tag(str(other.id), "web:1")
    undo = work(JobName.RESTORE_FROM_TRASH, {"ids": moved["trashed"]})

    with pytest.raises(RestoreConflict):
        trash.restore(undo)

    (refused,) = undo.remembered["refused"]
    assert refused["offered"] == ["web:1-restored"]
    told = {"ids": moved["trashed"], "names": refused["offered"]}
    outcome = trash.restore(work(JobName.RESTORE_FROM_TRASH, told))
    assert outcome["restored"] == moved["trashed"]
    assert real.images.get("web:1-restored").id == image.id


def test_emptying_takes_what_was_named_and_nothing_else(ask, real, work) -> None:
    image, other = add_image(real, "web:1"), add_image(real, "web:2", b"y")
    ids = [str(image.id), str(other.id)]
    moved = trash.trash_images(work(JobName.TRASH_IMAGES, {"ids": ids}))["trashed"]

    outcome = trash.empty_trash(work(JobName.EMPTY_TRASH, {"ids": moved[:1]}))

    assert outcome["removed"] == moved[:1]
    assert outcome["freed_bytes"] > 0
    assert [each["id"] for each in ask(Question.TRASH_LIST)["items"]] == moved[1:]


def test_what_is_kept_is_shown_so_and_no_plan_takes_it(ask, real, work) -> None:
    container = add_container(real, add_image(real, "web:1"), "web")
    project(real)

    trash.keep_things(work(JobName.KEEP_THINGS, {"ids": [container.id]}))

    assert Container.objects.get().is_kept
    kept = ask(Question.CLEANUP_PLAN, ids=[container.id], owner="otto")
    assert (kept["count"], kept["kept"][0]["reason"]) == (0, "is pinned")

    trash.keep_things(work(JobName.KEEP_THINGS, {"ids": [container.id], "let_go": True}))

    assert not Container.objects.get().is_kept


def test_what_is_found_says_why_it_goes_and_why_it_stays(ask, real) -> None:
    image, dangling = add_image(real, "web:1"), add_image(real, None, b"y")
    container = add_container(real, image, "web")

    found = ask(Question.CLEANUP_FIND, safe=["untagged-images", "stopped-containers"])
    older = ask(Question.CLEANUP_FIND, filters={"older_than": 3600})

    sections = found["sections"]
    assert [each["id"] for each in sections["untagged-images"]["rows"]] == [str(dangling.id)]
    (stays,) = sections["unused-images"]["kept"]
    assert (stays["stays"], stays["behind"]) == ("is used by web", [container.id])
    (row,) = sections["stopped-containers"]["rows"]
    assert (row["name"], row["owner"], row["reason"]) == ("web", "ana", "was never started")
    assert sorted(found["safe"]["kinds"]) == ["container", "image"]
    assert older["sections"]["untagged-images"]["rows"] == []
    assert older["sections"]["untagged-images"]["kept"][0]["stays"] == "is younger than 1 hour"


def test_of_many_the_largest_are_told_and_all_are_counted(ask, real) -> None:
    for number in range(3):
        add_image(real, None, b"x" * 10_000 * (number + 1))

    found = ask(Question.CLEANUP_FIND, only="untagged-images", rows=2)

    (section,) = found["sections"].values()
    assert section["count"] == 3
    assert len(section["rows"]) == 2
    assert section["bytes"] >= sum(each["bytes"] for each in section["rows"])
    bytes_ = [each["bytes"] for each in section["rows"]]
    assert bytes_ == sorted(bytes_, reverse=True)


def test_the_trash_is_told_by_pages_and_what_had_come_by_a_moment(ask, real) -> None:
    ids = [str(add_image(real, None, b"%d" % number).id) for number in range(3)]
    trash = real.cleanup.trash
    moved = [trash.put(each) for each in ids[:2]]
    until = ask(Question.TRASH_LIST)["until"]
    trash.put(ids[2])

    page = ask(Question.TRASH_LIST, first=2)

    assert (page["first"], page["count"], len(page["items"])) == (2, 3, 1)
    assert page["bytes"] == trash.freed_by(each.id for each in trash.list())
    assert sorted(ask(Question.TRASH_LIST, until=until)["ids"]) == sorted(moved)
    for wrong in ("yesterday", "2026-07-01T12:00:00"):
        with pytest.raises(InvalidInput):
            ask(Question.TRASH_LIST, until=wrong)


@pytest.mark.parametrize(
    "told",
    [{"rules": ["x"]}, {"ids": [1]}, {"filters": {"older_than": -1}}, {"filters": {"names": "x"}}],
)
def test_selections_that_make_no_sense_are_refused(ask, told) -> None:
    with pytest.raises(EngineError):
        ask(Question.CLEANUP_PLAN, **told)


def test_an_image_that_nobody_pushed_is_the_only_copy(ask, real) -> None:
    image = add_image(real, "web:1")

    found = ask(Question.CLEANUP_COPY, image_id=str(image.id))

    assert found["whereabouts"] == "only-here"


def test_the_trash_is_emptied_as_the_hosts_limits_say(ask, real, work, host) -> None:
    trash.trash_images(work(JobName.TRASH_IMAGES, {"ids": [str(add_image(real, "web:1").id)]}))
    keeper = TrashKeeper(real, "alpha")

    keeper.tend()
    assert len(ask(Question.TRASH_LIST)["items"]) == 1

    host.trash_max_bytes = 1
    host.save()
    keeper.tend()

    assert ask(Question.TRASH_LIST)["items"] == []
    entry = AuditEntry.objects.get(action="trash.tend")
    assert entry.summary.startswith("Emptied the trash of 1 thing")


def test_logs_of_removed_containers_are_kept_as_the_hosts_limits_say(real, host) -> None:
    keeper = TrashKeeper(real, "alpha")
    keeper.tend()
    assert real.containers.departed_limits == DepartedLimits()

    host.removed_log_hours, host.removed_log_max_bytes = 48, 1 << 20
    host.save()
    keeper.tend()

    assert real.containers.departed_limits == DepartedLimits(timedelta(hours=48), 1 << 20)


def add_volume(engine: Engine, name: str, *, owner: str = "ana") -> None:
    volume = engine.volumes.create(VolumeSettings(name), owner=owner)
    (volume.mountpoint / "file").write_text(name)


def test_volumes_move_to_the_trash_once_only_and_come_back(ask, real, work) -> None:
    add_volume(real, "data")
    project(real)
    told = {"ids": ["data"]}

    first = trash.trash_volumes(work(JobName.TRASH_VOLUMES, told))
    again = trash.trash_volumes(work(JobName.TRASH_VOLUMES, told, attempts=2))

    assert first["message"] == "Moved 1 volume to the trash."
    assert again["trashed"] == first["trashed"]
    assert not Volume.objects.exists()
    (item,) = ask(Question.TRASH_LIST)["items"]
    assert (item["kind"], item["names"], item["owner"]) == ("volume", ["data"], "ana")
    assert item["bytes"] > 0

    back = trash.restore(work(JobName.RESTORE_FROM_TRASH, {"ids": first["trashed"]}))

    assert back["message"] == "Restored data."
    assert Volume.objects.get().name == "data"
    assert (real.volumes.get("data").mountpoint / "file").read_text() == "data"


def test_a_volume_in_use_does_not_move_and_says_by_whom(real, work) -> None:
    add_volume(real, "data")
    add_volume(real, "spare")
    mount = MountPoint(MountKind.VOLUME, "/data", "data")
    settings = ContainerSettings(
        name="db", image=str(add_image(real, "web:1").id), command=("true",), mounts=(mount,)
    )
    real.containers.create(settings)

    with pytest.raises(VolumeInUse, match="db"):
        trash.trash_volumes(work(JobName.TRASH_VOLUMES, {"ids": ["data"]}))
    both = trash.trash_volumes(work(JobName.TRASH_VOLUMES, {"ids": ["data", "spare"]}))

    assert both["message"] == "Moved 1 volume to the trash. Left 1 alone."
    assert both["skipped"][0]["id"] == "data"


def test_a_volume_whose_name_was_taken_comes_back_under_another(real, work) -> None:
    add_volume(real, "data")
    moved = trash.trash_volumes(work(JobName.TRASH_VOLUMES, {"ids": ["data"]}))["trashed"]
    real.volumes.create(VolumeSettings("data"))
    undo = work(JobName.RESTORE_FROM_TRASH, {"ids": moved})

    with pytest.raises(RestoreConflict):
        trash.restore(undo)

    (refused,) = undo.remembered["refused"]
    assert refused["offered"] == ["data-restored"]
    trash.restore(work(JobName.RESTORE_FROM_TRASH, {"ids": moved, "names": refused["offered"]}))
    assert (real.volumes.get("data-restored").mountpoint / "file").read_text() == "data"


def test_a_plan_with_a_volume_is_told_apart_from_one_that_lies_there_already(
    ask, real, work
) -> None:
    add_volume(real, "data")
    old = real.cleanup.trash.put("volume:data")
    add_volume(real, "data")
    plan = ask(Question.CLEANUP_PLAN, ids=["volume:data"], owner="otto")
    told = {"plan_id": plan["plan_id"], "into_trash": True}

    outcome = trash.run_clean_up(work(JobName.RUN_CLEAN_UP, told))
    again = trash.run_clean_up(work(JobName.RUN_CLEAN_UP, told, attempts=2))

    assert plan["trash_kinds"] == {"volume": 1}
    assert outcome["message"] == "Moved 1 volume to the trash. Freed 0 B."
    assert outcome["trashed"] == again["trashed"]
    assert old not in outcome["trashed"]


def test_an_operator_moves_only_volumes_of_their_own(real, work, operator) -> None:
    add_volume(real, "hers")
    add_volume(real, "his", owner="otto")

    outcome = trash.trash_volumes(work(JobName.TRASH_VOLUMES, {"ids": ["hers", "his"]}))

    assert outcome["skipped"] == [{"id": "hers", "reason": ASK_ANA}]
    assert [each.name for each in real.volumes.list()] == ["hers"]


ASK_ANA = "belongs to ana: ask the owner"


def test_an_operator_s_plan_has_only_their_own_things(ask, real, operator) -> None:
    image = add_image(real, "web:1")
    hers, mine = add_container(real, image, "hers"), add_container(real, image, "his", owner="otto")
    chosen = [str(image.id), hers.id, mine.id]

    plan = ask(Question.CLEANUP_PLAN, ids=chosen, owner="otto")
    weighed = ask(Question.CLEANUP_WEIGH, ids=chosen, owner="otto")

    assert [each["name"] for each in plan["items"]] == ["his"]
    assert {each["reason"] for each in plan["kept"]} == {ASK_ANA}
    assert (weighed["count"], weighed["bytes"]) == (1, plan["bytes"])


def test_a_plan_of_somebody_else_s_leaves_an_operator_only_what_is_theirs(
    ask, real, work, maintainer
) -> None:
    image = add_image(real, "web:1")
    hers, mine = add_container(real, image, "hers"), add_container(real, image, "his", owner="otto")
    plan = ask(Question.CLEANUP_PLAN, ids=[hers.id, mine.id], owner="otto")
    maintainer.role = Role.OPERATOR
    maintainer.save()

    outcome = trash.run_clean_up(work(JobName.RUN_CLEAN_UP, {"plan_id": plan["plan_id"]}))

    assert outcome["removed"] == [mine.id]
    assert outcome["skipped"] == [{"id": hers.id, "reason": f"hers {ASK_ANA}"}]
    assert [each.name for each in real.containers.list()] == ["hers"]


def test_an_operator_moves_and_deletes_only_their_own(real, work, operator) -> None:
    image = add_image(real, "web:1")
    hers, mine = add_container(real, image, "hers"), add_container(real, image, "his", owner="otto")

    moved = trash.trash_containers(work(JobName.TRASH_CONTAINERS, {"ids": [hers.id, mine.id]}))
    assert moved["trashed"] == [f"trash:{mine.id}"]
    assert moved["skipped"] == [{"id": hers.id, "reason": ASK_ANA}]

    put = real.cleanup.trash.put(hers.id, owner="ana")
    emptied = trash.empty_trash(work(JobName.EMPTY_TRASH, {"ids": [put, f"trash:{mine.id}"]}))
    assert emptied["removed"] == [f"trash:{mine.id}"]
    assert emptied["skipped"] == [{"id": put, "reason": ASK_ANA}]


def test_ten_thousand_things_are_told_of_without_comparing_each_with_each() -> None:
    at = datetime(2026, 12, 1, tzinfo=UTC)
    ids = [f"{number:064x}" for number in range(10_000)]
    looks: list[str] = []

    class Lying(TrashItem):
        @property
        def was(self) -> tuple[str, str]:
            looks.append(self.id)
            return self.subject, ""

    items = tuple(
        SealedItem(SubjectKind.CONTAINER, each, each, "", "ana", at, Facts()) for each in ids
    )
    plan = SealedPlan("p", items, (), 0, 0, at, "ana", at)
    lying = [Lying(f"trash:{each}", SubjectKind.CONTAINER, (each,), "", at, "") for each in ids]

    outcome = trash.outcome_of(plan, CleanupReport((), (), 0), lying)

    assert len(outcome["trashed"]) == len(looks) == len(ids)
