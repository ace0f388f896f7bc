"""
Control groups above those of containers: what `--cgroup-parent` names and nobody had made.

Each is noted before the runtime makes it, in a file `<run>/cgroups/<its path, quoted>`, and goes
with the last container below it. One that was there before is somebody's, with their limits: it
stays.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from pathlib import Path

    from engine.containers.bundle import Bundle
    from engine.containers.ports import Means

MAX_NAME = 255


def note_parents(means: Means, bundle: Bundle) -> None:
    """Note the groups above the container's own that its start is about to make."""
    means.bundles.cgroup_notes.mkdir(mode=0o700, exist_ok=True)
    for parent in means.cgroups.missing_parents(bundle.cgroup):
        note = _note(means, parent)
        if len(note.name) <= MAX_NAME:
            note.touch()


def remove_parents(means: Means, bundle: Bundle) -> None:
    """Remove the groups above the container's own that were made for containers and are empty."""
    if not bundle.cgroup_note.exists():
        return
    for parent in PurePosixPath(bundle.cgroup).parents:
        note = _note(means, str(parent))
        if len(note.name) <= MAX_NAME and note.exists() and means.cgroups.remove_empty(str(parent)):
            note.unlink(missing_ok=True)


def _note(means: Means, group: str) -> Path:
    return means.bundles.cgroup_notes / quote(group, safe="")
