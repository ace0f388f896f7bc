"""
Dying at one exact step.

`Fallible` stands before a collaborator and counts the calls. At the chosen one the "process" dies:
`Died` is raised, and from then on every collaborator refuses, so that no clean-up code of the dead
can do anything, as after a kill -9. What the kernel would give back, locks and transactions, is
given back by leaving their blocks.
"""

from __future__ import annotations

import os
import signal
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from engine.networks.assembly import open_networks
from engine.networks.door import Host
from engine.system.locks import Locks

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.containers.ports import Means
    from engine.networks.networks import NetworkMeans

# What has effects. Locks and the database are left alone: they end with a block.
COLLABORATORS = (
    "store",
    "events",
    "images",
    "snapshotter",
    "mounter",
    "bundles",
    "exits",
    "monitor",
    "runtime",
    "cgroups",
    "volumes",
)


class Died(BaseException):
    """The process is no more."""


class Countdown:
    """Dies at the step after *steps* others; says which one that was."""

    def __init__(self, steps: int, die: Callable[[], None] | None = None) -> None:
        self.left = steps
        self.died_at = ""
        self._die = die

    def step(self, label: str) -> None:
        if self.died_at:
            raise Died(self.died_at)
        if self.left == 0:
            self.died_at = label
            if self._die is not None:
                self._die()
            raise Died(label)
        self.left -= 1


class Fallible:
    """Passes every call on, one step each."""

    def __init__(self, name: str, target: object, countdown: Countdown) -> None:
        self._name, self._target, self._countdown = name, target, countdown

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        if not callable(found):
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            self._countdown.step(f"{self._name}.{name}")
            return found(*arguments, **named)

        return call


def dying(means: Means, countdown: Countdown) -> Means:
    """The same means, mortal."""
    assert set(COLLABORATORS) < {each.name for each in fields(means)}
    wrapped = {name: Fallible(name, getattr(means, name), countdown) for name in COLLABORATORS}
    return replace(means, networks=_dying_networks(means.networks, countdown), **wrapped)  # type: ignore[arg-type]


def _dying_networks(networks: NetworkMeans, countdown: Countdown) -> NetworkMeans:
    doors = {each.name: getattr(networks.host, each.name) for each in fields(networks.host)}
    mortal = Host(**{name: Fallible(name, door, countdown) for name, door in doors.items()})  # type: ignore[arg-type]
    return open_networks(
        networks.paths,
        database=networks.database,
        events=networks.events,
        clock=networks.clock,
        locks=Locks(networks.paths.locks),
        host=mortal,
    )


def kill_oneself() -> None:
    """Die for real; nothing of ours runs after that."""
    os.kill(os.getpid(), signal.SIGKILL)
