from datetime import UTC, datetime, timedelta

import pytest

from engine.containers.filters import PruneFilter, parse_moment
from engine.containers.remove import BATCH
from engine.errors import InvalidSetting
from engine.settings.mounts import MountKind, MountPoint
from tests.support.containers import Yard

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("24h", NOW - timedelta(days=1)),
        ("1h30m", NOW - timedelta(minutes=90)),
        ("0.5h", NOW - timedelta(minutes=30)),
        ("2026-01-01", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01T10:00", datetime(2026, 1, 1, 10, tzinfo=UTC)),
        ("2026-01-01T10:00:00+02:00", datetime(2026, 1, 1, 8, tzinfo=UTC)),
        ("1767225600", datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_moment_is_written_in_many_ways(text: str, moment: datetime) -> None:
    assert parse_moment(text, now=NOW) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "1d", "99999999999999h", "24h x", "2026-13-01"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(InvalidSetting):
        parse_moment(text, now=NOW)


@pytest.mark.parametrize("filters", [{"name": ["x"]}, {"until": ["1h", "2h"]}])
def test_another_filter_is_refused(filters: dict[str, list[str]]) -> None:
    with pytest.raises(InvalidSetting):
        PruneFilter.parse(filters, now=NOW)


@pytest.mark.parametrize(
    ("filters", "goes"),
    [
        ({}, True),
        ({"until": ["1h"]}, True),
        ({"until": ["100h"]}, False),
        ({"label": ["team"]}, True),
        ({"label": ["team=blue"]}, True),
        ({"label": ["team=red"]}, False),
        ({"label": ["team", "other"]}, False),
        ({"label!": ["team=blue"]}, False),
        ({"label!": ["team=red"]}, True),
    ],
)
def test_filters_mean_what_they_do_at_docker(filters: dict[str, list[str]], goes: bool) -> None:
    parsed = PruneFilter.parse(filters, now=NOW)

    assert parsed.matches({"team": "blue"}, NOW - timedelta(hours=10)) == goes


def test_a_prune_takes_what_does_not_run_and_nothing_else(yard: Yard) -> None:
    for name in ("a1", "a2", "a3"):
        yard.containers.create(yard.settings("/bin/sleep", name=name, labels={"keep": name}))
    yard.containers.start("a1")
    filters = PruneFilter.parse({"label!": ["keep=a2"]}, now=NOW)

    pruned = yard.containers.prune(filters=filters)

    assert {each.name for each in yard.containers.list()} == {"a1", "a2"}
    assert len(pruned.removed) == 1
    assert pruned.freed > 0
    yard.containers.kill("a1")
    assert len(yard.containers.prune().removed) == 2
    assert yard.leftovers() == []
    assert list(yard.paths.locks.iterdir()) == []


def test_a_prune_of_many_clears_each_of_what_it_has(yard: Yard) -> None:
    volume = MountPoint(MountKind.VOLUME, "/data")
    plain = [yard.containers.create(yard.settings()).id for _ in range(BATCH + 1)]
    kept = yard.containers.create(yard.settings(mounts=(volume,)))
    goes = yard.containers.create(yard.settings(mounts=(volume,), auto_remove=True))
    ran = yard.containers.create(yard.settings("/bin/sleep"))
    yard.containers.start(ran.id)
    yard.containers.kill(ran.id)
    place = yard.means.waiting.enter(plain[0])
    occupied = sum(yard.means.snapshotter.usage(each.id).bytes for each in yard.containers.list())

    pruned = yard.containers.prune()

    assert set(pruned.removed) == {*plain, kept.id, goes.id, ran.id}
    assert pruned.freed == occupied
    assert place.collect() is False
    place.leave()
    # Its maker wanted that one to go with the container, and this one to stay.
    (left,) = yard.means.volumes.list()
    assert yard.means.volumes.holders(left.name) == ()
    assert yard.actions().count("destroy") == len(pruned.removed) + 1
    assert yard.leftovers() == []


def test_a_prune_leaves_what_somebody_is_working_on(yard: Yard) -> None:
    record = yard.containers.create(yard.settings())

    with yard.means.locks.held(f"container/{record.id}"):
        assert yard.reopened().prune().removed == ()
