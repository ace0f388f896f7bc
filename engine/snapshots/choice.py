"""Which snapshotter an engine root has: decided once, for its disk is written in that form."""

from __future__ import annotations

import enum
import os
from typing import TYPE_CHECKING

from engine.snapshots.native import NativeSnapshotter
from engine.snapshots.overlay import OverlaySnapshotter
from engine.system.overlay_probe import find_obstacle

if TYPE_CHECKING:
    from engine.snapshots.snapshotter import Snapshotter
    from engine.system.database import Database
    from engine.system.paths import EnginePaths


class SnapshotterKind(enum.StrEnum):
    """How layers are stacked: by the kernel, or by copying."""

    OVERLAY = "overlay"
    NATIVE = "native"


def snapshotter_kind(paths: EnginePaths) -> SnapshotterKind:
    """
    Return the kind of the root in *paths*, choosing it if this is the first look.

    Overlay is chosen wherever the kernel can do it in that directory.
    """
    note = paths.snapshotter_note
    if not note.exists():
        can_overlay = find_obstacle(paths.snapshots) is None
        chosen = SnapshotterKind.OVERLAY if can_overlay else SnapshotterKind.NATIVE
        aside = note.with_name(f"{note.name}.{os.getpid()}")
        aside.write_text(chosen)
        aside.replace(note)
    return SnapshotterKind(note.read_text())


def open_snapshotter(paths: EnginePaths, database: Database) -> Snapshotter:
    """Return the snapshotter of the root in *paths*."""
    if snapshotter_kind(paths) is SnapshotterKind.OVERLAY:
        return OverlaySnapshotter(paths.snapshots, database, trash=paths.trash)
    return NativeSnapshotter(paths.snapshots, database, trash=paths.trash)
