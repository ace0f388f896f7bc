from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from engine.dockerapi.names import matching
from engine.dockerapi.refusals import Refusal
from engine.dockerapi.shapes_containers import command_text
from engine.dockerapi.words import go_time, human_size, parse_size, progress_bar, short_size
from engine.oci.reference import Reference


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0B"), (999, "999B"), (1982319, "1.982MB"), (10**9, "1GB")]
)
def test_sizes_have_four_digits(size: int, text: str) -> None:
    assert human_size(size) == text


@pytest.mark.parametrize(
    ("text", "size"), [("10m", 10 << 20), ("1k", 1024), ("5", 5), ("1.5G", 3 << 29), ("-1", -1)]
)
def test_sizes_are_read_in_binary_units(text: str, size: int) -> None:
    assert parse_size(text, "size") == size


@pytest.mark.parametrize(
    ("size", "text"), [(10 << 20, "10m"), (3 << 29, "1536m"), (1000, "1000"), (2048, "2k"), (0, "")]
)
def test_sizes_are_written_as_people_give_them(size: int, text: str) -> None:
    assert short_size(size) == text
    assert not text or parse_size(text, "size") == size


def test_what_is_no_size_is_refused() -> None:
    with pytest.raises(Refusal):
        parse_size("ten", "size")


def test_the_bar_is_docker_s() -> None:
    assert progress_bar(50, 100) == f"[{'=' * 25}>{' ' * 25}]      50B/100B"
    assert progress_bar(0, 0) == ""
    assert progress_bar(1000, 0) == "     1kB"


def test_times_have_no_more_digits_than_needed() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    assert go_time(moment) == "2026-01-02T03:04:05Z"
    assert go_time(moment + timedelta(milliseconds=120)) == "2026-01-02T03:04:05.12Z"
    assert go_time(None) == "0001-01-01T00:00:00Z"


def test_words_with_blanks_are_quoted_in_a_command() -> None:
    assert command_text(("sh", "-c", "echo a; exit")) == "sh -c 'echo a; exit'"


NAMES = [Reference.parse(each) for each in ("busybox", "team/web:1.4", "host:5000/a/b:2")]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("busybox", ["busybox:latest"]),
        ("busybox:*", ["busybox:latest"]),
        ("*", ["busybox:latest"]),
        ("*/*:1.?", ["team/web:1.4"]),
        ("team/w[a-f]b", ["team/web:1.4"]),
        ("host:5000/*/b", ["host:5000/a/b:2"]),
        ("web", []),
    ],
)
def test_a_star_stops_at_a_slash(pattern: str, found: list[str]) -> None:
    assert [each.familiar for each in matching(NAMES, (pattern,))] == found


@pytest.mark.parametrize("pattern", ["[", "a[z-a]", "x" * 2000])
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(Refusal):
        matching(NAMES, (pattern,))
