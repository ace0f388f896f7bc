"""Which program a command is, as Go's `exec.LookPath` says."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING

import pytest

from engine.system.entering.becoming import environment, find_program
from engine.system.entering.entry import Entry
from engine.system.entering.places import Places
from engine.system.entering.refusal import STOPPED, Refused

if TYPE_CHECKING:
    from pathlib import Path

ENTRY = Entry(
    pid=os.getpid(),
    started=1,
    namespaces=("uts",),
    cgroups=(),
    keyring="_ses.x",
    oom_score_adj=0,
    limits=((7, 1024, 2**64 - 1),),
    uid=0,
    gid=0,
    groups=(0,),
    bounding=0,
    effective=0,
    permitted=0,
    no_new_privileges=False,
    filter="",
    terminal=False,
    working_dir="/",
    arguments=("true",),
    env=("A=b=c", "EMPTY=", "BAD=\udcff"),
)


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    for name, mode in (("run", 0o755), ("data", 0o644), ("second/run", 0o755)):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
        path.chmod(mode)
    (tmp_path / "loop").symlink_to("loop")
    return tmp_path


def command(name: str, path: str | None) -> Entry:
    env = () if path is None else (f"PATH={path}",)
    return dataclasses.replace(ENTRY, arguments=(name,), env=env)


def test_the_first_directory_that_has_it_counts(programs: Path) -> None:
    path = f"/nowhere:{programs}/second:{programs}"

    assert find_program(command("run", path)) == f"{programs}/second/run"


def test_a_name_with_a_slash_is_not_looked_for(programs: Path) -> None:
    assert find_program(command(f"{programs}/run", "/nowhere")) == f"{programs}/run"


@pytest.mark.parametrize(
    ("name", "path", "words"),
    [
        ("data", "{0}", 'exec: "data": executable file not found in $PATH'),
        ("run", None, 'exec: "run": executable file not found in $PATH'),
        ("run", "", 'exec: "run": executable file not found in $PATH'),
        ('a"b\\', "{0}", 'exec: "a\\"b\\\\": executable file not found in $PATH'),
        ("{0}/none", "", 'exec: "{0}/none": stat {0}/none: no such file or directory'),
        ("{0}/loop", "", 'exec: "{0}/loop": stat {0}/loop: too many levels of symbolic links'),
        ("{0}/data", "", 'exec: "{0}/data": permission denied'),
        ("{0}", "", 'exec: "{0}": permission denied'),
        ("{0}/data/x", "", 'exec: "{0}/data/x": stat {0}/data/x: not a directory'),
    ],
)
def test_what_cannot_be_run_is_told_in_the_words_of_go(
    programs: Path, name: str, path: str | None, words: str
) -> None:
    here = str(programs)
    with pytest.raises(Refused) as caught:
        find_program(command(name.replace("{0}", here), path and path.replace("{0}", here)))

    assert str(caught.value) == words.replace("{0}", here)


def test_what_lies_where_it_stands_is_not_found(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(programs)
    with pytest.raises(Refused, match="relative to current directory"):
        find_program(command("run", ":/nowhere"))


def test_an_entry_comes_back_as_it_was_written() -> None:
    found = Entry.parse(ENTRY.render())

    assert found == ENTRY
    assert environment(found) == {"A": "b=c", "EMPTY": "", "BAD": "\udcff"}


def test_a_number_that_is_somebody_elses_by_now_is_not_entered() -> None:
    with pytest.raises(Refused, match=STOPPED):
        Places.open(ENTRY)


def test_one_that_is_gone_is_not_entered() -> None:
    with pytest.raises(Refused, match=STOPPED):
        Places.open(dataclasses.replace(ENTRY, pid=2**22 + 1))
