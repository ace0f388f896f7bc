"""
The ends of execs, each told of once: by whoever asks how it ended, or by whoever keeps containers.

A note `<run>/execs/<container>.<exec>` is there from the start of an exec until its end is told:
whoever removes it is the one to tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.containers.exec_record import ExecPlace, read_number
from engine.containers.telling import tell

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from engine.containers.ports import Means


class ExecEnds:
    """Knows which execs run, and tells when they do not any more."""

    def __init__(self, means: Means) -> None:
        self._means = means

    def expect(self, place: ExecPlace) -> None:
        """Note that the exec at *place* is about to run."""
        self._note(place).touch()

    def forget(self, place: ExecPlace) -> bool:
        """Tell nothing of the exec at *place*; return whether there was anything to tell."""
        try:
            self._note(place).unlink()
        except FileNotFoundError:
            return False
        return True

    def tell(self, place: ExecPlace, code: int) -> None:
        """Tell that the exec ended with *code*, unless somebody has."""
        if not self.forget(place):
            return
        record = self._means.store.find_by_id(place.bundle.id)
        if record is not None:
            tell(self._means.events, "exec_die", record, execID=place.id, exitCode=str(code))

    def tell_all(self, places: Iterable[ExecPlace], *, otherwise: int) -> None:
        """Tell the ends of *places*, all of which have; of some no code is known."""
        for place in places:
            code = read_number(place.exit_file)
            self.tell(place, otherwise if code is None else code)

    def look(self) -> None:
        """Tell of those that have ended and that nobody asked about; cheap when none runs."""
        for name in sorted(each.name for each in self._means.bundles.exec_notes.iterdir()):
            container_id, _, exec_id = name.partition(".")
            place = ExecPlace(exec_id, self._means.bundles.locate(container_id))
            code = read_number(place.exit_file)
            if code is not None:
                self.tell(place, code)
            elif not place.directory.exists():
                self.forget(place)

    def _note(self, place: ExecPlace) -> Path:
        return self._means.bundles.exec_notes / f"{place.bundle.id}.{place.id}"
