"""Freezing a control group: its processes stand still and notice nothing of the time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from engine.errors import from_oserror
from engine.system.kernel_files import read_small

if TYPE_CHECKING:
    from pathlib import Path


class Freezer(Protocol):
    """The freezer of one control group."""

    @property
    def is_frozen(self) -> bool:
        """Whether it was told to freeze; False where the group is not there."""

    @property
    def is_done(self) -> bool:
        """Whether every process stands still."""

    def freeze(self) -> None:
        """Tell it to freeze."""

    def thaw(self) -> None:
        """Tell it to let the processes go on."""


class LegacyFreezer:
    """The freezer of cgroup v1, a controller of its own."""

    def __init__(self, directory: Path) -> None:
        self._state = directory / "freezer.state"

    @property
    def is_frozen(self) -> bool:
        """Whether it was told to freeze."""
        return read_small(self._state).strip() in {"FROZEN", "FREEZING"}

    @property
    def is_done(self) -> bool:
        """Whether every process stands still."""
        return read_small(self._state).strip() == "FROZEN"

    def freeze(self) -> None:
        """Tell it to freeze."""
        _write(self._state, "FROZEN")

    def thaw(self) -> None:
        """Tell it to let the processes go on."""
        _write(self._state, "THAWED")


class UnifiedFreezer:
    """The freezer of cgroup v2, which every group has."""

    def __init__(self, directory: Path) -> None:
        self._switch = directory / "cgroup.freeze"
        self._events = directory / "cgroup.events"

    @property
    def is_frozen(self) -> bool:
        """Whether it was told to freeze."""
        return read_small(self._switch).strip() == "1"

    @property
    def is_done(self) -> bool:
        """Whether every process stands still."""
        return "frozen 1" in read_small(self._events)

    def freeze(self) -> None:
        """Tell it to freeze."""
        _write(self._switch, "1")

    def thaw(self) -> None:
        """Tell it to let the processes go on."""
        _write(self._switch, "0")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError as error:
        raise from_oserror(error, f"write {path}") from error
