import subprocess
from pathlib import Path

import pytest

from engine.system.marks import end_holders, is_held, marked


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "mark"


def test_nobody_holds_a_mark_that_is_not_there(mark: Path) -> None:
    assert not is_held(mark)
    assert end_holders(mark, timeout=0)


def test_whoever_makes_a_mark_holds_it_until_the_end_of_the_block(mark: Path) -> None:
    with marked(mark):
        assert is_held(mark)

    assert not is_held(mark)


def test_a_family_holds_it_until_all_of_it_is_gone(mark: Path) -> None:
    with marked(mark) as descriptor:
        process = subprocess.Popen(
            ["/bin/bash", "-c", "(read x) & echo ready; read x"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(descriptor,),
        )
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        assert is_held(mark)

        assert end_holders(mark, timeout=10)

        assert not is_held(mark)
        assert process.wait(10) == -9


def test_this_very_process_is_never_killed(mark: Path) -> None:
    with marked(mark):
        assert not end_holders(mark, timeout=0.01)
