"""
How far a job is: from the engine's events to the job's row and from there to the browsers.

The engine emits from many threads and must not wait, so events only change a `Board` in memory. One
writer per job saves what changed, at most every 200 ms, and always what came last.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from django.utils import timezone

from engine.progress import (
    BuildOutput,
    BuildStatus,
    BuildStep,
    LayerProgress,
    LayerStatus,
    Message,
    ProgressEvent,
    StepProgress,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

SAVE_SECONDS = 0.2
MAX_LINE = 4096
MAX_LINES = 10_000
MAX_TEXT = 1000

_FETCHING = frozenset({LayerStatus.WAITING, LayerStatus.DOWNLOADING, LayerStatus.VERIFYING})
_APPLYING = frozenset({LayerStatus.DOWNLOADED, LayerStatus.EXTRACTING})


class Line(NamedTuple):
    """A line for the log; *step* is the step of a build whose program printed it."""

    text: str
    step: str = ""


class ProgressStore(Protocol):
    """Keeps what is known of one job's progress, and tells the browsers."""

    def save(self, progress: dict[str, Any] | None, lines: list[Line]) -> None:
        """Keep *progress*, unless it is None, append *lines* to the log, and publish the job."""

    def close(self) -> None:
        """Give back what the calling thread took for saving."""


@dataclass(slots=True)
class _Row:
    """One layer: where it stands, and how many of its compressed bytes are here."""

    label: str
    status: str
    current: int = 0
    total: int = 0
    fetched: int = 0
    to_fetch: int = 0


@dataclass(slots=True)
class Board:
    """What the events so far add up to."""

    rows: dict[str, _Row] = field(default_factory=dict)
    step: StepProgress | None = None
    build: dict[str, BuildStep] = field(default_factory=dict)
    began: dict[str, str] = field(default_factory=dict)

    def apply(self, event: LayerProgress | StepProgress | BuildStep) -> None:
        """Take note of *event*."""
        if isinstance(event, StepProgress):
            self.step = event
        elif isinstance(event, BuildStep):
            self.build[event.id] = event
            # For whoever watches: a running step counts on from here.
            self.began.setdefault(event.id, timezone.now().isoformat())
        else:
            self._apply_layer(event)

    def to_json(self) -> dict[str, Any]:
        """Return what stands in the job's row: the phase, a total, and a row for each layer."""
        if self.build:
            return self._steps()
        if self.rows:
            return self._layers()
        step = self.step or StepProgress("", 0, 0)
        return _progress(step.label, step.current, step.total, "items", [])

    def _apply_layer(self, event: LayerProgress) -> None:
        row = self.rows.setdefault(event.id, _Row(event.id, event.status))
        row.status, row.current, row.total = event.status, event.current, event.total
        if event.status in _FETCHING:
            row.to_fetch = event.total or row.to_fetch
            row.fetched = max(row.fetched, event.current)
        elif event.status != LayerStatus.EXISTS:
            row.fetched = row.to_fetch

    def _layers(self) -> dict[str, Any]:
        rows = self.rows.values()
        shown = [
            {
                "id": row.label,
                "label": row.label,
                "status": row.status,
                "current": row.current,
                "total": row.total,
            }
            for row in rows
        ]
        fetched, to_fetch = sum(row.fetched for row in rows), sum(row.to_fetch for row in rows)
        return _progress(self._phase(), fetched, to_fetch, "bytes", shown)

    def _steps(self) -> dict[str, Any]:
        steps = self.build.values()
        shown = [self._step(step) for step in steps]
        ended = sum(step.status in {BuildStatus.CACHED, BuildStatus.DONE} for step in steps)
        return _progress("Building", ended, self._planned(), "steps", shown)

    def _step(self, step: BuildStep) -> dict[str, Any]:
        told = {
            "id": step.id,
            "label": step.label,
            "text": step.text[:MAX_TEXT],
            "line": step.line,
            "status": step.status.value,
            "seconds": round(step.seconds, 2),
            "size": step.size,
        }
        is_running = step.status is BuildStatus.RUNNING
        return {**told, "began": self.began[step.id]} if is_running else told

    def _planned(self) -> int:
        """How many steps there are, as far as the stages that began say: `build 2/5`."""
        stages = {step.id.partition(".")[0]: step.label for step in self.build.values()}
        return sum(int(label.rpartition("/")[2]) for label in stages.values())

    def _phase(self) -> str:
        statuses = {row.status for row in self.rows.values()}
        if statuses & _FETCHING:
            return "Downloading"
        return "Extracting" if statuses & _APPLYING else "Complete"


def _progress(
    phase: str, current: int, total: int, unit: str, rows: list[dict[str, Any]]
) -> dict[str, Any]:
    return {"phase": phase, "current": current, "total": total or None, "unit": unit, "rows": rows}


class JobProgress:
    """A `ProgressSink` whose writer saves to *store*; see `reported`."""

    def __init__(self, store: ProgressStore, *, every: float = SAVE_SECONDS) -> None:
        self._store = store
        self._every = every
        self._board = Board()
        self._guard = threading.Lock()
        self._is_stale = False
        self._lines: list[Line] = []
        self._unended: dict[tuple[str, str], bytes] = {}
        self._line_count = 0
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._writer: threading.Thread | None = None

    def emit(self, event: ProgressEvent) -> None:
        """Take note of *event*; it is saved soon."""
        with self._guard:
            if isinstance(event, Message):
                self._add_line(event.text)
            elif isinstance(event, BuildOutput):
                self._add_output(event)
            else:
                self._board.apply(event)
                self._is_stale = True
            self._ensure_writer()
        self._wake.set()

    def close(self) -> None:
        """Save what came last. Events after that are dropped."""
        with self._guard:
            for (step, _), rest in self._unended.items():
                self._add_line(rest.decode(errors="replace"), step)
            self._unended.clear()
            self._closed.set()
            writer = self._writer
        self._wake.set()
        if writer is not None:
            writer.join()
        self._save()

    def _add_output(self, event: BuildOutput) -> None:
        """Add the lines that ended; the rest waits for its end, up to a line's length."""
        key = (event.id, event.stream)
        *ended, rest = (self._unended.pop(key, b"") + event.content).split(b"\n")
        if len(rest) > MAX_LINE:
            ended, rest = [*ended, rest], b""
        for line in ended:
            # What a bar of progress wrote over is of no use to anybody.
            self._add_line(
                line.rstrip(b"\r").rpartition(b"\r")[2].decode(errors="replace"), event.id
            )
        if rest:
            self._unended[key] = rest

    def _add_line(self, text: str, step: str = "") -> None:
        self._line_count += 1
        if self._line_count < MAX_LINES:
            self._lines.append(Line(text[:MAX_LINE], step))
        elif self._line_count == MAX_LINES:
            self._lines.append(Line(f"Only the first {MAX_LINES} lines are kept."))

    def _ensure_writer(self) -> None:
        if self._writer is None and not self._closed.is_set():
            self._writer = threading.Thread(target=self._write, name="progress", daemon=True)
            self._writer.start()

    def _write(self) -> None:
        while not self._closed.is_set():
            self._wake.wait()
            self._wake.clear()
            self._save()
            self._closed.wait(self._every)
        self._store.close()

    def _save(self) -> None:
        with self._guard:
            progress = self._board.to_json() if self._is_stale else None
            lines, self._lines = self._lines, []
            self._is_stale = False
        if progress is not None or lines:
            self._store.save(progress, lines)


@contextmanager
def reported(store: ProgressStore, *, every: float = SAVE_SECONDS) -> Iterator[JobProgress]:
    """Save what the block emits; when it ends, all of it is saved."""
    progress = JobProgress(store, every=every)
    try:
        yield progress
    finally:
        progress.close()
