from __future__ import annotations

from typing import TYPE_CHECKING

from engine.system.watch import Watch

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_that_is_written_to_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()

    with Watch(file) as watch:
        file.write_bytes(b".")

        assert watch.wait(10)


def test_a_file_that_appears_in_a_directory_is_noticed(tmp_path: Path) -> None:
    with Watch(tmp_path) as watch:
        (tmp_path / "new").touch()

        assert watch.wait(10)


def test_a_file_that_is_moved_into_a_directory_is_noticed(tmp_path: Path) -> None:
    watched = tmp_path / "watched"
    watched.mkdir()
    (tmp_path / "file").touch()

    with Watch(watched) as watch:
        (tmp_path / "file").rename(watched / "file")

        assert watch.wait(10)


def test_what_changed_before_the_wait_is_not_missed(tmp_path: Path) -> None:
    with Watch(tmp_path) as watch:
        (tmp_path / "early").touch()
        (tmp_path / "early").unlink()

        assert watch.wait(0)


def test_nothing_is_noticed_where_nothing_happens(tmp_path: Path) -> None:
    with Watch(tmp_path) as watch:
        assert not watch.wait(0)


def test_several_places_are_watched_at_once(tmp_path: Path) -> None:
    places = [tmp_path / name for name in "ab"]
    for place in places:
        place.mkdir()

    with Watch(*places) as watch:
        (places[1] / "new").touch()

        assert watch.wait(10)
