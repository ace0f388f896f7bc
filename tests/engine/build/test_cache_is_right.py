# ruff: noqa: E501  (the lines of a Dockerfile, a few to a row)
"""A cached build equals the uncached one, whatever was edited in between."""

import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.system.paths import EnginePaths
from tests.support.builds import opened_bench, tree_of

pytestmark = pytest.mark.root
EPOCH = 1_000_000_000
LINES = [
    "COPY a /", "COPY a /x", "COPY b /x", "COPY d /d", "COPY d/one d/two /many/", "COPY . /all",
    "COPY --chmod=600 a /", "COPY --chown=5:6 d /d", "COPY *.txt /texts/", "COPY --exclude=one d /e/",
    "ADD a /added", "COPY <<f /inline\n$A\nf",
    "ENV A=1", "ENV A=2", "ARG B=1", "ARG B=2", "WORKDIR /w", "WORKDIR v", "USER 7", "LABEL l=$A",
    "RUN write /run 1", "RUN write /run 2; mkdir /made", "RUN remove /x", "RUN write /d/one changed",
    "RUN --mount=target=/c print x", "CMD [\"x\"]", "VOLUME /v", "EXPOSE $B",
    "FROM scratch AS s2\nCOPY --from=0 / /from", "FROM scratch AS s3",
]  # fmt: skip
FILES = ["a", "b", "d/one", "d/two", "d/e/three", "x.txt", "y.txt", ".dockerignore"]
CONTENTS = st.sampled_from(["", "1", "2", "a\n!a", "d", "*.txt"])
EDITS = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(FILES), CONTENTS),
    st.tuples(st.just("remove"), st.sampled_from(FILES), st.just("")),
    st.tuples(st.just("mode"), st.sampled_from(FILES), st.sampled_from(["644", "755", "600"])),
    st.tuples(st.just("link"), st.sampled_from(FILES), st.sampled_from(FILES)),
    st.tuples(st.just("line"), st.integers(0, 8), st.sampled_from(LINES)),
    st.tuples(st.just("drop"), st.integers(0, 8), st.just("")),
)


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    """Two engines: one that uses its cache, and one that never does."""
    base = tmp_path_factory.mktemp("right")
    cached = EnginePaths(base / "c", base / "cr")
    fresh = EnginePaths(base / "f", base / "fr")
    with (
        opened_bench(cached, base / "context") as first,
        opened_bench(fresh, base / "context") as second,
    ):
        yield first, second


@given(
    st.lists(st.sampled_from(LINES), max_size=6),
    st.lists(EDITS, min_size=1, max_size=5),
    st.booleans(),
)
@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_cached_build_equals_the_uncached_one(engines, lines, edits, with_argument):
    cached, fresh = engines
    shutil.rmtree(cached.context)
    cached.context.mkdir()
    cached.write({"a": "1", "d/one": "1", "x.txt": "x"})
    arguments = {"B": "given"} if with_argument else {}
    lines = list(lines)
    for edit in [None, *edits]:
        if edit is not None:
            apply(cached.context, lines, edit)
        text = "\n".join(["FROM scratch", *lines, "COPY Dockerfile /"])
        assert outcome(cached, text, arguments, use_cache=True) == outcome(
            fresh, text, arguments, use_cache=False
        )


def outcome(bench, text, arguments, *, use_cache):
    """Return what a build comes to: the image's ID and its files, or how it was refused."""
    try:
        built = bench.build(text, epoch=EPOCH, arguments=arguments, use_cache=use_cache)
    except Exception as error:  # noqa: BLE001
        return type(error).__name__, getattr(error, "reason", str(error))
    return str(built.image.id), tree_of(bench.engine, built)


def apply(context, lines, edit):
    """Make one *edit* of the files or of the *lines*; one that cannot be made is none."""
    act, what, value = edit
    if act == "line":
        lines.insert(min(what, len(lines)), value)
    elif act == "drop":
        del lines[what : what + 1]
    else:
        _edit_file(context / what, act, value, context)


def _edit_file(place, act, value, context):
    if act == "mode":
        if place.is_file():
            place.chmod(int(value, 8))
        return
    if place.is_symlink() or place.exists():
        place.unlink()
    place.parent.mkdir(parents=True, exist_ok=True)
    if act == "write":
        place.write_text(value)
    elif act == "link" and context / value != place:
        depth = len(place.parent.relative_to(context).parts)
        place.symlink_to("../" * depth + value)
