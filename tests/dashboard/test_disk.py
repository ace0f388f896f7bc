from __future__ import annotations

from typing import Any

import pytest
from django.template import Context, Template
from hypothesis import given
from hypothesis import strategies as st

from dashboard.models import Host
from dashboard.selectors.disk import Disk, disk_of
from dashboard.templatetags.parts import stacked

GB = 10**9
TOLD = {
    "total": 64 * GB,
    "free": 41 * GB,
    "layers": 9 * GB,
    "layers_shared": 6 * GB,
    "archives": GB,
    "documents": 400,
    "writable": 2 * GB,
    "virtual_sum": 30 * GB,
    "build_cache": 700,
    "volumes": 3 * GB,
    "logs": 50,
    "trash": 60,
    "unused": 70,
    "measured_at": "2026-05-01T12:00:00+00:00",
}
sizes = st.integers(min_value=0, max_value=10**15)
accounts = st.fixed_dictionaries(
    {}, optional={name: sizes for name in TOLD if name != "measured_at"}
)


def disk(**told: Any) -> Disk:
    return disk_of(Host(name="alpha", disk=told))


def size_of(found: Disk, tone: str) -> int:
    return next(part.size for part in found.parts if part.tone == tone)


def test_every_line_of_the_ledger_is_a_part():
    found = disk(**TOLD)

    told = {part.tone: part.size for part in found.parts}
    assert told == {
        "shared": 6 * GB,
        "unique": 3 * GB,
        "writable": 2 * GB,
        "volume": 3 * GB,
        "cache": 700,
        "archive": GB + 400,
        "trash": 60,
        "logs": 50,
        "unused": 70,
        "other": 23 * GB - (15 * GB + 400 + 700 + 50 + 60 + 70),
        "free": 41 * GB,
    }
    assert sum(told.values()) == 64 * GB


@given(accounts)
def test_the_parts_add_up_to_the_disk_whatever_an_agent_says(told):
    found = disk(**told)

    if found.total:
        assert sum(part.size for part in found.parts) == max(found.total, 0)
    assert all(part.size >= 0 for part in found.parts)


def test_what_was_counted_beyond_what_is_in_use_is_told_and_drawn_nowhere():
    found = disk(total=100, free=70, layers=20, writable=15)

    assert size_of(found, "writable") == 10
    assert size_of(found, "other") == 0
    assert found.excess == 5


def test_a_host_that_says_nothing_has_no_disk():
    found = disk()

    assert found.total == 0
    assert found.measured_at is None
    assert not found.is_worth_comparing


def test_volumes_that_no_account_tells_of_come_from_their_rows():
    told = {name: value for name, value in TOLD.items() if name != "volumes"}

    assert size_of(disk_of(Host(name="alpha", disk=told, volume_bytes=77)), "volume") == 77


def test_an_age_that_is_none_is_not_told():
    assert disk(measured_at="soon").measured_at is None


def test_the_segments_stay_within_the_bar():
    told = {**dict.fromkeys(TOLD, 1), "total": 10**12, "free": 10**12 - 30}

    segments = stacked(disk_of(Host(name="alpha", disk=told)).parts)["segments"]

    last = segments[-1]
    assert float(last["x"].rstrip("%")) + float(last["width"].rstrip("%")) <= 100.0


@pytest.mark.django_db
def test_the_bar_is_drawn_with_a_legend_and_its_age():
    html = Template(
        "{% include 'dashboard/hosts/_disk.html' %}",
    ).render(Context({"host": Host(name="alpha", disk=TOLD)}))

    assert html.count("<rect") == 11
    assert "measured <time" in html
    assert '30.0 GB</s>; it is <b class="num">12.0 GB</b>' in html
