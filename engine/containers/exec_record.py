"""
The commands that are run in a running container, as records.

Each is a directory `<run>/containers/<container>/exec/<id>`: it goes with the container's run, as
docker has it. What it holds appears in an order that says how far it came: settings, the process
that is to run, the monitor's pid, the exit code.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.errors import ExecNotFound, ExecStarted, LimitExceeded, from_oserror
from engine.settings.execution import ExecSettings
from engine.system.marks import is_held, marked
from engine.system.removal import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.containers.bundle import Bundle, Bundles

PRIVATE = 0o700
# Of those that have ended, the newest stay to be asked for their exit codes.
KEPT = 64
MOST = 1024
_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ExecPlace:
    """Where the things of one exec are."""

    id: str
    bundle: Bundle

    @property
    def directory(self) -> Path:
        """Its own directory; the monitor keeps its files here."""
        return self.bundle.execs / self.id

    @property
    def settings(self) -> Path:
        """What was asked for."""
        return self.directory / "settings.json"

    @property
    def process(self) -> Path:
        """The process for the runtime; there from its start on."""
        return self.directory / "process.json"

    @property
    def entry(self) -> Path:
        """What its watcher is told, where it is started without the runtime."""
        return self.directory / "entry"

    @property
    def monitor_pid_file(self) -> Path:
        """The number of its monitor's process."""
        return self.directory / "monitor.pid"

    @property
    def pid_file(self) -> Path:
        """The number of its own process, as the host sees it."""
        return self.directory / "process.pid"

    @property
    def mark(self) -> Path:
        """What its monitor holds on to."""
        return self.directory / "mark"

    @property
    def exit_file(self) -> Path:
        """How it ended."""
        return self.directory / "exit"

    @property
    def attach_socket(self) -> Path:
        """Where its monitor takes attachments."""
        return self.directory / "attach"

    @property
    def control_pipe(self) -> Path:
        """Where its monitor takes orders."""
        return self.directory / "ctl"


@dataclass(frozen=True, slots=True)
class ExecRecord:
    """One exec: *exit_code* is None until it has ended, *pid* 0 unless it runs."""

    id: str
    container_id: str
    settings: ExecSettings
    is_started: bool = False
    pid: int = 0
    exit_code: int | None = None

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self.is_started and self.exit_code is None


class ExecStore:
    """The execs of all running containers of one engine."""

    def __init__(self, bundles: Bundles) -> None:
        self._bundles = bundles

    def add(self, bundle: Bundle, settings: ExecSettings) -> ExecRecord:
        """Make a record; the oldest that have ended go where there are many."""
        self._make_room(bundle)
        place = ExecPlace(secrets.token_hex(32), bundle)
        try:
            place.directory.mkdir(mode=PRIVATE, parents=True)
            place.settings.write_text(json.dumps(settings.to_json()))
        except OSError as error:
            raise from_oserror(error, "record the exec") from error
        return ExecRecord(place.id, bundle.id, settings)

    def locate(self, exec_id: str) -> ExecPlace:
        """Return where the exec of that ID is; raise `ExecNotFound`."""
        if _ID.fullmatch(exec_id):
            for bundle in self._bundles.list_running():
                place = ExecPlace(exec_id, bundle)
                if place.settings.exists():
                    return place
        raise ExecNotFound(exec_id)

    def get(self, exec_id: str) -> ExecRecord:
        """Return the record of that ID; raise `ExecNotFound`."""
        return self.read(self.locate(exec_id))

    def read(self, place: ExecPlace) -> ExecRecord:
        """Return the record at *place*; raise `ExecNotFound`."""
        try:
            settings = ExecSettings.from_json(json.loads(place.settings.read_bytes()))
        except FileNotFoundError as error:
            raise ExecNotFound(place.id) from error
        code = read_number(place.exit_file)
        return ExecRecord(
            id=place.id,
            container_id=place.bundle.id,
            settings=settings,
            is_started=place.process.exists(),
            pid=(read_number(place.pid_file) or 0) if code is None else 0,
            exit_code=code,
        )

    @contextmanager
    def starting(self, place: ExecPlace, process: dict[str, Any]) -> Iterator[None]:
        """
        Write what is to run, and be seen to start it; raise `ExecStarted` where somebody did.

        Of one that nobody starts any more, and nobody watches, nothing more is to be expected.
        """
        aside = place.directory / f"process.{secrets.token_hex(8)}"
        try:
            with marked(aside):
                aside.write_text(json.dumps(process))
                # It is held from the moment it is there.
                os.link(aside, place.process)
                aside.unlink()
                yield
        except FileExistsError as error:
            aside.unlink()
            ended = read_number(place.exit_file) is not None
            raise ExecStarted(place.id, has_ended=ended) from error
        except FileNotFoundError as error:
            raise ExecNotFound(place.id) from error

    def is_starting(self, place: ExecPlace) -> bool:
        """Whether somebody is about to start it."""
        return is_held(place.process)

    def mark_ended(self, place: ExecPlace, code: int) -> None:
        """Note the exit code of one that nobody watches."""
        aside = place.directory / "exit.new"
        with suppress(FileNotFoundError):
            aside.write_text(str(code))
            aside.rename(place.exit_file)

    def _make_room(self, bundle: Bundle) -> None:
        # To look at each takes its time, and is worth it only where many can go.
        if _count(bundle) < 2 * KEPT:
            return
        places = list_places(bundle)
        ended = [each for each in places if each.exit_file.exists()]
        for each in ended[:-KEPT]:
            remove_tree(each.directory)
        if len(places) - len(ended[:-KEPT]) >= MOST:
            raise LimitExceeded("the number of execs in the container", limit=MOST, field="exec")


def list_places(bundle: Bundle) -> list[ExecPlace]:
    """Return where the execs of a container are, the oldest first."""
    try:
        with os.scandir(bundle.execs) as entries:
            found = [(each.stat().st_mtime_ns, each.name) for each in entries]
    except FileNotFoundError:
        return []
    return [ExecPlace(name, bundle) for _, name in sorted(found)]


def _count(bundle: Bundle) -> int:
    try:
        with os.scandir(bundle.execs) as entries:
            return sum(1 for _ in entries)
    except FileNotFoundError:
        return 0


def iter_records(store: ExecStore, bundle: Bundle) -> Iterator[ExecRecord]:
    """Yield the records of a container's execs, the oldest first."""
    for place in list_places(bundle):
        with suppress(ExecNotFound):
            yield store.read(place)


def read_number(path: Path) -> int | None:
    """Return the number in a small file, or None where there is none."""
    try:
        with path.open("rb") as stream:
            text = stream.read(16).strip()
    except FileNotFoundError:
        return None
    return int(text) if text.removeprefix(b"-").isdigit() else None
