"""What people see of a job while it runs."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from engine.progress import (
    BuildOutput,
    BuildStatus,
    BuildStep,
    LayerProgress,
    LayerStatus,
    Message,
    StepProgress,
)
from workers.progress import MAX_LINE, MAX_LINES, Board, Line, reported


class FakeProgressStore:
    """A `ProgressStore` in memory."""

    def __init__(self) -> None:
        self.saved: list[dict[str, Any]] = []
        self.printed: list[Line] = []
        self.has_saved = threading.Event()
        self.closed_in: list[str] = []

    def save(self, progress: dict[str, Any] | None, lines: list[Line]) -> None:
        if progress is not None:
            self.saved.append(progress)
        self.printed += lines
        self.has_saved.set()

    @property
    def lines(self) -> list[str]:
        return [line.text for line in self.printed]

    def close(self) -> None:
        self.closed_in.append(threading.current_thread().name)


def layer(name: str, status: LayerStatus, current: int = 0, total: int = 0) -> LayerProgress:
    return LayerProgress(name, status, current, total)


def board(*events: LayerProgress | StepProgress | BuildStep) -> dict[str, Any]:
    made = Board()
    for event in events:
        made.apply(event)
    return made.to_json()


def test_the_total_is_the_bytes_of_all_layers_that_are_fetched() -> None:
    shown = board(
        layer("a", LayerStatus.DOWNLOADING, 30, 100),
        layer("b", LayerStatus.WAITING, 0, 50),
        layer("c", LayerStatus.EXISTS),
    )

    assert (shown["current"], shown["total"], shown["unit"]) == (30, 150, "bytes")
    assert shown["phase"] == "Downloading"


def test_each_layer_has_a_row_with_docker_s_words() -> None:
    shown = board(layer("a", LayerStatus.EXISTS), layer("b", LayerStatus.EXTRACTING, 7, 9))

    assert [row["status"] for row in shown["rows"]] == ["Already exists", "Extracting"]
    assert shown["rows"][1] == {
        "id": "b", "label": "b", "status": "Extracting", "current": 7, "total": 9,
    }  # fmt: skip


def test_unpacking_does_not_move_the_bar_back() -> None:
    shown = board(
        layer("a", LayerStatus.DOWNLOADING, 40, 100),
        layer("a", LayerStatus.DOWNLOADED),
        layer("a", LayerStatus.EXTRACTING, 5, 900),
    )

    assert (shown["current"], shown["total"]) == (100, 100)
    assert shown["phase"] == "Extracting"


@pytest.mark.parametrize("last", [LayerStatus.COMPLETE, LayerStatus.EXISTS])
def test_it_is_complete_when_every_layer_is_there(last: LayerStatus) -> None:
    assert board(layer("a", last))["phase"] == "Complete"


def test_work_counted_in_items_has_no_rows() -> None:
    shown = board(StepProgress("web", 2, 5))

    assert shown == {"phase": "web", "current": 2, "total": 5, "unit": "items", "rows": []}


def test_what_came_last_is_always_saved() -> None:
    store = FakeProgressStore()
    with reported(store, every=60) as progress:
        for count in range(1, 101):
            progress.emit(StepProgress("x", count, 100))

    assert store.saved[-1]["current"] == 100


def test_many_events_make_few_saves() -> None:
    store = FakeProgressStore()
    with reported(store, every=60) as progress:
        progress.emit(StepProgress("x", 0, 1000))
        store.has_saved.wait(5)
        for count in range(1000):
            progress.emit(StepProgress("x", count, 1000))

    assert len(store.saved) <= 3


def test_messages_become_lines_of_the_log_in_order() -> None:
    store = FakeProgressStore()
    with reported(store, every=0.001) as progress:
        progress.emit(Message("first"))
        progress.emit(Message("second"))

    assert store.lines == ["first", "second"]
    assert store.saved == []


def test_a_flood_of_messages_is_cut() -> None:
    store = FakeProgressStore()
    with reported(store) as progress:
        for count in range(MAX_LINES + 50):
            progress.emit(Message(str(count)))

    assert len(store.lines) == MAX_LINES
    assert store.lines[-1] == f"Only the first {MAX_LINES} lines are kept."


def test_quiet_work_starts_no_writer() -> None:
    store = FakeProgressStore()
    with reported(store):
        pass

    assert store.closed_in == []


def test_what_is_emitted_after_the_end_is_dropped() -> None:
    store = FakeProgressStore()
    with reported(store) as progress:
        pass
    progress.emit(Message("too late"))

    assert store.lines == []


def test_the_last_is_saved_even_when_the_block_fails() -> None:
    store = FakeProgressStore()
    with pytest.raises(ZeroDivisionError):  # noqa: PT012, SIM117
        with reported(store, every=60) as progress:
            progress.emit(Message("about to divide"))
            raise ZeroDivisionError

    assert store.lines == ["about to divide"]


def test_steps_of_a_build_are_rows_and_their_output_is_the_log() -> None:
    store = FakeProgressStore()
    with reported(store, every=0) as progress:
        progress.emit(BuildStep("0.2", "app 2/3", "RUN make", 4, BuildStatus.RUNNING))
        progress.emit(BuildOutput("0.2", "stdout", b"one\ntwo\n"))
        progress.emit(BuildStep("0.2", "app 2/3", "RUN make", 4, BuildStatus.DONE, 1.234, 4096))

    assert store.printed == [Line("one", "0.2"), Line("two", "0.2")]
    assert store.saved[-1] == {
        "phase": "Building",
        "current": 1,
        "total": 3,
        "unit": "steps",
        "rows": [
            {
                "id": "0.2",
                "label": "app 2/3",
                "text": "RUN make",
                "line": 4,
                "status": "done",
                "seconds": 1.23,
                "size": 4096,
            }
        ],
    }


def test_the_total_of_a_build_is_what_its_stages_announce() -> None:
    shown = board(
        BuildStep("0.1", "base 1/4", "FROM scratch", 1, BuildStatus.CACHED),
        BuildStep("1.1", "app 1/3", "FROM base", 5, BuildStatus.DONE),
        BuildStep("1.2", "app 2/3", "RUN make", 6, BuildStatus.RUNNING),
    )

    assert (shown["current"], shown["total"]) == (2, 7)
    assert "began" in shown["rows"][2]


def test_lines_of_programs_are_whole_whatever_pieces_they_came_in() -> None:
    store = FakeProgressStore()
    with reported(store, every=60) as progress:
        for step, content in (
            ("0.2", b"hal"), ("1.2", b"other\r\n"), ("0.2", b"f\n10%\r100%\nlast"),
        ):  # fmt: skip
            progress.emit(BuildOutput(step, "stdout", content))
        progress.emit(BuildOutput("0.3", "stderr", b"x" * (MAX_LINE + 1)))

    assert store.printed == [
        Line("other", "1.2"),
        Line("half", "0.2"),
        Line("100%", "0.2"),
        Line("x" * MAX_LINE, "0.3"),
        Line("last", "0.2"),
    ]
