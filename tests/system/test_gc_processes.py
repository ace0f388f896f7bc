"""Clean-up beside pulls, loads and launches of other processes: what is needed is never taken."""

from __future__ import annotations

import io
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from engine.engine import Engine
from engine.settings import ContainerSettings
from engine.system.paths import EnginePaths
from tests.support.builders import file, layer_tar
from tests.support.images import pack_image
from tests.support.registry import FakeRegistry, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.root

ROUNDS = 2
SHARED = layer_tar(*(file(f"shared/{n}", b"x" * 5000) for n in range(50)))
SWEEPER = """
    import sys
    from datetime import timedelta
    from pathlib import Path
    from engine.engine import Engine
    from engine.errors import EngineError
    from engine.system.paths import EnginePaths

    root = Path(sys.argv[1])
    with Engine.open(EnginePaths(root / "root", root / "run")) as engine:
        print("ready", flush=True)
        while not (root / "stop").exists():
            engine.images.prune()
            engine.images.sweep(keep_for=timedelta(microseconds=1))
            engine._ground.snapshotter.sweep()
"""


@pytest.fixture
def paths(short_path) -> EnginePaths:  # type: ignore[no-untyped-def]
    return EnginePaths(short_path / "root", short_path / "run")


@pytest.fixture
def engine(paths: EnginePaths) -> Iterator[Engine]:
    with Engine.open(paths) as engine:
        yield engine


@pytest.fixture
def sweepers(paths: EnginePaths, engine: Engine) -> Iterator[list[subprocess.Popen[str]]]:
    """Two other processes that clean up without pause."""
    root = paths.root.parent
    words = [sys.executable, "-c", textwrap.dedent(SWEEPER), str(root)]
    started = [
        subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for each in started:
        assert each.stdout
        assert each.stdout.readline() == "ready\n"
    yield started
    (root / "stop").touch()
    for each in started:
        _, said = each.communicate(timeout=60)
        assert each.returncode == 0, said


def test_nothing_that_work_at_hand_needs_is_taken(
    engine: Engine, sweepers: list[subprocess.Popen[str]]
) -> None:
    with serving(FakeRegistry()) as registry:
        for number in range(ROUNDS):
            own = layer_tar(file(f"own-{number}", b"y" * 9000))
            reference = registry.put_image(f"team/a{number}", pack_image(SHARED, own))
            image = engine.images.pull(reference).image
            container = engine.containers.create(ContainerSettings(image=str(reference)))
            archive = io.BytesIO()
            engine.images.save([str(reference)], archive)
            engine.containers.remove(container.id)
            engine.images.remove(str(reference))
            loaded = engine.images.load(io.BytesIO(archive.getvalue()))
            assert loaded.images[0].id == image.id
            assert engine.images.get(str(reference)).layers == image.layers
            engine.images.remove(str(reference))

    assert all(each.poll() is None for each in sweepers)


def test_what_is_left_when_all_is_gone_is_nothing(
    engine: Engine, sweepers: list[subprocess.Popen[str]]
) -> None:
    with serving(FakeRegistry()) as registry:
        reference = registry.put_image("team/a", pack_image(SHARED))
        engine.images.pull(reference)
        engine.images.import_tar(io.BytesIO(SHARED), reference="team/b:1")
        engine.images.remove("team/b:1")
        engine.images.remove(str(reference))

    assert engine.images.list() == []
    assert engine.check().findings == ()
    assert list(engine.paths.snapshots.iterdir()) == []
    assert engine._ground.content.blob_bytes() == 0
