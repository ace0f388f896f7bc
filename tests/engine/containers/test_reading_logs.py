import threading
from datetime import UTC, datetime

import pytest

from engine.containers.record import ContainerRecord
from tests.support.containers import Yard

SECONDS = 20.0


@pytest.fixture
def record(yard: Yard) -> ContainerRecord:
    created = yard.containers.create(yard.settings())
    return yard.containers.start(created.id)


def print_lines(yard: Yard, record: ContainerRecord, *lines: str, second: int = 0) -> None:
    with yard.means.bundles.locate(record.id).log.open("a") as stream:
        for line in lines:
            stream.write(f"2026-01-01T00:00:{second:02}.000000000+00:00 stdout F {line}\n")


def test_logs_are_read_whole_by_tail_and_by_time(yard: Yard, record: ContainerRecord) -> None:
    print_lines(yard, record, "one", "two")
    print_lines(yard, record, "three", second=5)
    since = datetime(2026, 1, 1, 0, 0, 3, tzinfo=UTC)

    assert [each.text for each in yard.containers.logs(record.id)] == ["one", "two", "three"]
    assert [each.text for each in yard.containers.logs(record.id, tail=2)] == ["two", "three"]
    assert [each.text for each in yard.containers.logs(record.id, since=since)] == ["three"]


def test_following_ends_with_the_container_and_misses_nothing(
    yard: Yard, record: ContainerRecord
) -> None:
    print_lines(yard, record, "early")
    lines = yard.containers.logs(record.id, follow=True)
    assert next(lines).text == "early"

    def go_on() -> None:
        print_lines(yard, record, "late")
        yard.fake_host.finish(record.id)

    threading.Timer(0.02, go_on).start()

    assert [each.text for each in lines] == ["late"]


def test_a_follower_can_be_stopped(yard: Yard, record: ContainerRecord) -> None:
    print_lines(yard, record, "one")
    stop = threading.Event()
    lines = yard.containers.logs(record.id, follow=True, is_stopped=stop.is_set)
    next(lines)
    stop.set()

    assert list(lines) == []


def test_following_ends_when_the_container_is_removed_at_its_exit(yard: Yard) -> None:
    created = yard.containers.create(yard.settings(auto_remove=True))
    record = yard.containers.start(created.id)
    print_lines(yard, record, "one")
    lines = yard.containers.logs(record.id, follow=True)
    next(lines)

    yard.fake_host.finish(record.id)

    assert list(lines) == []


def test_pages_skip_and_go_on(yard: Yard, record: ContainerRecord) -> None:
    print_lines(yard, record, *(f"line {n}" for n in range(100)))

    page = yard.containers.read_logs(record.id, yard.containers.tail_logs(record.id, 10))
    assert [each.text for each in page.lines] == [f"line {n}" for n in range(90, 100)]

    cursor, skipped = yard.containers.skip_logs(record.id, page.cursor, keep_bytes=0)
    assert (cursor, skipped) == (page.cursor, 0)
