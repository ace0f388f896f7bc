"""The wait for a move begins, stays alone, and changes nothing."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.system.cgroup_files import MOUNT, group_of
from engine.system.grace import NAME, begin_grace
from tests.support.services import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

PROCESS = Path("/proc/self/cgroup")


def count_waiting() -> int:
    return [each.name for each in threading.enumerate()].count(NAME)


def await_end() -> None:
    wait_until(lambda: not count_waiting(), what="nobody waits any more")


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    await_end()
    yield
    await_end()


@pytest.fixture
def procs(tmp_path: Path) -> Path:
    """The file by which this process would move to where it is, below another mount."""
    group = group_of(os.getpid(), mount=tmp_path)
    assert group is not None
    directory = next(iter(group.directories.values()))
    directory.mkdir(parents=True, exist_ok=True)
    return directory / "cgroup.procs"


def test_this_process_is_moved_to_where_it_is(tmp_path: Path, procs: Path) -> None:
    procs.touch()

    begin_grace(tmp_path)

    wait_until(lambda: procs.read_text() == "0", what="it was written")


def test_whoever_comes_while_somebody_waits_has_the_same_wait(tmp_path: Path, procs: Path) -> None:
    os.mkfifo(procs)

    for _ in range(3):
        begin_grace(tmp_path)

    assert count_waiting() == 1
    with procs.open("rb") as kernel:
        assert kernel.read() == b"0"


def test_without_groups_nothing_happens_however_often(tmp_path: Path) -> None:
    for _ in range(2):
        begin_grace(tmp_path / "nowhere")
        await_end()


def test_a_process_without_a_thread_left_goes_on(
    tmp_path: Path, procs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError

    procs.touch()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        begin_grace(tmp_path)
    begin_grace(tmp_path)

    wait_until(lambda: procs.read_text() == "0", what="it was written")


@pytest.mark.root
def test_it_stays_in_its_groups() -> None:
    before = PROCESS.read_text()

    begin_grace(MOUNT)
    await_end()

    assert PROCESS.read_text() == before
