"""Scenes: `docker` commands that are played to our engine and to a real dockerd, one by one."""

from __future__ import annotations

import itertools
import shlex
from typing import TYPE_CHECKING

from tests.support.docker_cli import IMAGE, spoken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.docker_cli import DockerCli, Outcome


def differences(both: tuple[DockerCli, DockerCli], scene: str) -> str:
    """Return what is not said alike in *scene*, for a person; nothing where all is."""
    return "\n\n".join(_differing(both, scene))


def _differing(both: tuple[DockerCli, DockerCli], scene: str) -> Iterator[str]:
    for each in scene.strip().splitlines():
        line = each.strip()
        mine, other = (_play(cli, line) for cli in both)
        if _comparable(line, mine) != _comparable(line, other):
            yield (
                f"docker {line}\n=== ours: {spoken(str(mine))}\n=== docker: {spoken(str(other))}"
            )


def _play(cli: DockerCli, line: str) -> Outcome:
    return cli.run(*(word.replace("IMAGE", IMAGE) for word in shlex.split(line)))


def _comparable(line: str, outcome: Outcome) -> object:
    """Return what of *outcome* is a promise; what differs from run to run is left out."""
    text = spoken(str(outcome))
    if line.startswith("rmi "):
        # Docker keeps an empty layer for what changed no file.
        return [each for each, _ in itertools.groupby(text.splitlines())]
    # Changes come as a walk finds them, and names of an image as a map does: no promise.
    is_unordered = line.startswith(("diff ", "images --format"))
    return sorted(text.splitlines()) if is_unordered else text
