"""Exit files: what a monitor leaves for whoever looks next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.oci.timestamps import from_nanoseconds

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

# The monitor writes aside and renames; a name with a dot in it is not there yet.
ID_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Exit:
    """How a container's first process ended, and when."""

    code: int
    finished_at: datetime


class Exits:
    """The exit files of one engine, one for each container that ended and was not settled."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def find(self, container_id: str) -> Exit | None:
        """Return how *container_id* ended, or None where it has not."""
        try:
            with (self.directory / container_id).open("rb") as stream:
                code = stream.read(16).strip()
                changed = (self.directory / container_id).stat().st_mtime_ns
        except FileNotFoundError:
            return None
        # The monitor of a container whose end it could not see writes -1.
        return Exit(int(code) if code.isdigit() else 255, from_nanoseconds(changed))

    def list_ids(self) -> list[str]:
        """Return the containers that have an exit file."""
        return [each.name for each in self.directory.iterdir() if len(each.name) == ID_LENGTH]

    def discard(self, container_id: str) -> None:
        """Remove the exit file; one that is not there is fine."""
        (self.directory / container_id).unlink(missing_ok=True)
