from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from engine.system.watch import Watch


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


def test_hundreds_watch_at_once_and_leave_nothing_open(tmp_path: Path) -> None:
    # The kernel allows 128 inotify instances for a user.
    places = [tmp_path / str(number) for number in range(3)]
    for place in places:
        place.mkdir()
    with Watch(tmp_path):
        before = len(list(Path("/proc/self/fd").iterdir()))
        with ExitStack() as stack:
            watches = [stack.enter_context(Watch(*places)) for _ in range(400)]
            (places[2] / "new").touch()

            assert all(watch.wait(10) for watch in watches)
            assert not watches[0].wait(0)
            assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_one_who_leaves_takes_nothing_from_the_others(tmp_path: Path) -> None:
    with Watch(tmp_path) as stays:
        with Watch(tmp_path):
            pass
        (tmp_path / "new").touch()

        assert stays.wait(10)


def test_a_place_that_is_not_there_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Watch(tmp_path, tmp_path / "nothing")


def test_a_place_may_go_while_it_is_watched(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    with Watch(place) as watch:
        place.rmdir()
        watch.wait(0)
