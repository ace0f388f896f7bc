import pytest

from engine.containers.state import Change, ContainerState, after, is_possible
from engine.errors import ContainerNotRunning, ContainerRunning, WrongState

S, C = ContainerState, Change

WAYS = {
    (C.START, S.CREATED): S.RUNNING,
    (C.START, S.EXITED): S.RUNNING,
    (C.START, S.RESTARTING): S.RUNNING,
    (C.PAUSE, S.RUNNING): S.PAUSED,
    (C.UNPAUSE, S.PAUSED): S.RUNNING,
    (C.RETRY, S.RUNNING): S.RESTARTING,
    (C.RETRY, S.PAUSED): S.RESTARTING,
    (C.RETRY, S.RESTARTING): S.RESTARTING,
    (C.RETRY, S.EXITED): S.RESTARTING,
    (C.GIVE_UP, S.RESTARTING): S.EXITED,
    (C.EXIT, S.RUNNING): S.EXITED,
    (C.EXIT, S.PAUSED): S.EXITED,
    (C.LOSE, S.RUNNING): S.EXITED,
    (C.LOSE, S.PAUSED): S.EXITED,
    (C.LOSE, S.RESTARTING): S.EXITED,
    (C.REMOVE, S.CREATED): S.REMOVING,
    (C.REMOVE, S.EXITED): S.REMOVING,
    (C.REMOVE, S.RESTARTING): S.REMOVING,
    (C.REMOVE, S.DEAD): S.REMOVING,
    (C.REMOVE, S.REMOVING): S.REMOVING,
}


@pytest.mark.parametrize("change", list(Change))
@pytest.mark.parametrize("state", list(ContainerState))
def test_there_are_these_ways_and_no_others(change: Change, state: ContainerState) -> None:
    assert is_possible(change, state) == ((change, state) in WAYS)
    if (change, state) in WAYS:
        assert after(change, state, name="web") is WAYS[change, state]
    else:
        with pytest.raises(WrongState):
            after(change, state, name="web")


def test_what_runs_is_neither_removed_nor_started() -> None:
    for change in (Change.REMOVE, Change.START):
        with pytest.raises(ContainerRunning):
            after(change, ContainerState.RUNNING, name="web")


def test_what_does_not_run_cannot_exit() -> None:
    with pytest.raises(ContainerNotRunning):
        after(Change.EXIT, ContainerState.CREATED, name="web")
