"""The engine's own command line, as a person types it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.__main__ import main
from tests.support.docker_cli import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.root


@pytest.fixture
def engine(short_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def call(*words: str, code: int = 0) -> str:
        places = ["--root", str(short_path / "root"), "--run", str(short_path / "run")]
        assert main([*places, *words]) == code
        printed = capsys.readouterr()
        return printed.out + printed.err

    return call


def test_a_container_is_run_looked_at_and_removed(engine: Callable[..., str]) -> None:
    engine("starter")
    name = engine("run", "shipshape/starter", "echo", "ahoy").split()[1]
    engine("stop", name)

    assert engine("logs", name) == "ahoy\n"
    assert name in engine("ps")
    assert int(engine("rm", name)) > 0
    assert engine("ps") == ""
    assert engine("logs", name) == "ahoy\n"
    assert "No such container: nobody" in engine("logs", "nobody", code=1)


def test_images_are_listed_and_removed(engine: Callable[..., str]) -> None:
    engine("starter")

    assert engine("images").startswith("shipshape/starter:latest\t")
    assert "Deleted:" in engine("rmi", "shipshape/starter")
    assert engine("images") == ""
    assert "total\t0\n" in engine("disk")


def test_images_travel_in_files(engine: Callable[..., str], short_path: Path) -> None:
    engine("starter")
    archive = str(short_path / "starter.tar")
    engine("save", archive, "shipshape/starter")
    engine("rmi", "shipshape/starter")

    assert "Loaded image: shipshape/starter:latest" in engine("load", archive)
    assert engine("images").startswith("shipshape/starter:latest\t")


def test_a_check_finds_a_damage_and_repairs_it(
    engine: Callable[..., str], short_path: Path
) -> None:
    engine("starter")
    assert "1 layers, 1 images, 0 containers and 0 volumes: 0 damaged" in engine("check")
    (layer,) = (short_path / "root/snapshots").iterdir()
    (layer / "fs/bin").chmod(0o700)

    assert "/bin has mode 700, not 755" in engine("check", code=1)
    assert "unpacked again from its recipe" in engine("check", "--repair", code=1)
    assert "0 damaged" in engine("check")


def test_an_error_is_told_with_its_remedy(engine: Callable[..., str]) -> None:
    told = engine("run", "nothing/here", code=1)

    assert told.startswith("error: No such image: nothing/here")
    assert "pull the image first" in told


def test_reconciling_an_empty_root_says_nothing(engine: Callable[..., str]) -> None:
    assert engine("reconcile") == ""
    assert engine("events") == ""


def test_a_signal_to_the_command_ends_the_server_itself(short_path: Path) -> None:
    place = ["--root", str(short_path / "r"), "--run", str(short_path / "v")]
    words = [str(CHECKOUT / "shipshape"), "engine", "serve", *place, "--socket"]
    with subprocess.Popen(
        [*words, str(short_path / "s")], stdout=subprocess.PIPE, cwd=CHECKOUT
    ) as served:
        assert served.stdout
        assert served.stdout.readline().startswith(b"listening on unix://")
        assert b"engine\0serve" in Path(f"/proc/{served.pid}/cmdline").read_bytes()
        served.terminate()

        assert served.wait(30) == 0
    assert not (short_path / "s").exists()


def test_a_plan_is_made_shown_and_carried_out(engine: Callable[..., str]) -> None:
    engine("starter")
    made = engine("cleanup", "preview", "unused-images", "stopped-containers")
    plan = made.split()[1]

    assert "\ngoes\timage\tsha256:" in made
    assert engine("cleanup", "show", plan) == made
    assert engine("cleanup", "run", plan, "--trash").endswith("\nfreed\t0\n")
    assert engine("images") == ""
    assert "is gone already" in engine("cleanup", "run", plan)
    assert "error:" in engine("cleanup", "show", "f" * 32, code=1)


def test_the_trash_is_listed_brought_back_and_emptied(engine: Callable[..., str]) -> None:
    engine("starter")
    plan = engine("cleanup", "preview", "unused-images").split()[1]
    engine("cleanup", "run", plan, "--trash")
    listed = engine("trash", "list")
    item = listed.split()[0]

    assert "\timage\tshipshape/starter:latest\t" in listed
    assert engine("trash", "restore", item, "--name", "team/web:2") == f"Restored:\t{item}\n"
    assert engine("images").startswith("team/web:2\t")
    plan = engine("cleanup", "preview", "unused-images").split()[1]
    engine("cleanup", "run", plan, "--trash")
    assert f"went\t{item}\n" in engine("trash", "empty")
    assert engine("trash", "list") == ""
    # Of a root that holds nothing, its own directories are more than a hundredth.
    assert "%" in engine("disk", "--measure", code=1)
