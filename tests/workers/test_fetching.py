"""An image on its way from one host to another that shares only the broker with it."""

from __future__ import annotations

import io
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest

from dashboard.agents import Question
from dashboard.arguments import parse_arguments
from dashboard.errors import HostSilent
from dashboard.jobs import JobName
from dashboard.models import Image
from engine.engine import Engine
from engine.errors import (
    EngineError,
    InvalidConversation,
    InvalidInput,
    LimitExceeded,
    TagMoved,
)
from engine.progress import SILENT, Cancellation, Cancelled
from engine.system.paths import EnginePaths
from tests.support.builders import directory, file, layer_tar
from tests.support.images import pack_image
from tests.support.registry import FakeRegistry, serving
from workers.agent import sending
from workers.agent.image_answers import ImageAnswers
from workers.agent.sending import Sendings
from workers.tasks import travel
from workers.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import BinaryIO

    from engine.images.record import ImageRecord

pytestmark = [pytest.mark.root, pytest.mark.django_db]

BASE = layer_tar(directory("etc"), file("etc/motd", b"welcome"))
TOP = layer_tar(file("etc/large", b"0123456789abcdef" * 300_000))


@pytest.fixture
def here(short_path: Path) -> Iterator[Engine]:
    with Engine.open(EnginePaths(short_path / "here", short_path / "h")) as engine:
        yield engine


@pytest.fixture
def there(short_path: Path) -> Iterator[Engine]:
    with Engine.open(EnginePaths(short_path / "there", short_path / "t")) as engine:
        yield engine


@pytest.fixture
def image(there: Engine) -> Iterator[ImageRecord]:
    with serving(FakeRegistry()) as registry:
        image = there.images.pull(registry.put_image("team/web", pack_image(BASE, TOP))).image
        there.images.tag(str(image.id), "team/web:1")
        yield there.images.get(str(image.id))


class Line:
    """What carries questions to the agent over there, and counts the bytes that come back."""

    def __init__(self, there: Engine) -> None:
        self._answers = ImageAnswers(there).answers()
        self.bytes = 0
        self.turns = 0
        self.fails_after = 10**9
        self.offers: dict[str, str] = {}

    def ask(
        self, host: str, question: Question, told: Mapping[str, Any], *, patience: float
    ) -> Any:
        assert (host, patience) == ("harbour", travel.PATIENCE_SECONDS)
        self.turns += 1
        if self.turns > self.fails_after:
            raise HostSilent(host)
        if question is Question.SEND_OPEN:
            told = {**told, **self.offers}
        answer = self._answers[question.value](told)
        self.bytes += len(answer.get("content", b""))
        return answer


@pytest.fixture
def line(there: Engine, monkeypatch: pytest.MonkeyPatch) -> Line:
    line = Line(there)
    monkeypatch.setattr(travel, "ask", line.ask)
    return line


@pytest.fixture
def work(here: Engine, make_job, published) -> Callable[..., Work[Any]]:
    def make(image: ImageRecord, cancellation: Cancellation | None = None) -> Work[Any]:
        told = {"source": "harbour", "image_id": str(image.id), "reference": "team/web:1"}
        arguments = parse_arguments(JobName.FETCH_IMAGE, told)
        job = make_job(JobName.FETCH_IMAGE, told, attempts=1)
        return Work(job, arguments, here, SILENT, cancellation or Cancellation())

    return make


def test_an_image_comes_with_its_tag_and_its_files(work, line, here: Engine, image) -> None:
    outcome = travel.fetch_image(work(image))

    fetched = here.images.get("team/web:1")
    assert str(fetched.id) == outcome["image_id"] == str(image.id)
    (_, top) = fetched.layers
    assert len(here.images.read_layer_file(top.chain_id, "/etc/large", limit=10**7)) == 4_800_000
    assert Image.objects.get().tags.get().reference == "docker.io/team/web:1"
    assert outcome["message"] == "Fetched team/web:1 from harbour."


def test_layers_that_are_here_are_not_sent(work, line, here: Engine, image) -> None:
    travel.fetch_image(work(image))
    first, line.bytes = line.bytes, 0

    travel.fetch_image(work(image))

    assert line.bytes < first / 2


def test_a_host_that_falls_silent_leaves_nothing_but_what_came(
    work, line, here: Engine, image
) -> None:
    line.fails_after = 3

    with pytest.raises(HostSilent):
        travel.fetch_image(work(image))

    assert here.images.list() == []
    line.fails_after = 10**9
    travel.fetch_image(work(image))
    assert here.images.get("team/web:1").id == image.id


def test_one_that_is_cancelled_ends_on_both_sides(work, line, there: Engine, image) -> None:
    cancellation = Cancellation()
    cancellation.cancel()

    with pytest.raises(Cancelled):
        travel.fetch_image(work(image, cancellation))

    assert there.images.get("team/web:1").id == image.id


def test_what_took_the_name_since_is_not_sent(work, line, there: Engine, image) -> None:
    there.images.import_tar(io.BytesIO(BASE), reference="team/web:1")

    with pytest.raises(TagMoved):
        travel.fetch_image(work(image))


def test_a_host_that_offers_another_image_or_name_changes_nothing(
    work, line, here: Engine, there: Engine, image
) -> None:
    other = there.images.import_tar(io.BytesIO(BASE), reference="team/base:1")
    for name, told in (("team/base:1", image), ("team/web:1", other)):
        offers = there.images.get(name)
        line.offers = {"image_id": str(offers.id), "reference": name}

        with pytest.raises(InvalidConversation):
            travel.fetch_image(work(told))

        assert here.images.list() == []


def test_an_image_that_is_not_there_is_refused(work, line, there: Engine, image) -> None:
    for tag in there.images.get(str(image.id)).tags:
        there.images.remove(tag.familiar, force=True)

    with pytest.raises(EngineError):
        travel.fetch_image(work(image))


class TestSendings:
    def test_a_conversation_nobody_takes_part_in_is_closed(self) -> None:
        ended = threading.Event()

        def listen(reader: BinaryIO, writer: BinaryIO) -> None:
            reader.read(1)
            ended.set()

        sendings = Sendings(patience=0.05)
        key = sendings.open(listen)

        assert ended.wait(20)
        with pytest.raises(InvalidInput):
            sendings.turn(key, b"", 10)

    def test_no_descriptor_is_closed_under_a_turn(self, monkeypatch: pytest.MonkeyPatch) -> None:
        sendings = Sendings(patience=20)
        key = sendings.open(lambda reader, _: reader.read(1))
        closing = threading.Thread(target=sendings._close, args=(key,))
        listen = sending.select.select

        def looked(says: list[int], *rest: Any) -> Any:
            closing.start()
            closing.join(0.3)
            os.fstat(says[0])
            return listen(says, *rest)

        monkeypatch.setattr(sending.select, "select", looked)

        assert sendings.turn(key, b"", 10) == (b"", False)
        closing.join(20)
        with pytest.raises(InvalidInput):
            sendings.turn(key, b"", 10)

    def test_only_a_few_go_on_at_a_time(self) -> None:
        sendings = Sendings(patience=20)
        keys = [sendings.open(lambda reader, _: reader.read(1)) for _ in range(sending.AT_ONCE)]

        with pytest.raises(LimitExceeded):
            sendings.open(lambda reader, _: reader.read(1))
        for key in keys:
            is_done = False
            while not is_done:
                _, is_done = sendings.turn(key, b"x", 10)

    def test_what_is_said_is_passed_on_to_the_end(self) -> None:
        sendings = Sendings()
        key = sendings.open(lambda reader, writer: writer.write(reader.read(3) * 2))
        said, is_done = sendings.turn(key, b"abc", 100)
        while not is_done:
            more, is_done = sendings.turn(key, b"", 100)
            said += more

        assert said == b"abcabc"
