from pathlib import Path

import pytest

from engine.containers.runtime import choose_runtime
from engine.errors import ProgramNotFound
from engine.system.cgroups import CgroupLayout

STATE = Path("/state")


def finder(*installed: str):
    return lambda name: f"/usr/bin/{name}" if name in installed else None


@pytest.mark.parametrize("layout", list(CgroupLayout))
def test_runc_is_taken_where_it_is_installed(layout: CgroupLayout) -> None:
    program = choose_runtime(layout, STATE, find=finder("runc", "crun"))

    assert program.path == "/usr/bin/runc"
    assert str(layout) in program.reason


def test_crun_is_taken_where_runc_is_missing() -> None:
    program = choose_runtime(CgroupLayout.UNIFIED, STATE, find=finder("crun"))

    assert program.path == "/usr/bin/crun"
    assert "runc is not installed" in program.reason


def test_crun_is_no_choice_on_hybrid_cgroups() -> None:
    with pytest.raises(ProgramNotFound) as caught:
        choose_runtime(CgroupLayout.HYBRID, STATE, find=finder("crun"))

    assert "hybrid" in caught.value.remedy


def test_without_any_the_error_says_what_to_install() -> None:
    with pytest.raises(ProgramNotFound) as caught:
        choose_runtime(CgroupLayout.UNIFIED, STATE, find=finder())

    assert caught.value.program == "runc"
