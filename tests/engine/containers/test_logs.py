import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.containers.logs import START, LogCursor, LogFile, LogLine
from engine.errors import InvalidSetting

TIME = "2026-01-02T03:04:05.678901234+00:00"
MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def record(content: bytes, *, tag: str = "F", stream: str = "stdout") -> bytes:
    return f"{TIME} {stream} {tag} ".encode() + content + b"\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "container.log"


def write(path: Path, *records: bytes) -> LogFile:
    with path.open("ab") as stream:
        stream.writelines(records)
    return LogFile(path)


def read_all(log: LogFile, cursor: LogCursor = START, **limits: int) -> list[LogLine]:
    lines: list[LogLine] = []
    while True:
        page = log.read(cursor, **limits)
        lines += page.lines
        if page.is_end:
            return lines
        assert page.cursor != cursor
        cursor = page.cursor


def texts(lines: list[LogLine]) -> list[str]:
    return [each.text for each in lines]


def test_a_line_has_time_stream_and_content(path: Path) -> None:
    log = write(path, record(b"hello world"), record(b"oh no", stream="stderr"))

    page = log.read()

    assert page.lines == (
        LogLine(MOMENT, "stdout", b"hello world"),
        LogLine(MOMENT, "stderr", b"oh no"),
    )
    assert page.is_end
    assert page.behind == 0


def test_a_log_that_is_not_there_is_empty(path: Path) -> None:
    page = LogFile(path).read()

    assert page.lines == ()
    assert page.is_end
    assert LogFile(path).tail(3) == START
    assert LogFile(path).skip(START, keep_bytes=0) == (START, 0)


def test_parts_of_a_line_are_joined(path: Path) -> None:
    log = write(path, record(b"a" * 8000, tag="P"), record(b"b" * 8000, tag="P"), record(b"c"))

    (line,) = log.read().lines

    assert line.content == b"a" * 8000 + b"b" * 8000 + b"c"
    assert not line.is_partial


def test_a_line_without_an_end_is_partial(path: Path) -> None:
    (line,) = write(path, record(b"Password: ", tag="P")).read().lines

    assert line.is_partial


def test_parts_of_different_streams_are_not_joined(path: Path) -> None:
    log = write(path, record(b"out", tag="P"), record(b"err", stream="stderr"), record(b"more"))

    assert [(each.content, each.is_partial) for each in log.read().lines] == [
        (b"out", True),
        (b"err", False),
        (b"more", False),
    ]


def test_a_line_that_is_being_written_is_waited_for(path: Path) -> None:
    log = write(path, record(b"one"), record(b"tw", tag="P"))
    earlier = MOMENT - timedelta(seconds=1)

    page = log.read(growing_since=earlier)
    assert texts(list(page.lines)) == ["one"]
    assert page.is_end

    write(path, record(b"o"))
    assert texts(list(log.read(page.cursor, growing_since=earlier).lines)) == ["two"]


def test_a_line_that_stays_without_an_end_is_shown(path: Path) -> None:
    log = write(path, record(b"Password: ", tag="P"))

    assert texts(list(log.read(growing_since=MOMENT).lines)) == ["Password: "]


def test_a_line_is_not_cut_where_a_page_ends(path: Path) -> None:
    part = record(b"x" * 8000, tag="P")
    log = write(path, *[part, record(b"end")] * 40)

    lines = read_all(log, limit_bytes=1)

    assert [len(each.content) for each in lines] == [8003] * 40


def test_a_very_long_line_comes_in_pieces_and_whole(path: Path) -> None:
    content = os.urandom(1 << 20).replace(b"\n", b"x")
    parts = [content[i : i + 8191] for i in range(0, len(content), 8191)]
    log = write(path, *(record(each, tag="P") for each in parts), record(b""))

    lines = read_all(log)

    assert b"".join(each.content for each in lines) == content
    assert [each.is_partial for each in lines] == [True] * (len(lines) - 1) + [False]
    assert max(len(each.content) for each in lines) <= 64 * 1024


@pytest.mark.parametrize("limits", [{"lines": 7}, {"limit_bytes": 1}, {"lines": 1}])
def test_pages_give_every_line_once_and_in_order(path: Path, limits: dict[str, int]) -> None:
    log = write(path, *(record(f"line {n}".encode()) for n in range(3000)))

    assert texts(read_all(log, **limits)) == [f"line {n}" for n in range(3000)]


def test_a_reader_goes_on_where_it_stopped_in_another_process(path: Path) -> None:
    log = write(path, record(b"one"), record(b"two"))
    cursor = str(log.read(lines=1).cursor)
    write(path, record(b"three"))

    page = LogFile(path).read(LogCursor.parse(cursor))

    assert [each.text for each in page.lines] == ["two", "three"]


def test_what_is_written_halfway_is_read_when_it_is_whole(path: Path) -> None:
    whole = record(b"late")
    log = write(path, record(b"early"), whole[:20])
    first = log.read()
    assert [each.text for each in first.lines] == ["early"]
    assert first.is_end

    write(path, whole[20:])

    assert [each.text for each in log.read(first.cursor).lines] == ["late"]


@pytest.mark.parametrize("count", [0, 1, 2, 10, 2999, 3000, 5000])
def test_the_tail_is_the_last_lines(path: Path, count: int) -> None:
    log = write(path, *(record(f"line {n}".encode() * 5) for n in range(3000)))

    lines = read_all(log, log.tail(count))

    assert texts(lines) == [f"line {n}" * 5 for n in range(3000)][3000 - min(count, 3000) :]


def test_the_tail_counts_whole_lines_however_many_parts_they_have(path: Path) -> None:
    log = write(
        path, record(b"one"), record(b"t", tag="P"), record(b"wo"), record(b"three"),
    )  # fmt: skip

    assert texts(read_all(log, log.tail(2))) == ["two", "three"]


def test_a_last_line_without_an_end_counts(path: Path) -> None:
    log = write(path, record(b"one"), record(b"two"), record(b"thr", tag="P"))

    assert texts(read_all(log, log.tail(2))) == ["two", "thr"]


def test_a_reader_far_behind_skips_and_is_told_how_many(path: Path) -> None:
    log = write(path, *(record(b"x" * 100) for _ in range(1000)))
    size = path.stat().st_size

    cursor, skipped = log.skip(START, keep_bytes=size // 10)

    rest = read_all(log, cursor)
    assert skipped + len(rest) == 1000
    assert len(rest) <= 100


def test_a_reader_that_is_near_skips_nothing(path: Path) -> None:
    log = write(path, record(b"one"), record(b"two"))
    cursor = log.read(lines=1).cursor

    assert log.skip(cursor, keep_bytes=1000) == (cursor, 0)


def test_a_rotated_log_is_read_from_its_start_and_the_gap_is_told(path: Path) -> None:
    log = write(path, record(b"old"))
    cursor = log.read().cursor
    path.rename(path.with_suffix(".old"))
    write(path, record(b"new"))

    page = log.read(cursor)

    assert [each.text for each in page.lines] == ["new"]
    assert page.has_gap
    assert not log.read(page.cursor).has_gap


def test_damage_is_shown_as_it_is_and_ends(path: Path) -> None:
    damage = b"no record at all\n"
    log = write(path, damage, b"z" * 200_000, record(b"after"))

    lines = read_all(log)

    assert lines[0].content == b"no record at all"
    assert max(len(each.content) for each in lines) <= 64 * 1024


@given(contents=st.lists(st.binary(max_size=40).map(lambda b: b.replace(b"\n", b"")), max_size=30))
def test_any_bytes_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, contents: list[bytes]
) -> None:
    log = write(tmp_path_factory.mktemp("log") / "log", *map(record, contents))

    assert [each.content for each in read_all(log, lines=3)] == contents


@pytest.mark.parametrize("text", ["", "1", "a:b", "1:-1", "1:2:3", "9" * 100 + ":1"])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(InvalidSetting):
        LogCursor.parse(text)


def test_a_cursor_survives_as_text() -> None:
    assert LogCursor.parse(str(LogCursor(7, 9))) == LogCursor(7, 9)
