"""
Dockerfiles and what is read from them, a folder each: `golden/good` and `golden/bad`.

`UPDATE_GOLDEN=1` writes the expectations anew; read the difference before you commit it.
"""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.dockerfile.parser import parse
from engine.dockerfile.reading import read_instructions
from engine.errors import DockerfileError
from tests.support.dockerfiles import told, told_error

GOLDEN = Path(__file__).with_name("golden")
GOOD = sorted(path.name for path in (GOLDEN / "good").iterdir())
BAD = sorted(path.name for path in (GOLDEN / "bad").iterdir())


def agree(folder, found):
    if os.environ.get("UPDATE_GOLDEN"):
        (folder / "expected").write_text(found)
    assert found == (folder / "expected").read_text()


@pytest.mark.parametrize("case", GOOD)
def test_a_good_dockerfile_is_read_as_expected(case):
    folder = GOLDEN / "good" / case

    agree(folder, told((folder / "Dockerfile").read_bytes()))


@pytest.mark.parametrize("case", BAD)
def test_a_bad_dockerfile_is_refused_where_it_is_bad(case):
    folder = GOLDEN / "bad" / case

    with pytest.raises(DockerfileError) as caught:
        told((folder / "Dockerfile").read_bytes())

    agree(folder, told_error(caught.value))


@pytest.mark.parametrize("case", GOOD)
def test_line_ends_of_windows_change_nothing(case):
    content = (GOLDEN / "good" / case / "Dockerfile").read_bytes()

    assert told(content.replace(b"\n", b"\r\n")) == told(content)


PIECES = st.sampled_from(
    [path.read_text() for path in sorted(GOLDEN.glob("*/*/Dockerfile"))]
    + ["\\\n", "\n", "#", "<<EOF", "EOF\n", "--", "--mount=", "[", '"', "'", "${", "ONBUILD ", "`"]
    + ["FROM a\n", "RUN ", "COPY ", "HEALTHCHECK ", "é", "\0", "\ufeff", "# escape=`\n"]
)


@given(st.lists(PIECES, max_size=6), st.integers(0, 400), st.integers(0, 400))
@settings(max_examples=300)
def test_whatever_is_written_is_read_or_refused_as_a_dockerfile(pieces, begin, end):
    content = "".join(pieces)[begin : begin + end].encode()
    try:
        read_instructions(parse(content))
    except DockerfileError as error:
        place = (error.line, error.last_line)
    else:
        place = (0, 0)

    assert place == tuple(sorted(place))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_as_a_dockerfile(content):
    try:
        read_instructions(parse(content))
    except DockerfileError:
        return


def test_too_large_a_file_is_refused():
    with pytest.raises(DockerfileError, match="larger than 4 MiB"):
        parse(b"# " + b"x" * 4 * 1024 * 1024)


def test_many_flags_on_a_long_line_are_read_in_linear_time():
    content = b"FROM a\nRUN " + b"--mount=target=/x " * 50_000 + b"true"

    assert len(read_instructions(parse(content))[1].mounts) == 50_000
