from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.oci.timestamps import (
    from_nanoseconds,
    nanoseconds,
    parse_timestamp,
    render_timestamp,
)

MOMENTS = st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-05-01T12:00:00Z", datetime(2024, 5, 1, 12, tzinfo=UTC)),
        ("2024-05-01T12:00:00.123456789Z", datetime(2024, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)),
        ("2024-05-01T12:00:00.5+02:00", datetime(2024, 5, 1, 10, 0, 0, 500000, tzinfo=UTC)),
        ("2024-05-01t12:00:00z", datetime(2024, 5, 1, 12, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_times_are_read_as_programs_write_them(text: str, moment: datetime) -> None:
    assert parse_timestamp(text) == moment


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2024-05-01", "2024-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "٢٠٢٤"],
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert parse_timestamp(text) is None


@given(MOMENTS)
def test_a_time_reads_as_it_is_written(moment: datetime) -> None:
    assert parse_timestamp(render_timestamp(moment)) == moment


@given(MOMENTS)
def test_nanoseconds_lose_nothing(moment: datetime) -> None:
    assert from_nanoseconds(nanoseconds(moment)) == moment
