"""Reading the engine's logs for streams."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from engine.containers.log_rotation import RotatedLog
from engine.containers.output import Output
from workers.agent import logs
from workers.agent.logs import EngineLogs

if TYPE_CHECKING:
    from pathlib import Path

    from engine.containers.logs import LogCursor
    from workers.agent.stream import Batch

ID = "c" * 64


@dataclass
class FakeContainers:
    """One container whose log is a real file."""

    log: Path
    is_running: bool = True

    def output(self, container_id: str) -> Output:
        return Output(RotatedLog(self.log), is_over=not self.is_running)

    def print(self, *lines: str, stream: str = "stdout") -> None:
        with self.log.open("a") as file:
            file.writelines(f"2026-03-04T05:06:07.5+00:00 {stream} F {line}\n" for line in lines)


@pytest.fixture
def containers(tmp_path: Path) -> FakeContainers:
    made = FakeContainers(tmp_path / "container.log")
    made.print("one", "two", "three")
    return made


@pytest.fixture
def source(containers: FakeContainers) -> EngineLogs:
    return EngineLogs(SimpleNamespace(containers=containers))  # type: ignore[arg-type]


def messages(batch: Batch[LogCursor]) -> list[str]:
    return [line["m"] for line in batch.lines]


def test_it_begins_with_the_last_lines(source) -> None:
    assert messages(source.read(ID, source.begin(ID, tail=2))) == ["two", "three"]


def test_a_line_has_its_time_and_its_stream(source, containers) -> None:
    containers.print("oh no", stream="stderr")

    line = source.read(ID, source.begin(ID, tail=1)).lines[0]

    assert line == {"t": "2026-03-04T05:06:07.500000+00:00", "s": "stderr", "m": "oh no"}


def test_it_goes_on_where_it_was(source, containers) -> None:
    batch = source.read(ID, source.begin(ID, tail=1))
    containers.print("four")

    assert messages(source.read(ID, batch.cursor)) == ["four"]


def test_what_is_too_far_behind_is_left_out_and_counted(source, containers, monkeypatch) -> None:
    monkeypatch.setattr(logs, "MOST_BEHIND", 1000)
    cursor = source.begin(ID, tail=0)
    containers.print(*[str(number) for number in range(10_000)])

    batch = source.read(ID, cursor)

    assert batch.skipped > 9000
    assert messages(batch)[0] == str(batch.skipped)


def test_a_quiet_container_that_runs_may_say_more(source) -> None:
    batch = source.read(ID, source.begin(ID, tail=0))

    assert (batch.lines, batch.is_end) == ((), False)


def test_one_that_does_not_run_has_said_everything(source, containers) -> None:
    containers.is_running = False
    cursor = source.begin(ID, tail=1)

    batch = source.read(ID, cursor)

    assert (messages(batch), batch.is_end) == (["three"], False)
    assert source.read(ID, batch.cursor).is_end


def test_one_that_is_removed_while_it_is_read_is_read_to_its_end(source, containers) -> None:
    batch = source.read(ID, source.begin(ID, tail=1))
    containers.print("last")
    place = containers.log.parent / "departed"
    place.mkdir()
    before, looks = containers.log, iter([containers.log])

    def output(container_id: str) -> Output:
        # The first look finds it where it was, and then nothing is there any more.
        path = next(looks, place / before.name)
        if path != before and before.exists():
            for each in before.parent.glob("container.log*"):
                each.rename(place / each.name)
        return Output(RotatedLog(path), is_over=True)

    containers.output = output

    assert messages(source.read(ID, batch.cursor)) == ["last"]
    assert source.read(ID, batch.cursor).lines
