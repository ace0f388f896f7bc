import os
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.containers.log_rotation import DEFAULT_SIZE, LogLimits, RotatedLog
from engine.containers.logs import START, LogCursor
from engine.containers.monitor import UNWATCHED_BYTES
from engine.settings import LogSettings
from tests.engine.containers.test_logs import read_all, record, texts


class Writer:
    """Writes a log as the monitor does, and opens another file when it is told to."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "container.log"
        self.control = directory / "ctl"
        self.path.touch()
        self._open()
        os.mkfifo(self.control)
        self._orders = os.open(self.control, os.O_RDONLY | os.O_NONBLOCK)

    def _open(self) -> None:
        self.stream = self.path.open("ab", buffering=0)

    def write(self, *records: bytes) -> None:
        for each in records:
            self.stream.write(each)

    def reopen(self) -> None:
        self.stream.close()
        aside = self.path.with_name("container.log.tmp")
        self.stream = aside.open("wb", buffering=0)
        aside.rename(self.path)

    def obey(self) -> bool:
        try:
            order = os.read(self._orders, 100)
        except BlockingIOError:
            return False
        if order:
            assert order == b"2 0 0\n"
            self.reopen()
        return bool(order)

    def close(self) -> None:
        self.stream.close()
        os.close(self._orders)


@pytest.fixture
def writer(tmp_path: Path):
    made = Writer(tmp_path)
    yield made
    made.close()


def lines(count: int, begin: int = 0) -> list[bytes]:
    return [record(f"line {number}".encode()) for number in range(begin, begin + count)]


def names(directory: Path) -> list[str]:
    return sorted(each.name for each in directory.glob("container.log*"))


def test_settings_choose_the_limits_and_have_defaults() -> None:
    assert LogLimits.of(LogSettings()) == LogLimits(DEFAULT_SIZE, 5)
    assert LogLimits.of(LogSettings(max_size=1 << 20, max_file=2)) == LogLimits(1 << 20, 2)
    assert LogLimits(1000, 2).unwatched_bytes == UNWATCHED_BYTES
    assert LogLimits(1 << 30, 2).unwatched_bytes == 2 << 30


def test_a_reader_reads_across_files_without_a_gap(writer: Writer) -> None:
    log = RotatedLog(writer.path)
    writer.write(*lines(10))
    first = log.read(lines=4)
    writer.reopen()
    writer.write(*lines(10, 10))

    rest = read_all(log, first.cursor, lines=3)  # type: ignore[arg-type]

    assert texts(list(first.lines) + rest) == [f"line {n}" for n in range(20)]
    assert not log.read(first.cursor).has_gap


def test_who_waits_at_the_end_of_a_file_goes_on_with_the_next(writer: Writer) -> None:
    log = RotatedLog(writer.path)
    writer.write(*lines(2))
    page = log.read()
    assert page.is_end
    writer.reopen()
    assert log.read(page.cursor).is_end
    writer.write(*lines(1, 2))

    assert texts(list(log.read(page.cursor).lines)) == ["line 2"]


def test_what_was_rotated_away_is_told(writer: Writer) -> None:
    log = RotatedLog(writer.path, LogLimits(DEFAULT_SIZE, 2))
    writer.write(*lines(5))
    cursor = log.read(lines=1).cursor
    for number in range(1, 4):
        writer.reopen()
        writer.write(*lines(1, 10 * number))
        log.tend()

    page = log.read(cursor)

    assert page.has_gap
    assert texts(read_all(log)) == ["line 20", "line 30"]  # type: ignore[arg-type]
    assert len(names(writer.path.parent)) == 3


def test_a_large_file_is_rotated_by_whoever_looks(writer: Writer) -> None:
    log = RotatedLog(writer.path, LogLimits(1000, 3), control=writer.control)
    stop = threading.Event()
    monitor = threading.Thread(target=lambda: [writer.obey() for _ in iter(stop.is_set, True)])
    monitor.start()
    try:
        writer.write(*lines(50))
        pieces = log.tend()
    finally:
        stop.set()
        monitor.join()

    assert [each.size > 1000 for each in pieces] == [True, False]
    assert texts(read_all(log)) == [f"line {n}" for n in range(50)]  # type: ignore[arg-type]


def test_without_a_monitor_nothing_is_rotated(writer: Writer) -> None:
    log = RotatedLog(writer.path, LogLimits(10, 2), control=writer.path.with_name("nobody"))
    writer.write(*lines(5))

    assert len(log.tend()) == 1


@pytest.mark.parametrize("count", [0, 1, 3, 5, 7, 15, 16, 99])
def test_the_tail_reaches_into_older_files(writer: Writer, count: int) -> None:
    log = RotatedLog(writer.path)
    for number in range(3):
        log.tend()
        writer.write(*lines(5, 5 * number))
        if number < 2:
            log.tend()
            writer.reopen()

    found = texts(read_all(log, log.tail(count)))  # type: ignore[arg-type]

    assert found == [f"line {n}" for n in range(15)][15 - min(count, 15) :]


def test_skipping_goes_over_whole_files(writer: Writer) -> None:
    log = RotatedLog(writer.path)
    for number in range(3):
        writer.write(*lines(10, 10 * number))
        log.tend()
        writer.reopen()
    size = len(record(b"line 1"))

    cursor, skipped = log.skip(START, keep_bytes=5 * (size + 1))
    rest = read_all(log, cursor)  # type: ignore[arg-type]

    assert skipped + len(rest) == 30
    assert 0 < len(rest) <= 5
    assert log.skip(cursor, keep_bytes=10_000) == (cursor, 0)


def test_a_log_that_is_not_there_is_empty(tmp_path: Path) -> None:
    log = RotatedLog(tmp_path / "no" / "log")

    assert log.read().is_end
    assert log.tail(3) == START
    assert log.skip(START, keep_bytes=0) == (START, 0)


@settings(max_examples=60)
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("write"), st.binary(max_size=30)),
            st.tuples(st.sampled_from(["rotate", "read", "reopened reader"]), st.just(b"")),
        ),
        max_size=40,
    )
)
def test_every_byte_comes_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, bytes]]
) -> None:
    writer = Writer(tmp_path_factory.mktemp("log"))
    limits = LogLimits(DEFAULT_SIZE, 100)
    log, cursor = RotatedLog(writer.path, limits), START
    written: list[bytes] = []
    found: list[bytes] = []

    def read() -> LogCursor:
        page = log.read(cursor, lines=2)
        assert not page.has_gap
        found.extend(each.content for each in page.lines)
        return page.cursor

    for step, content in steps:
        if step == "write":
            written.append(content.replace(b"\n", b""))
            writer.write(record(written[-1]))
        elif step == "rotate":
            log.tend()
            writer.reopen()
        elif step == "read":
            cursor = read()
        else:
            log, cursor = RotatedLog(writer.path, limits), LogCursor.parse(str(cursor))
    while len(found) < len(written):
        before = len(found), cursor
        cursor = read()
        assert (len(found), cursor) != before
    writer.close()

    assert found == written
