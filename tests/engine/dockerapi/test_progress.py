from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from engine.dockerapi.pipes import HELD, Pipe
from engine.dockerapi.progress import JsonProgress
from engine.dockerapi.refusals import Refusal
from engine.progress import Cancellation, LayerProgress, LayerStatus, Message

if TYPE_CHECKING:
    from collections.abc import Callable


async def told(work: Callable[[JsonProgress], None]) -> list[dict[str, Any]]:
    pipe = Pipe()
    work(JsonProgress(pipe, Cancellation()))
    pipe.close()
    content = b"".join([chunk async for chunk in pipe.read()])
    return [json.loads(line) for line in content.splitlines()]


async def test_words_wait_until_something_is_known_of_a_layer() -> None:
    def work(progress: JsonProgress) -> None:
        progress.emit(Message("latest: Pulling from library/x"))
        assert not progress.has_begun
        progress.emit(LayerProgress("abc", LayerStatus.WAITING))
        assert progress.has_begun

    assert await told(work) == [
        {"status": "Pulling from library/x", "id": "latest"},
        {"status": "Pulling fs layer", "progressDetail": {}, "id": "abc"},
    ]


async def test_of_layers_that_are_all_here_nothing_is_said() -> None:
    def work(progress: JsonProgress) -> None:
        progress.emit(Message("latest: Pulling from library/x"))
        progress.emit(LayerProgress("abc", LayerStatus.EXISTS))
        progress.emit(Message("Status: Image is up to date"))
        progress.finish()

    assert [line["status"] for line in await told(work)] == [
        "Pulling from library/x",
        "Status: Image is up to date",
    ]


async def test_a_bar_that_moves_too_often_is_left_out_but_its_end_is_not() -> None:
    def work(progress: JsonProgress) -> None:
        for current in range(0, 1001, 10):
            progress.emit(LayerProgress("abc", LayerStatus.DOWNLOADING, current, 1000))

    lines = await told(work)
    assert len(lines) < 20
    assert lines[-1]["progressDetail"] == {"current": 1000, "total": 1000}


async def test_a_failure_is_the_last_line() -> None:
    assert await told(lambda progress: progress.fail(Refusal(500, "it broke"))) == [
        {"errorDetail": {"message": "it broke"}, "error": "it broke"}
    ]


async def test_no_status_is_taken_for_the_exit_code_of_a_step() -> None:
    (line,) = await told(lambda progress: progress.fail(Refusal(404, "network nope not found")))

    assert "code" not in line["errorDetail"]


async def test_the_work_is_cancelled_when_nobody_reads() -> None:
    pipe, cancellation = Pipe(), Cancellation()
    pipe.abandon()

    JsonProgress(pipe, cancellation).emit(Message("on and on"))

    assert cancellation.is_cancelled


async def test_whoever_writes_waits_for_who_reads() -> None:
    pipe = Pipe()
    put = asyncio.get_running_loop().run_in_executor(None, _write_much, pipe)
    taken = 0
    async for chunk in pipe.read():
        assert len(chunk) <= HELD + 1000
        taken += len(chunk)
    assert await put == taken


def _write_much(pipe: Pipe) -> int:
    for _ in range(2000):
        pipe.put(b"x" * 1000)
    pipe.close()
    return 2_000_000
