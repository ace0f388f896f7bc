from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.images.stories import Change, Step, Story, iter_stories
from engine.layers.index import FileKind, LayerFile, sort_key

KINDS = {"d": FileKind.DIRECTORY, "f": FileKind.FILE, "w": FileKind.WHITEOUT, "o": FileKind.OPAQUE}


def layer(*words: str) -> list[LayerFile]:
    """Return a layer of words such as `f:etc/motd:5`: kind, path and size."""
    files = []
    for word in words:
        kind, path, size = (word + "::").split(":")[:3]
        files.append(LayerFile(path.encode(), KINDS[kind], int(size or 0)))
    return sorted(files, key=lambda file: (sort_key(file.path), file.kind is FileKind.OPAQUE))


def told(*layers: list[LayerFile]) -> dict[str, str]:
    """Return of each path what the layers did: `A0 C2` or, implied by a directory, `(D1)`."""
    return {
        story.path.decode(): " ".join(map(shown, story.steps)) for story in iter_stories(layers)
    }


def shown(step: Step) -> str:
    word = f"{step.change}{step.layer}"
    return f"({word})" if step.is_implied else word


@pytest.mark.parametrize(
    ("layers", "stories"),
    [
        pytest.param([layer("d:etc", "f:etc/a")], {"etc": "A0", "etc/a": "A0"}, id="one-layer"),
        pytest.param([layer("f:a"), layer("f:a")], {"a": "A0 C1"}, id="changed"),
        pytest.param([layer("f:a"), layer("w:a")], {"a": "A0 D1"}, id="removed"),
        pytest.param(
            [layer("f:a"), layer("w:a"), layer("f:a")], {"a": "A0 D1 A2"}, id="and-back-again"
        ),
        pytest.param([layer("w:a")], {}, id="whiteout-of-nothing"),
        pytest.param(
            [layer("d:d", "f:d/a", "f:d/b"), layer("w:d")],
            {"d": "A0 D1", "d/a": "A0 (D1)", "d/b": "A0 (D1)"},
            id="a-directory-goes-with-all-in-it",
        ),
        pytest.param(
            [layer("d:d", "f:d/a", "f:d/b"), layer("d:d", "o:d", "f:d/b")],
            {"d": "A0 C1", "d/a": "A0 (D1)", "d/b": "A0 (D1) A1"},
            id="opaque",
        ),
        pytest.param(
            [layer("d:d", "f:d/a"), layer("f:d"), layer("d:d", "f:d/a")],
            {"d": "A0 C1 C2", "d/a": "A0 (D1) A2"},
            id="a-file-in-place-of-a-directory",
        ),
        pytest.param(
            [layer("f:d/a", "f:d.conf", "f:d0"), layer("w:d")],
            {"d/a": "A0 (D1)", "d.conf": "A0", "d0": "A0"},
            id="names-that-only-begin-alike",
        ),
        pytest.param(
            [layer("f:x/y/z"), layer("w:x/y"), layer("f:x/y/z"), layer("w:x")],
            {"x/y/z": "A0 (D1) A2 (D3)"},
            id="removed-from-further-up",
        ),
        pytest.param([layer("f:a"), layer("o:")], {"a": "A0 (D1)"}, id="the-whole-root"),
    ],
)
def test_what_layers_do_to_paths(layers: list[list[LayerFile]], stories: dict[str, str]) -> None:
    assert told(*layers) == stories


def test_what_is_seen_and_what_is_wasted() -> None:
    stories = {
        story.path: story
        for story in iter_stories(
            [layer("f:a:10", "f:b:20", "f:c:5"), layer("f:a:30", "w:b"), layer("f:a:1")]
        )
    }

    assert [stories[name].wasted_bytes for name in (b"a", b"b", b"c")] == [40, 20, 0]
    assert stories[b"b"].visible is None
    assert stories[b"a"].visible == LayerFile(b"a", FileKind.FILE, 1)


paths = st.sampled_from(["a", "a/b", "a/b/c", "a.b", "d", "d/e"])
layers = st.lists(
    st.dictionaries(paths, st.sampled_from("fdwo")).map(
        lambda made: layer(*(f"{kind}:{path}:1" for path, kind in made.items()))
    ),
    max_size=4,
)


@given(layers)
def test_the_story_of_a_path_is_what_applying_the_layers_shows(made: list[list[LayerFile]]) -> None:
    seen: dict[bytes, LayerFile] = {}
    for files in made:
        for file in files:
            if file.kind is not FileKind.DIRECTORY:
                seen = {p: f for p, f in seen.items() if not p.startswith(file.path + b"/")}
            if file.kind is FileKind.WHITEOUT:
                seen.pop(file.path, None)
        new = {file.path: file for file in files if not file.is_mark}
        seen |= new

    found: dict[bytes, Story] = {story.path: story for story in iter_stories(made)}

    assert {path: story.visible for path, story in found.items() if story.visible} == seen
    assert all(
        before.change is not Change.REMOVED or after.change is Change.ADDED
        for story in found.values()
        for before, after in zip(story.steps, story.steps[1:], strict=False)
    )
