"""Repositories as sources: what of them is brought."""

import os
import subprocess

import pytest

from engine.build.remote import bring_git, parse_git
from engine.errors import InvalidInput
from engine.progress import NEVER

WHO = ("-c", "user.name=a", "-c", "user.email=a@example.org")


@pytest.fixture
def repository(tmp_path):
    place = tmp_path / "repository"
    place.mkdir()

    def git(*words):
        done = subprocess.run(
            ["git", "-C", str(place), *WHO, *words], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(text):
        (place / "f").write_text(text)
        git("add", ".")
        git("commit", "--quiet", "--message", text)
        return git("rev-parse", "HEAD")

    git("init", "--quiet", "--initial-branch", "main")
    commit("first")
    git("tag", "v1")
    git("checkout", "--quiet", "-b", "side")
    commits = {"side": commit("side")}
    git("tag", "both")
    git("checkout", "--quiet", "-b", "hidden")
    commits["hidden"] = commit("hidden")
    git("update-ref", "refs/pull/1/head", "HEAD")
    git("checkout", "--quiet", "main")
    git("branch", "--quiet", "-D", "hidden")
    commit("last")
    git("branch", "both")
    return place, commits


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        pytest.param("", "last", id="none"),
        pytest.param("main", "last", id="default-branch"),
        pytest.param("side", "side", id="branch"),
        pytest.param("refs/heads/side", "side", id="branch-in-full"),
        pytest.param("v1", "first", id="tag"),
        pytest.param("both", "side", id="tag-before-branch"),
        pytest.param("{side}", "side", id="commit"),
        pytest.param("{side:.9}", "side", id="beginning-of-a-commit"),
        pytest.param("refs/pull/1/head", "hidden", id="other-reference"),
    ],
)
def test_what_is_asked_for_is_brought(tmp_path, repository, reference, text):
    place, commits = repository
    wanted = parse_git(f"file://{place}#{reference.format(**commits)}")

    assert bring_git(wanted, tmp_path / "here", NEVER) == ""
    assert (tmp_path / "here" / "f").read_text() == text


@pytest.mark.parametrize("fragment", ["none", "refs/heads/none", "0" * 40])
def test_what_is_not_there_is_said(tmp_path, repository, fragment):
    wanted = parse_git(f"file://{repository[0]}#{fragment}")

    assert bring_git(wanted, tmp_path / "here", NEVER).startswith("git failed: ")


@pytest.mark.parametrize(
    ("fragment", "said"),
    [("--upload-pack=x", "is no reference"), (":a/../..", "is no directory of the repository")],
)
def test_what_cannot_be_is_refused(tmp_path, repository, fragment, said):
    with pytest.raises(InvalidInput, match=said):
        bring_git(parse_git(f"file://{repository[0]}#{fragment}"), tmp_path / "here", NEVER)
    assert not os.path.lexists(tmp_path / "here")
