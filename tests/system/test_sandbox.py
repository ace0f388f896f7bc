"""Programs of the real kernel over a directory that they cannot change."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from engine.containers.containers import IfRunning
from engine.errors import ContainerRunning, InvalidSetting, SandboxConflict, SandboxNotFound
from tests.system.test_containers import SECONDS, output

if TYPE_CHECKING:
    from pathlib import Path

    from engine.containers.sandbox_files import Sandbox
    from tests.support.containers import Yard

pytestmark = pytest.mark.root


@pytest.fixture
def work(tmp_path: Path) -> Path:
    place = tmp_path / "a, strange:name"
    (place / "sub/deep").mkdir(parents=True)
    (place / "keep").write_text("keep\n")
    (place / "change").write_text("old\n")
    (place / "gone").write_text("gone\n")
    (place / "sub/deep/file").write_text("deep\n")
    return place


CHANGE = (
    "cd /sandbox; cat keep; echo new > change; rm gone; echo added > added; mkdir -p d/e;"
    "echo x > d/e/f; ln -s keep link; chmod 4755 added; rm -rf sub; echo file > sub"
)


def ran(yard: Yard, work: Path, script: str = CHANGE) -> Sandbox:
    settings = yard.settings("/bin/sh", "-c", script)
    sandbox = yard.containers.sandbox_run(settings, directory=str(work))
    assert yard.containers.wait(sandbox.container_id, timeout=SECONDS) is not None
    return sandbox


def tree(place: Path) -> dict[str, str]:
    return {
        str(each.relative_to(place)): each.read_text() if each.is_file() else ""
        for each in sorted(place.rglob("*"))
    }


def test_the_directory_is_as_it_was_and_the_changes_are_told(yard: Yard, work: Path) -> None:
    before = tree(work)
    sandbox = ran(yard, work)

    assert output(yard, yard.containers.get(sandbox.container_id)) == "keep"
    assert tree(work) == before
    changes = {each.path: (str(each.kind), each.size) for each in changes_of(yard, sandbox)}
    assert changes == {
        "/added": ("A", 6),
        "/change": ("C", 4),
        "/d": ("A", 0),
        "/d/e": ("A", 0),
        "/d/e/f": ("A", 2),
        "/gone": ("D", 0),
        "/link": ("A", 0),
        "/sub": ("C", 5),
    }


def changes_of(yard: Yard, sandbox: Sandbox) -> list:
    return list(yard.containers.sandbox_changes(sandbox.id))


def test_changes_can_be_applied(yard: Yard, work: Path) -> None:
    sandbox = ran(yard, work)
    yard.containers.sandbox_apply(sandbox.id)

    assert tree(work) == {
        "added": "added\n",
        "change": "new\n",
        "d": "",
        "d/e": "",
        "d/e/f": "x\n",
        "keep": "keep\n",
        "link": "keep\n",
        "sub": "file\n",
    }
    assert (work / "link").readlink().name == "keep"
    assert not (work / "added").stat().st_mode & stat.S_ISUID


def test_some_of_them_can_be_applied(yard: Yard, work: Path) -> None:
    sandbox = ran(yard, work)
    applied = yard.containers.sandbox_apply(sandbox.id, paths=["/d/e/f", "gone"])

    assert {each.path for each in applied} == {"/gone", "/d", "/d/e", "/d/e/f"}
    assert (work / "change").read_text() == "old\n"
    assert (work / "d/e/f").read_text() == "x\n"
    assert not (work / "gone").exists()


@pytest.mark.parametrize(
    ("name", "path"),
    [("change", "/change"), ("added", "/added"), ("sub/deep/file", "/sub"), ("gone", "/gone")],
)
def test_what_changed_meanwhile_is_a_conflict_and_nothing_is_done(
    yard: Yard, work: Path, name: str, path: str
) -> None:
    sandbox = ran(yard, work)
    (work / name).write_text("somebody else\n")
    before = tree(work)
    with pytest.raises(SandboxConflict) as caught:
        yard.containers.sandbox_apply(sandbox.id)

    assert caught.value.paths == (path,)
    assert tree(work) == before


def test_they_go_with_the_container(yard: Yard, work: Path) -> None:
    before = tree(work)
    sandbox = ran(yard, work)
    yard.containers.remove(sandbox.container_id)

    assert tree(work) == before
    with pytest.raises(SandboxNotFound):
        yard.containers.sandbox_apply(sandbox.id)
    assert yard.means.sandboxes.list_ids() == []


def test_programs_at_the_same_time_do_not_see_each_other(yard: Yard, work: Path) -> None:
    first = ran(yard, work, "echo first > /sandbox/change")
    second = ran(yard, work, "cat /sandbox/change; echo second > /sandbox/change")

    assert output(yard, yard.containers.get(second.container_id)) == "old"
    yard.containers.sandbox_apply(second.id)
    assert (work / "change").read_text() == "second\n"
    with pytest.raises(SandboxConflict):
        yard.containers.sandbox_apply(first.id)


def test_nothing_is_applied_while_it_runs(yard: Yard, work: Path) -> None:
    settings = yard.settings("/bin/sleep", "1000")
    sandbox = yard.containers.sandbox_run(settings, directory=str(work), target="/w")
    with pytest.raises(ContainerRunning):
        yard.containers.sandbox_apply(sandbox.id)
    assert yard.containers.sandbox_list() == (sandbox,)
    yard.containers.remove(sandbox.container_id, if_running=IfRunning.KILL)


def test_links_that_a_program_leaves_lead_nowhere(yard: Yard, work: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    sandbox = ran(yard, work, f"cd /sandbox; rm -rf sub; ln -s {outside} sub")
    yard.containers.sandbox_apply(sandbox.id)
    assert (work / "sub").readlink() == outside

    inside = ran(yard, work, "cd /sandbox; rm sub; mkdir sub; echo x > sub/file")
    yard.containers.sandbox_apply(inside.id)
    assert (work / "sub/file").read_text() == "x\n"
    assert list(outside.iterdir()) == []


def test_a_view_that_a_restart_took_away_comes_back(yard: Yard, work: Path) -> None:
    sandbox = ran(yard, work, "cat /sandbox/keep; echo x > /sandbox/more")
    for name in ("view", "lower"):
        yard.means.mounter.unmount(yard.means.sandboxes.place(sandbox.id) / name)
    yard.containers.reconcile()
    yard.containers.start(sandbox.container_id)
    yard.containers.wait(sandbox.container_id, timeout=SECONDS)

    assert output(yard, yard.containers.get(sandbox.container_id)) == "keep\nkeep"


@pytest.mark.parametrize("directory", ["", "relative", "/nowhere/at/all", "/etc/passwd"])
def test_only_a_directory_can_be_seen(yard: Yard, directory: str) -> None:
    with pytest.raises(InvalidSetting):
        yard.containers.sandbox_run(yard.settings("/bin/true"), directory=directory)
    assert yard.means.sandboxes.list_ids() == []
    assert yard.containers.list() == []


def test_an_image_that_is_not_there_leaves_no_sandbox(yard: Yard, work: Path) -> None:
    yard.images.remove("busybox:latest")
    with pytest.raises(Exception, match="No such image"):
        yard.containers.sandbox_run(yard.settings("/bin/true"), directory=str(work))
    assert yard.means.sandboxes.list_ids() == []
