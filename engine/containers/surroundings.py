"""
What a runtime spec takes from the host besides its facts: found at each start, then only read.

`spec` stays pure because everything that has to be looked up stands here: devices, the namespaces
of other containers, the program that is to be the first process, mounts with their sources.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from engine.containers.devices import Device


@dataclass(frozen=True, slots=True)
class Surroundings:
    """
    What was found for one start.

    *joined* are paths of namespaces by their kind in the runtime spec; *numbers* those of block
    devices by path; *mounts* are complete entries of a runtime spec, for everything that is mounted
    from outside; *shm* is what stands at /dev/shm where it is shared, *init* the init program.
    """

    devices: tuple[Device, ...] = ()
    numbers: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    joined: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[dict[str, Any], ...] = ()
    shm: Path | None = None
    init: Path | None = None


NOTHING = Surroundings()
