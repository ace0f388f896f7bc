"""Modes as `--chmod` writes them, held against chmod(1) itself."""

import stat
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dockerfile.modes import parse_mode

BAD = ["", "8", "u", "rwx", "u=rwz", "x=r", "u=r,", ",u=r", "u = r", "0o755", "777777", "u=ur", "-"]


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_mode_is_none(text: str) -> None:
    assert parse_mode(text) is None or text == "-"


@pytest.mark.parametrize(
    ("text", "file", "directory"),
    [
        pytest.param("755", 0o755, 0o755, id="octal"),
        pytest.param("04755", 0o4755, 0o4755, id="octal-with-a-special-bit"),
        pytest.param("u=rwX,go=rX", 0o644, 0o755, id="X-is-for-directories"),
        pytest.param("a+x", 0o751, 0o755, id="for-all"),
        pytest.param("+x", 0o751, 0o755, id="for-whom-nobody-said"),
        pytest.param("o=u", 0o646, 0o757, id="as-another-has-it"),
        pytest.param("g-r,o-rx", 0o600, 0o710, id="taken-away"),
        pytest.param("u+s,+t", 0o5640, 0o5755, id="special-bits"),
        pytest.param("u=,g=", 0o000, 0o005, id="emptied"),
        pytest.param("u-w+x", 0o540, 0o555, id="two-at-once"),
    ],
)
def test_a_mode_changes_what_it_says(text: str, file: int, directory: int) -> None:
    change = parse_mode(text)

    assert change is not None
    assert change.applied(0o640, is_directory=False) == file
    assert change.applied(0o755, is_directory=True) == directory


WHO = st.text("ugoa", max_size=3)
CLAUSE = st.builds(
    "{}{}{}".format,
    WHO.filter(bool),
    st.sampled_from("+-="),
    st.one_of(st.sampled_from("ugo"), st.text("rwxXst", max_size=4)),
)


@given(st.lists(CLAUSE, min_size=1, max_size=4).map(",".join), st.integers(0, 0o7777))
def test_files_get_what_chmod_would_give_them(tmp_path_factory, text: str, mode: int) -> None:
    file = tmp_path_factory.getbasetemp() / "changed"
    file.touch()
    file.chmod(mode)
    subprocess.run(["chmod", text, file], check=True)
    change = parse_mode(text)

    assert change is not None
    assert change.applied(mode, is_directory=False) == stat.S_IMODE(file.stat().st_mode), text
