from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dockerapi.query import Query, parse_filters, parse_moment, parse_moment_or_age
from engine.dockerapi.refusals import Refusal

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def query(**values: str) -> Query:
    return Query({name: (value,) for name, value in values.items()})


@pytest.mark.parametrize(
    ("text", "flag"),
    [("1", True), ("true", True), ("yes", True), ("", False), ("0", False), ("False", False)],
)
def test_flags_are_read_as_docker_reads_them(text: str, flag: bool) -> None:
    assert query(all=text).flag("all") is flag


def test_a_flag_that_is_not_given_is_its_default() -> None:
    assert query().flag("stream", default=True)


@pytest.mark.parametrize("text", ["x", "1.5", "9" * 30, "0x10"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        query(limit=text).number("limit")
    assert refused.value.status == 400


def test_filters_are_read_in_both_spellings() -> None:
    for value in ({"label": {"a=b": True, "c": False}}, {"label": ["a=b"]}):
        assert parse_filters(json.dumps(value), ("label",)).get("label") == ("a=b",)


@pytest.mark.parametrize(
    "text", ["x", "[]", "1", '{"label":1}', '{"label":{"a":1}}', '{"label":[1]}', '{"x":[]}']
)
def test_what_are_no_filters_is_refused(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse_filters(text, ("label",))
    assert refused.value.status == 400


@given(st.text(max_size=200))
def test_any_text_is_filters_or_refused(text: str) -> None:
    with suppress(Refusal):
        parse_filters(text, ("label",))


@given(st.text(max_size=60))
def test_any_text_is_a_moment_or_refused(text: str) -> None:
    with suppress(Refusal):
        parse_moment_or_age(text, "since", NOW)


def test_labels_are_matched_by_name_or_value() -> None:
    filters = parse_filters('{"label":["a","b=1"],"label!":["c"]}', ("label", "label!"))

    assert filters.matches_labels({"a": "", "b": "1"})
    assert not filters.matches_labels({"a": "", "b": "2"})
    assert not filters.matches_labels({"a": "", "b": "1", "c": ""})


def test_moments_are_seconds_or_written_out() -> None:
    written = parse_moment("2026-01-01T00:00:00.5Z", "since")

    assert parse_moment("1767225600.500000000", "since") == written
    assert parse_moment_or_age("1h30m", "since", NOW) == NOW - timedelta(hours=1.5)
