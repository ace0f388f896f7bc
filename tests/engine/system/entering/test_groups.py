"""Getting into groups, of each hierarchy that this host has."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.system.cgroup_files import MOUNT
from engine.system.entering import kernel
from engine.system.entering.groups import Groups
from engine.system.entering.refusal import STOPPED, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.root


@pytest.fixture
def directories() -> Iterator[list[Path]]:
    """A group of one name in the hierarchies that take anybody without being set up."""
    name = f"shipshape-test-{secrets.token_hex(4)}"
    hierarchies = [MOUNT / each for each in ("pids", "freezer", "unified")]
    if (MOUNT / "cgroup.procs").exists():
        hierarchies = [MOUNT]
    made = [each / name for each in hierarchies if each.is_dir()]
    for each in made:
        each.mkdir()
    yield made
    for each in made:
        each.rmdir()


def groups_of_child(groups: Groups, join: Callable[[], None]) -> str:
    """What a child finds itself in once it has done *join*; or why it could not."""
    reader, writer = os.pipe()
    child = groups.fork()
    if child == 0:
        try:
            join()
            os.write(writer, Path("/proc/self/cgroup").read_bytes())
        except Refused as refused:
            os.write(writer, str(refused).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        found = stream.read()
    assert os.waitpid(child, 0) == (child, 0)
    return found


def assert_are_in(found: str, directories: list[Path]) -> None:
    (name,) = {each.name for each in directories}
    assert found.count(f":/{name}\n") == len(directories)


def test_a_child_is_in_all_of_them(directories: list[Path]) -> None:
    groups = Groups.open(map(str, directories))

    assert_are_in(groups_of_child(groups, groups.join), directories)

    groups.close()
    assert str(directories[0].name) not in Path("/proc/self/cgroup").read_text()


def test_it_moves_itself_where_nobody_is_born_there(
    directories: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> int:
        raise OSError

    monkeypatch.setattr(kernel, "fork_into", refuse)
    groups = Groups.open(map(str, directories))

    assert_are_in(groups_of_child(groups, groups.join), directories)
    groups.close()


def test_it_is_born_where_it_is_to_be(directories: list[Path]) -> None:
    groups = Groups.open(map(str, directories[-1:]))
    if groups.unified is None:
        pytest.skip("this host has no unified hierarchy")

    assert_are_in(groups_of_child(groups, lambda: None), directories[-1:])
    groups.close()


def test_of_groups_that_are_gone_it_says_that_the_container_is(directories: list[Path]) -> None:
    gone = [each.with_name(f"{each.name}-gone") for each in directories]
    for each in gone:
        each.mkdir()
    groups = Groups.open(map(str, gone))
    for each in gone:
        each.rmdir()

    assert groups_of_child(groups, groups.join) == STOPPED
    groups.close()

    with pytest.raises(FileNotFoundError):
        Groups.open(map(str, gone))
