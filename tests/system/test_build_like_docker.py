"""
Every Dockerfile of the corpus, built by us and by a real dockerd through docker's client.

Config, history and every file are the same, but for what `JUSTIFIED` names with its reason.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.build_corpus import build, make_bases, outcomes, read_corpus
from tests.support.docker_cli import two_engines

if TYPE_CHECKING:
    from tests.support.build_corpus import Case, Outcome
    from tests.support.docker_cli import DockerCli

pytestmark = pytest.mark.root

CORPUS = Path(__file__).with_name("build_corpus")
GROUPS = ("config", "words", "ignore", "copy", "add", "run")

# What differs, by the case and the aspect, and why we are right to differ.
BUILDKIT = "as BuildKit, whose syntax is the reference, has it: "
MAY_CHANGE = f"{BUILDKIT}a step that may change files has a layer, even if it changed none"
AS_SOURCE = f"{BUILDKIT}a directory that is made takes after the one that is copied"
JUSTIFIED = {
    ("config/label-of-the-command-line", "history"): f"{BUILDKIT}--label is no instruction",
    ("config/workdir-trailing-slash", "WorkingDir"): f"{BUILDKIT}the path is cleaned",
    ("config/workdir-dots", "WorkingDir"): f"{BUILDKIT}the path is cleaned",
    ("config/workdir-that-is-there", "history"): MAY_CHANGE,
    ("config/workdir-root", "history"): MAY_CHANGE,
    ("config/workdir-as-a-user", "/home/new"): f"{BUILDKIT}it belongs to the user",
    ("run/nothing-changes", "history"): MAY_CHANGE,
    ("run/makes-and-removes-at-once", "history"): MAY_CHANGE,
    ("run/volume-is-written-to-by-a-step", "/v/x"): f"{BUILDKIT}what steps write stays",
    ("copy/setuid-stays", "/s"): f"{BUILDKIT}no bit of a mode is lost",
    ("copy/empty-directory", "/x"): AS_SOURCE,
    ("copy/parent-modes", "/a/b/c"): AS_SOURCE,
    ("copy/from-stage-keeps-owners", "/x"): AS_SOURCE,
    ("copy/from-stage-chown", "/x"): AS_SOURCE,
    **{
        ("add/tar-chown", path): "the flag says who is to own what is added, whatever brings it"
        for path in ("/x", "/x/in/link", "/x/top")
    },
}


class Sides:
    """Both builders, with the bases in place."""

    def __init__(self, engines: tuple[DockerCli, DockerCli], place: Path) -> None:
        self._engines = engines
        self._place = place
        self._each(lambda cli, _: make_bases(cli))

    def build(self, cases: list[Case]) -> list[list[tuple[int, str]]]:
        contexts = {each.name: each.write(self._place / each.name) for each in cases}
        return self._each(lambda cli, _: [build(cli, c, contexts[c.name]) for c in cases])

    def outcomes(self, cases: list[Case]) -> list[dict[str, Outcome]]:
        return self._each(lambda cli, n: outcomes(cli, cases, self._place / f"{n}.tar"))

    def _each(self, act):  # type: ignore[no-untyped-def]
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(act, self._engines, range(2)))


@pytest.fixture(scope="module")
def sides(tmp_path_factory):
    place = tmp_path_factory.mktemp("corpus")
    place.chmod(0o755)
    # Engines of its own: hundreds of images, and what failed steps leave, are in others' way.
    with two_engines() as engines:
        yield Sides(engines, place)


def test_the_corpus_is_as_large_as_it_should_be():
    assert sum(len(read_corpus(CORPUS / f"{group}.txt")) for group in GROUPS) >= 150


@pytest.mark.parametrize("group", GROUPS)
def test_images_are_the_same(sides, group):
    cases = read_corpus(CORPUS / f"{group}.txt")
    results = sides.build(cases)
    failed = [
        f"{case.name}: exit {mine[0]} and {theirs[0]}\n{mine[1][-400:]}\n{theirs[1][-400:]}"
        for case, mine, theirs in zip(cases, *results, strict=True)
        if mine[0] or theirs[0]
    ]
    built = [c for c, mine, theirs in zip(cases, *results, strict=True) if not mine[0] | theirs[0]]
    mine, theirs = sides.outcomes(built)

    found = {
        (case.name, aspect): f"{case.name} {aspect}:\n    ours {us}\n    docker's {them}"
        for case in built
        for aspect, us, them in mine[case.name].differences(theirs[case.name])
    }
    unexpected = [text for key, text in found.items() if key not in JUSTIFIED]
    stale = [str(key) for key in JUSTIFIED if key[0].startswith(f"{group}/") and key not in found]
    assert not failed + unexpected + stale, "\n".join(failed + unexpected + stale)


def test_what_dockerd_refuses_is_refused(sides):
    cases = read_corpus(CORPUS / "bad.txt")

    results = sides.build(cases)

    wrong = [
        f"{case.name}: exit {mine[0]} and {theirs[0]}\n{mine[1][-300:]}\n{theirs[1][-300:]}"
        for case, mine, theirs in zip(cases, *results, strict=True)
        if mine[0] == 0 or theirs[0] == 0
    ]
    assert not wrong, "\n".join(wrong)
