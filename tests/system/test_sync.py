"""From one engine root to another, by the verbs of the shell, over a pipe."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from engine.engine import Engine
from engine.system.paths import EnginePaths
from tests.support.builders import directory, file, layer_tar
from tests.support.images import pack_image
from tests.support.registry import FakeRegistry, serving

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.root

TAR = layer_tar(directory("etc"), file("etc/data", os.urandom(2_000_000)))


def engine(place: Path, *words: str) -> list[str]:
    """Return the command that does *words* with the engine in *place*."""
    return [
        *(sys.executable, "-m", "engine"),
        *("--root", f"{place}/root", "--run", f"{place}/run", *words),
    ]


def sync(here: Path, there: Path, name: str) -> subprocess.CompletedProcess[str]:
    taking = shlex.join(engine(there, "receive"))
    return subprocess.run(
        engine(here, "sync", name, "--to", taking),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_an_image_goes_from_one_root_to_another(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    with serving(FakeRegistry()) as registry:
        name = str(registry.put_image("team/web", pack_image(TAR)))
        with Engine.open(EnginePaths(here / "root", here / "run")) as ours:
            pulled = ours.images.pull(name)

        first, second = sync(here, there, name), sync(here, there, name)

    assert first.returncode == 0, first.stderr
    image, digest, sent = first.stdout.split()
    assert (image, digest) == (str(pulled.image.id), str(pulled.digest))
    assert int(sent) > 2_000_000
    assert second.stdout.split()[2] == "0"
    with Engine.open(EnginePaths(there / "root", there / "run")) as theirs:
        taken = theirs.images.get(name)
        assert taken.id == pulled.image.id
        assert taken.size == pulled.image.size


def test_a_receiver_that_cannot_begin_is_named(tmp_path: Path) -> None:
    here = tmp_path / "here"
    with serving(FakeRegistry()) as registry:
        name = str(registry.put_image("team/web", pack_image(TAR)))
        with Engine.open(EnginePaths(here / "root", here / "run")) as ours:
            ours.images.pull(name)

    failed = subprocess.run(
        engine(here, "sync", name, "--to", "true"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert failed.returncode == 1
    assert "the other host is gone" in failed.stderr


def test_an_image_that_was_made_here_goes_too(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    with Engine.open(EnginePaths(here / "root", here / "run")) as ours:
        made = ours.images.make_starter()
        name = made.tags[0].familiar

    done = sync(here, there, name)

    assert done.returncode == 0, done.stderr
    with Engine.open(EnginePaths(there / "root", there / "run")) as theirs:
        taken = theirs.images.get(name)
    assert taken.id == made.id
    assert taken.source == "sync"
