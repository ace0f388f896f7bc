"""What is left of containers of the real kernel."""

from __future__ import annotations

from pathlib import Path

from engine.system.cgroups import Cgroups
from engine.system.processes import has_argument

SECONDS = 60.0


def list_with_argument(argument: str) -> list[int]:
    pids = [int(each.name) for each in Path("/proc").iterdir() if each.name.isdecimal()]
    return [pid for pid in pids if has_argument(pid, argument)]


def remains_of(ids: list[str]) -> list[str]:
    """Processes and control groups of containers that should be gone."""
    found = [f"process {pid} of {each}" for each in ids for pid in list_with_argument(each)]
    return found + [f"cgroup {each}" for each in ids if Cgroups().exists(f"/shipshape/{each}")]
