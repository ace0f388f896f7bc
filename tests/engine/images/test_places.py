"""Where blobs were seen at registries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.images import places
from engine.images.places import SCHEMA, BlobPlaces
from engine.oci.digest import Digest
from engine.system.database import Database
from tests.support.world import TurnedClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOST = "images.test"
ONE, TWO = Digest.of(b"1"), Digest.of(b"2")


@pytest.fixture
def known(tmp_path: Path) -> Iterator[BlobPlaces]:
    database = Database(tmp_path / "engine.db", [SCHEMA])
    yield BlobPlaces(database, TurnedClock())
    database.close()


def test_the_place_seen_last_comes_first(known: BlobPlaces) -> None:
    for repository in ("a", "b", "a"):
        known.note(HOST, repository, [ONE])

    assert known.find(HOST, ONE, other_than="") == ["a", "b"]


def test_a_place_is_one_of_its_registry_and_its_blob(known: BlobPlaces) -> None:
    known.note(HOST, "a", [ONE])

    assert known.find("other.test", ONE, other_than="") == []
    assert known.find(HOST, TWO, other_than="") == []
    assert known.find(HOST, ONE, other_than="a") == []


def test_the_oldest_go_when_there_are_too_many(
    known: BlobPlaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "MAX_PLACES", 2)
    for repository in ("a", "b", "c", "d"):
        known.note(HOST, repository, [ONE])

    assert known.find(HOST, ONE, other_than="") == ["d", "c"]
