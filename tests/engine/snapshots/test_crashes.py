"""What is there after a process was killed in the middle."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

import pytest

from engine.snapshots import store as store_module
from engine.snapshots.native import NativeSnapshotter
from engine.snapshots.overlay import OverlaySnapshotter
from engine.snapshots.snapshotter import Kind, Pending
from engine.snapshots.store import SCHEMA, SnapshotStore
from engine.system.database import Database
from tests.support.fakes_snapshots import chain

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.oci.digest import ChainID
    from engine.snapshots.snapshotter import Snapshotter
    from engine.system.paths import EnginePaths

KILLED = 99


@pytest.fixture(params=[OverlaySnapshotter, NativeSnapshotter])
def opened(request: pytest.FixtureRequest, paths: EnginePaths) -> Callable[[], Snapshotter]:
    """Open the snapshotter anew, as another process would."""

    def open_it() -> Snapshotter:
        database = Database(paths.database, [SCHEMA])
        request.addfinalizer(database.close)
        snapshotter: Snapshotter = request.param(paths.snapshots, database, trash=paths.trash)
        return snapshotter

    return open_it


def killed_while(work: Callable[[], object], *, at: object, name: str) -> None:
    """Do *work* in a process that is gone, without a word, when it calls *name* of *at*."""
    pid = os.fork()
    if pid == 0:
        try:
            setattr(at, name, lambda *_, **__: os._exit(KILLED))
            work()
        finally:
            os._exit(0)  # never back into pytest
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == KILLED


def everything(paths: EnginePaths) -> list[str]:
    return [each.name for place in (paths.snapshots, paths.trash) for each in place.iterdir()]


def test_killed_before_the_record_is_durable(
    opened: Callable[[], Snapshotter], paths: EnginePaths
) -> None:
    killed_while(
        lambda: opened().prepare("box", parent=None), at=store_module, name="make_directory"
    )
    assert everything(paths) == ["1"]

    snapshotter = opened()

    assert snapshotter.find("box") is None
    assert snapshotter.sweep() > 0
    assert everything(paths) == []


def test_the_directory_of_a_killed_process_is_taken_over(
    opened: Callable[[], Snapshotter], paths: EnginePaths
) -> None:
    killed_while(
        lambda: opened().prepare("box", parent=None), at=store_module, name="make_directory"
    )

    opened().prepare("box", parent=None)

    assert everything(paths) == ["1"]


@pytest.mark.parametrize(
    ("at", "name", "strays"),
    [(SnapshotStore, "_discard_all", 1), (store_module, "remove_trees", 0)],
)
def test_killed_while_removing(
    opened: Callable[[], Snapshotter], paths: EnginePaths, at: object, name: str, strays: int
) -> None:
    opened().prepare("box", parent=None)

    killed_while(lambda: opened().remove("box"), at=at, name=name)

    snapshotter = opened()
    assert snapshotter.find("box") is None
    assert len(everything(paths)) == 1
    assert len(snapshotter.stray_directories()) == strays
    snapshotter.sweep()
    assert everything(paths) == []


def test_killed_while_committing_a_stack(
    opened: Callable[[], Snapshotter], paths: EnginePaths
) -> None:
    snapshotter = opened()
    for key in ("lower", "upper"):
        (snapshotter.stage(key) / key).touch()
        snapshotter.seal(key, "{}")
    stack = [Pending("lower", chain(1), 4096), Pending("upper", chain(2), 4096)]
    commit = partial(_commit_and_die_at, opened, stack, chain(2))

    killed_while(commit, at=SnapshotStore, name="does_not_matter")

    again = opened()
    assert [each.kind for each in again.iter_snapshots()] == [Kind.STAGED, Kind.STAGED]
    again.commit_stack(stack, parent=None)
    assert (again.layer_directories(chain(2))[0] / "upper").exists()
    again.sweep()
    assert len(everything(paths)) == 2


def _prepare(opened: Callable[[], Snapshotter]) -> None:
    opened().prepare("box", parent=None)


def _commit_and_die_at(
    opened: Callable[[], Snapshotter], stack: list[Pending], name: ChainID
) -> None:
    really = SnapshotStore.become_committed

    def become_committed(*arguments: object, **facts: object) -> None:
        if name in arguments:
            os._exit(KILLED)
        really(*arguments, **facts)  # type: ignore[arg-type]

    SnapshotStore.become_committed = become_committed  # type: ignore[method-assign,assignment]
    opened().commit_stack(stack, parent=None)
