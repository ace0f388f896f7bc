"""Questions of pages, answered by the agent."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from channels.layers import get_channel_layer

from dashboard.agents import Question, ask
from dashboard.errors import AnswerRefused, HostSilent
from engine.containers.logs import LogLine
from engine.errors import ContainerNotFound
from engine.layers.diff import Change, ChangeKind
from workers.agent.answers import MOST_LINES, EngineAnswers
from workers.agent.questions import Answerer


async def answered(answers: dict, **message: object) -> dict:
    """Return what the page hears of a question."""
    heard: asyncio.Queue[dict] = asyncio.Queue()

    async def send(channel: str, said: dict) -> None:
        assert channel == "page"
        await heard.put(said)

    answerer = Answerer(answers, send)
    answerer.take({"ask": "1", "reply": "page", "arguments": {}, **message})
    said = await asyncio.wait_for(heard.get(), 5)
    await answerer.close()
    return said


@pytest.mark.django_db
async def test_an_answer_comes_back_under_its_question():
    said = await answered({"x": lambda told: told["a"] + 1}, question="x", arguments={"a": 1})

    assert said == {"type": "answer", "ask": "1", "answer": 2}


@pytest.mark.django_db
async def test_a_refusal_of_the_engine_is_told_in_its_words():
    def refuse(_: object) -> None:
        raise ContainerNotFound("web")

    said = await answered({"x": refuse}, question="x")

    assert said["error"]["code"] == "container-not-found"


@pytest.mark.django_db
async def test_a_defect_is_no_answer_and_tells_nothing(caplog):
    said = await answered({"x": lambda _: 1 / 0}, question="x")

    assert "division" not in str(said)
    assert "division" in caplog.text


@pytest.mark.django_db
@pytest.mark.parametrize("message", [{"question": "none"}, {"question": "x", "arguments": 1}])
async def test_what_nobody_knows_is_refused(message):
    said = await answered({"x": lambda _: 1}, **message)

    assert "does not know" in said["error"]["message"]


class Containers:
    """An engine's containers, of which only some verbs are asked."""

    def __init__(self, lines: int = 0) -> None:
        self.lines = [
            LogLine(datetime(2026, 1, 1, 0, 0, n % 60, n, tzinfo=UTC), "stdout", f"{n}".encode())
            for n in range(lines)
        ]

    def iter_changes(self, ref: str):
        kinds = [ChangeKind.ADDED, ChangeKind.DELETED]
        return iter([Change(kind, f"/{number}", number) for number, kind in enumerate(kinds)])

    def output(self, container_id: str) -> SimpleNamespace:
        return SimpleNamespace(lines=self._lines)

    def _lines(self, *, tail: int | None = None):
        return iter(self.lines if tail is None else self.lines[-tail:])


def answers(containers: Containers) -> EngineAnswers:
    return EngineAnswers(SimpleNamespace(containers=containers))  # type: ignore[arg-type]


def test_changes_are_bounded_and_say_that_there_are_more():
    told = {"container_id": "c", "limit": 1}

    answer = answers(Containers()).changes(told)

    assert answer["changes"] == [[ChangeKind.ADDED.value, "/0", 0, False]]
    assert answer["has_more"]


def test_names_that_are_no_text_are_shown_all_the_same():
    containers = Containers()
    odd = b"/odd-\xe9".decode(errors="surrogateescape")
    containers.iter_changes = lambda _: iter([Change(ChangeKind.ADDED, odd, 1)])  # type: ignore[method-assign]

    ((_, path, _, _),) = answers(containers).changes({"container_id": "c"})["changes"]

    assert path == "/odd-\N{REPLACEMENT CHARACTER}"
    assert path.encode()


def test_the_lines_up_to_a_moment_are_the_last_ones():
    containers = Containers(lines=20)
    until = containers.lines[9].time.isoformat()

    page = answers(containers).log_page({"container_id": "c", "until": until})

    assert [line["m"] for line in page["lines"]] == [str(number) for number in range(10)]
    assert len(page["lines"]) <= MOST_LINES


def test_the_lines_between_two_moments_are_those_between():
    containers = Containers(lines=20)
    since, until = (containers.lines[at].time.isoformat() for at in (3, 5))

    page = answers(containers).log_page({"container_id": "c", "since": since, "until": until})

    assert [line["m"] for line in page["lines"]] == ["3", "4", "5"]


# --- the asking end ---------------------------------------------------------------------------


def test_a_host_that_does_not_answer_costs_only_our_patience():
    with pytest.raises(HostSilent, match="alpha does not answer"):
        ask("alpha", Question.TOP, {}, patience=0.05)


async def test_what_the_host_answers_comes_back_and_what_it_refuses_is_raised():
    layer = get_channel_layer()

    async def agent() -> None:
        asked = await layer.receive("agent.beta")
        late = {"type": "answer", "ask": "another", "answer": 0}
        await layer.send(asked["reply"], late)
        answer = {"type": "answer", "ask": asked["ask"]}
        if asked["arguments"]:
            await layer.send(asked["reply"], {**answer, "answer": asked["arguments"]})
        else:
            await layer.send(asked["reply"], {**answer, "error": {"message": "No", "code": "x"}})

    from dashboard.agents import _ask

    playing = asyncio.create_task(agent())
    assert await _ask("beta", Question.TOP, {"a": 1}, 5) == {"a": 1}
    await playing
    playing = asyncio.create_task(agent())
    with pytest.raises(AnswerRefused, match="No"):
        await _ask("beta", Question.TOP, {}, 5)
    await playing
