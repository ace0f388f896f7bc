"""The states of a container and the ways between them: a table, and nothing else."""

from __future__ import annotations

import enum

from engine.errors import ContainerNotRunning, ContainerRunning, WrongState


class ContainerState(enum.StrEnum):
    """What docker calls the status of a container."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    EXITED = "exited"
    REMOVING = "removing"
    DEAD = "dead"

    @property
    def has_process(self) -> bool:
        """Whether a process of the container exists in this state."""
        return self in _WITH_PROCESS


_WITH_PROCESS = frozenset({ContainerState.RUNNING, ContainerState.PAUSED})


class Change(enum.StrEnum):
    """What can happen to a container."""

    START = "start"
    PAUSE = "pause"
    UNPAUSE = "unpause"
    EXIT = "exit"
    RETRY = "retry"
    GIVE_UP = "give up"
    LOSE = "lose"
    REMOVE = "remove"


_TABLE: dict[Change, dict[ContainerState, ContainerState]] = {
    Change.START: {
        ContainerState.CREATED: ContainerState.RUNNING,
        ContainerState.EXITED: ContainerState.RUNNING,
        ContainerState.RESTARTING: ContainerState.RUNNING,
    },
    Change.PAUSE: {ContainerState.RUNNING: ContainerState.PAUSED},
    Change.UNPAUSE: {ContainerState.PAUSED: ContainerState.RUNNING},
    # Its run ended, and its policy has it started again.
    Change.RETRY: {
        ContainerState.RUNNING: ContainerState.RESTARTING,
        ContainerState.PAUSED: ContainerState.RESTARTING,
        ContainerState.RESTARTING: ContainerState.RESTARTING,
        # It starts together with its host.
        ContainerState.EXITED: ContainerState.RESTARTING,
    },
    # It was stopped while it waited to be started again.
    Change.GIVE_UP: {ContainerState.RESTARTING: ContainerState.EXITED},
    Change.EXIT: {
        ContainerState.RUNNING: ContainerState.EXITED,
        ContainerState.PAUSED: ContainerState.EXITED,
    },
    # Its processes ended and nobody was there to take their exit status.
    Change.LOSE: {
        ContainerState.RUNNING: ContainerState.EXITED,
        ContainerState.PAUSED: ContainerState.EXITED,
        ContainerState.RESTARTING: ContainerState.EXITED,
    },
    Change.REMOVE: {
        ContainerState.CREATED: ContainerState.REMOVING,
        ContainerState.EXITED: ContainerState.REMOVING,
        ContainerState.RESTARTING: ContainerState.REMOVING,
        ContainerState.DEAD: ContainerState.REMOVING,
        ContainerState.REMOVING: ContainerState.REMOVING,
    },
}


def is_possible(change: Change, state: ContainerState) -> bool:
    """Whether *change* can happen to a container in *state*."""
    return state in _TABLE[change]


def after(change: Change, state: ContainerState, *, name: str) -> ContainerState:
    """Return the state that *change* leads to; raise the `WrongState` that says why it cannot."""
    try:
        return _TABLE[change][state]
    except KeyError:
        raise _refusal(change, state, name) from None


def _refusal(change: Change, state: ContainerState, name: str) -> WrongState:
    if change is Change.PAUSE and state is ContainerState.PAUSED:
        return WrongState(f"Container {name} is already paused", field="container")
    if change is Change.UNPAUSE:
        return WrongState(f"Container {name} is not paused", field="container")
    if state.has_process:
        return ContainerRunning(name, state=state)
    if change in {Change.EXIT, Change.LOSE, Change.PAUSE, Change.RETRY}:
        return ContainerNotRunning(name, state=state)
    return WrongState(f"cannot {change} container {name}: it is {state}", field="container")
