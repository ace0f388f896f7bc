"""What the monitor writes down about a launch, where it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.containers import monitor
from engine.containers.bundle import Bundles
from engine.containers.monitor import ConmonMonitor, Launch
from engine.containers.runtime import Programs
from engine.errors import OutOfSpace
from engine.system.paths import EnginePaths
from engine.system.runner import Finished

if TYPE_CHECKING:
    from pathlib import Path


def test_a_full_run_directory_refuses_the_launch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = EnginePaths(tmp_path / "root", tmp_path / "run")
    bundle = Bundles(paths).locate("c" * 64)
    bundle.run.mkdir(parents=True)
    bundle.process_file.symlink_to("/dev/full")
    monkeypatch.setattr(ConmonMonitor, "_words", lambda *_: ["conmon"])
    monkeypatch.setattr(monitor, "start_daemon", lambda *_, **__: Finished(0, b'{"pid": 1}', b""))

    # Whoever launches undoes what it did for errors of ours, and for no others.
    with pytest.raises(OutOfSpace):
        ConmonMonitor(Programs(paths), paths.exits).launch(Launch(bundle, "calm"))
