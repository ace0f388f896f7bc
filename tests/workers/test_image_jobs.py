"""Questions and jobs about images over a real engine: what pages get to see, and what travels."""

from __future__ import annotations

import io
import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from dashboard.agents import Question
from dashboard.jobs import JobName
from engine.errors import EngineError, InvalidInput, LimitExceeded, NotFound, TagMoved
from tests.support.builders import directory, file, layer_tar, whiteout
from tests.support.images import pack_image
from tests.support.registry import FakeRegistry, serving
from workers.agent.image_answers import ImageAnswers
from workers.agent.saving import Savings
from workers.tasks import travel
from workers.uploads import KEPT_SECONDS, MOST_BYTES, Uploads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from engine.engine import Engine
    from engine.images.record import ImageRecord

pytestmark = pytest.mark.root

BASE = layer_tar(directory("etc"), file("etc/motd", b"welcome"), file("etc/old", b"old"))
TOP = layer_tar(file("etc/motd", b"changed!"), whiteout("etc/old"))
UPLOAD = "a" * 32


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with serving(FakeRegistry()) as registry:
        yield registry


@pytest.fixture
def image(real: Engine, registry: FakeRegistry) -> ImageRecord:
    return real.images.pull(registry.put_image("team/web", pack_image(BASE, TOP))).image


@pytest.fixture
def ask(real: Engine) -> Callable[..., Any]:
    answers = ImageAnswers(real).answers()
    return lambda question, **told: answers[question.value](told)


# --- questions


def test_what_layers_did_is_told(ask, image: ImageRecord) -> None:
    files = ask(Question.IMAGE_FILES, image_id=str(image.id))
    top = str(image.layers[1].chain_id)

    assert [layer["removed"] for layer in files["layers"]] == [0, 1]
    assert files["wasted"] == [["/etc/motd", 7], ["/etc/old", 3]]
    assert ask(Question.LAYER_FILES, chain_id=top) == {
        "files": [["C", "/etc/motd", "file", 8], ["D", "/etc/old", "whiteout", 0]],
        "has_more": False,
    }
    assert len(ask(Question.LAYER_FILES, chain_id=top, text="old")["files"]) == 1
    assert ask(Question.LAYER_FILE, chain_id=top, path="/etc/motd") == {"content": b"changed!"}


def test_relatives_dockerfile_and_story_are_told(ask, real: Engine, image: ImageRecord) -> None:
    base = real.images.import_tar(io.BytesIO(BASE), reference="team/base:1")

    family = ask(Question.IMAGE_LINEAGE, image_id=str(image.id))
    compared = ask(Question.IMAGE_COMPARE, image_id=str(base.id), other=str(image.id))

    assert [each["names"] for each in family["bases"]] == [["team/base:1"]]
    assert compared["totals"] == {"A": [0, 0], "C": [1, 1], "D": [1, -3]}
    assert "FROM team/base:1" in ask(Question.IMAGE_DOCKERFILE, image_id=str(image.id))["text"]
    moves = ask(Question.TAG_HISTORY, image_id=str(image.id))["moves"]
    assert [(move["reason"], move["previous"]) for move in moves] == [("pull", "")]


@pytest.mark.parametrize("question", [q for q in Question if q.value.startswith("images.")])
def test_questions_that_make_no_sense_are_refused(ask, question: Question) -> None:
    with pytest.raises(EngineError):
        ask(question, image_id="x", chain_id=7, references="web", saving="s", offset=-1)


# --- downloads


def test_a_download_is_the_archive(ask, real: Engine, image: ImageRecord) -> None:
    whole = io.BytesIO()
    real.images.save([image.tags[0].familiar], whole)
    key = ask(Question.SAVE_OPEN, references=[image.tags[0].familiar])["saving"]

    pieces = list(iter(lambda: ask(Question.SAVE_READ, saving=key)["content"], b""))

    assert b"".join(pieces) == whole.getvalue()
    with pytest.raises(InvalidInput, match="over"):
        ask(Question.SAVE_READ, saving=key)


def test_there_are_only_so_many_downloads_and_those_left_end(
    real: Engine, image: ImageRecord
) -> None:
    def write(out: BinaryIO) -> None:
        real.images.save([str(image.id)], out)

    savings = Savings(patience=0.2)
    keys = [savings.open(write) for _ in range(4)]

    with pytest.raises(LimitExceeded):
        savings.open(write)

    deadline = time.monotonic() + 10
    while savings._open and time.monotonic() < deadline:
        savings._open and os.sched_yield()
    assert savings._open == {}
    with pytest.raises(InvalidInput):
        savings.read(keys[0], 10)


# --- uploads


def test_uploads_together_fill_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.uploads.MOST_TOGETHER", 2)
    kept = Uploads(tmp_path / "uploads")
    kept.write("a" * 32, 0, b"two")

    with pytest.raises(LimitExceeded):
        kept.write("b" * 32, 0, b"x")
    kept.discard("a" * 32)
    assert kept.write("b" * 32, 0, b"x") == 1


def test_an_upload_grows_piece_by_piece(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path / "uploads")

    assert uploads.write(UPLOAD, 0, b"one") == 3
    assert uploads.write(UPLOAD, 3, b"two") == 6
    assert uploads.write(UPLOAD, 3, b"TWO") == 6  # a piece that was sent twice

    with uploads.opened(UPLOAD) as stream:
        assert stream.read() == b"oneTWO"
    uploads.discard(UPLOAD)
    with pytest.raises(NotFound), uploads.opened(UPLOAD):
        pass


@pytest.mark.parametrize(
    ("upload", "offset", "error"),
    [
        ("../x", 0, InvalidInput),
        (UPLOAD, 5, InvalidInput),
        (UPLOAD, MOST_BYTES, LimitExceeded),
    ],
)
def test_a_piece_that_belongs_nowhere_is_refused(
    tmp_path: Path, upload: str, offset: int, error: type[EngineError]
) -> None:
    with pytest.raises(error):
        Uploads(tmp_path / "uploads").write(upload, offset, b"x")


def test_what_nobody_loaded_goes_after_a_day(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path / "uploads")
    uploads.write(UPLOAD, 0, b"old")
    old = time.time() - KEPT_SECONDS - 1
    os.utime(tmp_path / "uploads" / UPLOAD, (old, old))

    uploads.write("b" * 32, 0, b"new")

    assert [path.name for path in (tmp_path / "uploads").iterdir()] == ["b" * 32]


# --- jobs


def test_an_image_gets_a_tag_and_is_pushed_under_it(
    work, real: Engine, image: ImageRecord, registry: FakeRegistry
) -> None:
    told = {"image_id": str(image.id), "reference": f"{registry.host}/team/else:9"}

    said = travel.tag_image(work(JobName.TAG_IMAGE, told))["message"]

    assert said == f"{image.id.short} is called {registry.host}/team/else:9 now."
    assert real.images.get(told["reference"]).id == image.id


def test_what_took_the_name_meanwhile_is_not_pushed(work, image: ImageRecord) -> None:
    told = {"image_id": "sha256:" + "1" * 64, "reference": str(image.tags[0])}

    with pytest.raises(TagMoved):
        travel.push_image(work(JobName.PUSH_IMAGE, told))


def test_an_uploaded_archive_is_loaded_and_gone(work, real: Engine, image: ImageRecord) -> None:
    archive = io.BytesIO()
    real.images.save([str(image.tags[0])], archive)
    real.images.remove(str(image.tags[0]))
    Uploads(real.paths.uploads).write(UPLOAD, 0, archive.getvalue())
    asked = work(JobName.LOAD_IMAGES, {"upload": UPLOAD, "name": "web.tar"})

    outcome = travel.load_images(asked)

    assert outcome["image_id"] == str(image.id)
    assert outcome["message"].startswith("Loaded ")
    assert list(real.paths.uploads.iterdir()) == []
    # Whoever takes over a job that was killed here finds it done.
    assert travel.load_images(asked) == outcome


def test_an_upload_that_is_gone_says_so(work) -> None:
    with pytest.raises(NotFound, match="send it again"):
        travel.load_images(work(JobName.LOAD_IMAGES, {"upload": UPLOAD}))
