"""Taking note that containers ended, as soon as they do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.system.watch import Watch

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    from engine.engine import Engine

LOOK_SECONDS = 1.0


def watch_exits(engine: Engine, directory: Path, stop: threading.Event) -> None:
    """Until *stop* is set, have every exit whose file appears in *directory* settled at once."""
    with Watch(directory) as watch:
        while not stop.is_set():
            engine.containers.settle()
            watch.wait(LOOK_SECONDS)
