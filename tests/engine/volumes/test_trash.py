"""Volumes in the trash: whole when they come back, and whole if anybody dies midway."""

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from engine import events
from engine.errors import InvalidSetting, RestoreConflict, VolumeInUse, VolumeNotFound
from engine.events import EventLog
from engine.system.clock import SYSTEM_CLOCK
from engine.system.database import Database
from engine.system.locks import Locks
from engine.system.paths import EnginePaths
from engine.volumes import schema
from engine.volumes.means import VolumeMeans
from engine.volumes.record import TrashedVolume, VolumeRecord
from engine.volumes.settings import ANONYMOUS
from engine.volumes.store import VolumeStore
from engine.volumes.volumes import Volumes, VolumeSettings
from tests.support.crashes import Countdown, Died, Fallible
from tests.support.fakes_snapshots import FakeMounter

MANY = 60
LABELS = MappingProxyType({"team": "a"})
OPTIONS = MappingProxyType({"type": "nfs", "device": ":/export", "o": "addr=10.0.0.1"})


@dataclass
class Yard:
    """Volumes of a root, which can be opened again."""

    paths: EnginePaths
    database: Database
    mounter: FakeMounter

    @property
    def means(self) -> VolumeMeans:
        return VolumeMeans(
            database=self.database,
            store=VolumeStore(self.database, self.paths.volumes),
            events=EventLog(self.database, self.paths.events, SYSTEM_CLOCK),
            clock=SYSTEM_CLOCK,
            locks=Locks(self.paths.locks),
            mounter=self.mounter,
            trash=self.paths.trash,
            pins=self.paths.pins,
        )

    def reopened(self) -> Volumes:
        volumes = Volumes(self.means)
        volumes.sweep(set(), set())
        return volumes

    def names(self) -> list[str]:
        return sorted(each.name for each in self.paths.volumes.iterdir())

    def aside(self) -> list[str]:
        return sorted(each.name for each in self.paths.trash.iterdir())


def made_yard(place: Path) -> Yard:
    paths = EnginePaths(place / "root", place / "run")
    paths.ensure()
    database = Database(paths.database, (events.SCHEMA, schema.SCHEMA))
    return Yard(paths, database, FakeMounter())


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    made = made_yard(tmp_path)
    with closing(made.database):
        yield made


@pytest.fixture
def volumes(yard: Yard) -> Volumes:
    return yard.reopened()


def filled(volumes: Volumes, name: str = "data", text: str = "mine") -> VolumeRecord:
    record = volumes.create(VolumeSettings(name, labels=LABELS), owner="ana")
    (record.mountpoint / "file").write_text(text)
    return record


def put(volumes: Volumes, name: str = "data") -> TrashedVolume:
    trashed = volumes.trash.put(name, owner="bob")
    assert isinstance(trashed, TrashedVolume)
    return trashed


def content(record: VolumeRecord) -> str:
    return (record.mountpoint / "file").read_text()


def test_what_lies_in_the_trash_is_seen_by_nobody(yard: Yard, volumes: Volumes) -> None:
    record = filled(volumes)

    trashed = put(volumes)

    assert volumes.list() == []
    assert volumes.trash.list() == [trashed]
    assert (trashed.record, trashed.trashed_by) == (record, "bob")
    assert (volumes.trash.locate(trashed.id) / "_data" / "file").read_text() == "mine"
    assert yard.names() == []
    with pytest.raises(VolumeNotFound):
        volumes.remove("data")


def test_it_comes_back_as_it_was(yard: Yard, volumes: Volumes) -> None:
    record = filled(volumes)
    trashed = put(volumes)

    assert yard.reopened().trash.restore(trashed.id) == record

    assert volumes.get("data") == record
    assert content(record) == "mine"
    assert (volumes.trash.list(), yard.aside()) == ([], [])


def test_its_name_is_free_meanwhile_and_then_another_is_offered(volumes: Volumes) -> None:
    filled(volumes)
    trashed = put(volumes)
    other = filled(volumes, text="other")
    filled(volumes, "data-restored")

    with pytest.raises(RestoreConflict) as caught:
        volumes.trash.restore(trashed.id)
    assert str(caught.value) == "data is by now the name of another volume"
    assert caught.value.free == "data-restored-2"

    back = volumes.trash.restore(trashed.id, name=caught.value.free)
    assert (content(back), content(other)) == ("mine", "other")
    assert (back.labels, back.owner) == (LABELS, "ana")
    assert back.created_at == trashed.record.created_at


def test_several_may_have_had_the_same_name(yard: Yard, volumes: Volumes) -> None:
    filled(volumes, text="first")
    first = put(volumes)
    filled(volumes, text="second")
    second = put(volumes)
    survivor = yard.reopened()

    assert content(survivor.trash.restore(first.id, name="one")) == "first"
    assert content(survivor.trash.restore(second.id)) == "second"


def test_who_names_an_anonymous_one_has_named_it(volumes: Volumes) -> None:
    record = volumes.create(VolumeSettings())
    same = volumes.trash.restore(put(volumes, record.name).id)
    assert same.is_anonymous

    named = volumes.trash.restore(put(volumes, record.name).id, name="named")

    assert not named.is_anonymous
    assert ANONYMOUS not in named.labels


def test_one_that_a_container_has_does_not_go(volumes: Volumes) -> None:
    volumes.create_for("c" * 64, VolumeSettings("data"))

    with pytest.raises(VolumeInUse) as caught:
        volumes.trash.put("data")

    assert caught.value.holders == ("c" * 64,)
    assert volumes.get("data").mountpoint.is_dir()


def test_an_objection_keeps_it_where_it_is(volumes: Volumes) -> None:
    record = filled(volumes)

    assert volumes.trash.put("data", objection=lambda it: f"no {it.name}") == "no data"
    assert content(volumes.get("data")) == content(record)


def test_one_with_mount_options_keeps_only_its_record(yard: Yard, volumes: Volumes) -> None:
    settings = VolumeSettings("share", labels=LABELS, options=OPTIONS)
    record = volumes.create(settings, owner="ana")

    trashed = put(volumes, "share")
    assert (yard.names(), yard.aside()) == ([], [])
    assert yard.reopened().trash.restore(trashed.id) == record

    assert record.mountpoint.is_dir()
    assert volumes.get("share").options == OPTIONS


def test_a_name_that_is_none_is_refused_and_it_stays(volumes: Volumes) -> None:
    filled(volumes)
    trashed = put(volumes)

    with pytest.raises(InvalidSetting):
        volumes.trash.restore(trashed.id, name="../data")

    assert volumes.trash.list() == [trashed]


def test_emptied_it_is_gone_for_good(yard: Yard, volumes: Volumes) -> None:
    filled(volumes)
    trashed = put(volumes)

    assert volumes.trash.discard(trashed.id) > 0

    assert (yard.names(), yard.aside()) == ([], [])
    for act in (volumes.trash.restore, volumes.trash.discard, volumes.trash.locate):
        with pytest.raises(VolumeNotFound):
            act(trashed.id)


def test_what_docker_removes_goes_for_good(yard: Yard, volumes: Volumes) -> None:
    filled(volumes)
    volumes.create(VolumeSettings())

    volumes.remove("data")
    volumes.prune()

    assert volumes.trash.list() == []
    assert (yard.names(), yard.aside()) == ([], [])


def test_a_new_one_never_gets_what_was_on_its_way_into_the_trash(
    yard: Yard, volumes: Volumes, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(volumes)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", _die)
        with pytest.raises(Died):
            volumes.trash.put("data")
    (trashed,) = volumes.trash.list()
    assert (volumes.trash.locate(trashed.id) / "_data" / "file").read_text() == "mine"

    fresh = Volumes(yard.means).create(VolumeSettings("data"))

    assert list(fresh.mountpoint.iterdir()) == []
    assert content(volumes.trash.restore(trashed.id, name="old")) == "mine"


def _die(*_: object) -> None:
    raise Died


def prepared(volumes: Volumes) -> str:
    filled(volumes)
    return put(volumes).id


def untouched(volumes: Volumes) -> str:
    filled(volumes)
    return "data"


SCENES: dict[str, tuple[Callable[[Volumes], str], Callable[[Volumes, str], object]]] = {
    "put": (untouched, lambda it, name: it.trash.put(name)),
    "restore": (prepared, lambda it, trashed: it.trash.restore(trashed)),
    "restore-as": (prepared, lambda it, trashed: it.trash.restore(trashed, name="other")),
    "discard": (prepared, lambda it, trashed: it.trash.discard(trashed)),
}


@pytest.mark.parametrize("scene", SCENES)
def test_death_at_any_step_loses_nothing_and_doubles_nothing(
    tmp_path: Path, scene: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare, act = SCENES[scene]
    deaths = 0
    for step in range(MANY):
        yard = made_yard(tmp_path / f"{step}")
        with closing(yard.database):
            subject = prepare(yard.reopened())
            countdown = Countdown(step)
            with monkeypatch.context() as patched, suppress(Died):
                patched.setattr(Path, "rename", stepping(Path.rename, countdown))
                act(Volumes(dying(yard.means, countdown)), subject)
            deaths += bool(countdown.died_at)
            check(yard, countdown.died_at, may_be_gone=scene == "discard")
    assert 4 < deaths < MANY


def stepping(rename: Callable[[Path, Path], Path], countdown: Countdown) -> Any:
    def call(old: Path, new: Path) -> Path:
        countdown.step("rename")
        renamed = rename(old, new)
        countdown.step("renamed")
        return renamed

    return call


def dying(means: VolumeMeans, countdown: Countdown) -> VolumeMeans:
    names = ("store", "events", "mounter")
    return replace(means, **{n: Fallible(n, getattr(means, n), countdown) for n in names})


def check(yard: Yard, died_at: str, *, may_be_gone: bool) -> None:
    volumes = yard.reopened()
    records = volumes.list()
    trashed = volumes.trash.list()
    assert len(records) + len(trashed) == 1 or (may_be_gone and not records), died_at
    assert yard.names() == [each.name for each in records], died_at
    assert yard.aside() == [f"kept-{each.id}" for each in trashed], died_at
    for each in trashed:
        records.append(volumes.trash.restore(each.id))
    for record in records:
        assert (content(record), record.labels, record.owner) == ("mine", LABELS, "ana")
