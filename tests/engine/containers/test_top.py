import os

import pytest

from engine.containers.top import check_arguments, list_processes, parse_table
from engine.errors import ContainerNotRunning, EngineError, InvalidSetting
from tests.support.containers import Yard

TABLE = """\
UID          PID    PPID  C STIME TTY          TIME CMD
root           1       0  0 10:00 ?        00:00:01 /sbin/init splash
root          12       1  0 10:00 ?        00:00:00 sleep  1000

ana          123       1  0 10:00 ?        00:00:00 [kworker]
"""


def test_the_rows_are_those_of_the_container_and_the_last_cell_holds_blanks() -> None:
    top = parse_table(TABLE, [12, 123, 999])

    assert top.titles == ("UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD")
    assert [(row[1], row[-1]) for row in top.rows] == [("12", "sleep 1000"), ("123", "[kworker]")]


@pytest.mark.parametrize("text", ["", "CMD\nsleep\n", "\n"])
def test_a_table_without_pids_is_refused(text: str) -> None:
    with pytest.raises(InvalidSetting, match="Couldn't find PID field"):
        parse_table(text, [1])


@pytest.mark.parametrize("text", ["-o ppid=PID,cmd", "-o user= PIDS", "a\0b", "x" * 2000])
def test_arguments_that_would_show_others_are_refused(text: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        check_arguments(text)
    assert caught.value.field == "ps_args"


def test_docker_has_a_default_and_renaming_pid_to_itself_is_fine() -> None:
    assert check_arguments("") == ["-ef"]
    assert check_arguments("-o pid=PID,args") == ["-o", "pid=PID,args"]


def test_the_real_ps_finds_this_very_process() -> None:
    top = list_processes([os.getpid()], "-eo pid,args")

    assert [row[0] for row in top.rows] == [str(os.getpid())]
    with pytest.raises(EngineError):
        list_processes([1], "--nonsense")


def test_a_container_that_does_not_run_has_none(yard: Yard) -> None:
    record = yard.containers.create(yard.settings())
    with pytest.raises(ContainerNotRunning):
        yard.containers.top(record.id)
