"""What the machine cannot run is said, and the rest runs."""

import json
from dataclasses import replace

import pytest

from workers.host.abilities import (
    PROGRAMS_BY_MARKER,
    Abilities,
    has_capability,
    list_obstacles,
)
from workers.host.bench import list_benches
from workers.host.commands import PLACES, find_command, main
from workers.host.quality import list_checks
from workers.host.testing import describe_skips, render_pytest, scrub_environment

ABLE = Abilities(
    is_linux=True,
    is_root=True,
    can_mount=True,
    has_overlay=True,
    programs=frozenset(name for names in PROGRAMS_BY_MARKER.values() for name in names),
)


def test_an_able_machine_skips_nothing():
    assert describe_skips(ABLE) == []


@pytest.mark.parametrize(
    ("change", "marker", "reason"),
    [
        ({"is_root": False}, "root", "not root"),
        ({"is_root": False}, "postgres", "not root"),
        ({"can_mount": False}, "root", "root may not mount here (CAP_SYS_ADMIN is missing)"),
        ({"has_overlay": False}, "root", "the kernel has no overlayfs"),
        ({"is_linux": False}, "redis", "this is not Linux"),
        ({"programs": ABLE.programs - {"chromium"}}, "browser", "chromium is not installed"),
    ],
)
def test_each_obstacle_is_said(change, marker, reason):
    assert list_obstacles(marker, replace(ABLE, **change)) == [reason]
    assert f"skipping {marker} tests: {reason}" in describe_skips(replace(ABLE, **change))


def test_every_marker_of_the_suite_has_its_conditions(pytestconfig):
    declared = {line.partition(":")[0] for line in pytestconfig.getini("markers")}
    assert PROGRAMS_BY_MARKER.keys() <= declared


def test_arguments_reach_pytest_and_ours_does_not():
    words = render_pytest(["-k", "redis", "--postgres"])
    assert words[1:] == ["-m", "pytest", "-p", "tests.support.on_postgres", "-k", "redis"]
    assert "-p" not in render_pytest(["-k", "redis"])


def test_tests_are_never_pointed_at_a_real_product():
    kept = scrub_environment({"DATABASE_URL": "x", "SHIPSHAPE_ROOT": "/", "PATH": "/bin"})
    assert kept == {"PATH": "/bin"}


def test_capabilities_are_read_from_the_kernels_own_words(tmp_path):
    status = tmp_path / "status"
    status.write_text("Name:\tx\nCapEff:\t0000000000200000\n")
    assert has_capability(21, status)
    assert not has_capability(24, status)
    assert not has_capability(21, tmp_path / "missing")


def test_every_command_is_where_it_is_said_to_be():
    assert all(callable(find_command(name)) for name in PLACES)


def test_an_unknown_command_is_refused_with_the_list(capsys):
    assert main(["fly"]) == 2
    assert "usage: ./shipshape" in capsys.readouterr().err


def test_help_is_no_error(capsys):
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in PLACES)


def test_an_unknown_measurement_is_refused_with_the_list(capsys):
    assert main(["bench", "no-such"]) == 1
    assert "no-such" in capsys.readouterr().err


def test_measurements_are_the_public_modules_of_their_directory(tmp_path):
    for name in ("memory.py", "_shared.py", "README"):
        (tmp_path / name).touch()
    assert list_benches(tmp_path) == ["memory"]


def test_templates_are_checked_once_there_are_any(tmp_path):
    names = {check.name for check in list_checks(tmp_path)}
    assert "templates" not in names
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/a.html").touch()
    assert "templates" in {check.name for check in list_checks(tmp_path)}


def test_status_of_nothing_is_json_and_no_success(tmp_path, capsys):
    places = [f"--{name}={tmp_path / name}" for name in ("root", "run", "data")]
    assert main(["status", "--json", *places]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["is_up"] is False
    assert told["running_containers"] == 0


def test_down_of_nothing_is_fine(tmp_path):
    places = [f"--{name}={tmp_path / name}" for name in ("root", "run", "data")]
    assert main(["down", *places]) == 0


def test_all_tests_together_run_in_several_processes_and_selected_ones_in_this_one():
    assert "--dist" in render_pytest([])
    assert "--dist" not in render_pytest(["tests/engine"])
    assert "--dist" not in render_pytest(["--postgres"])
