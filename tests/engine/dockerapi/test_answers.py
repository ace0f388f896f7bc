"""What becomes of work whose client has gone."""

from __future__ import annotations

import asyncio
import gc

import pytest

from engine.dockerapi.answers import left_alone
from engine.dockerapi.refusals import Refusal
from engine.errors import ContainerNotFound
from engine.progress import Cancelled


async def ended(outcome: BaseException | None) -> None:
    """Have work that nobody waits for end with *outcome*, and be forgotten."""
    work: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    work.add_done_callback(left_alone)
    if outcome is None:
        work.cancel()
    else:
        work.set_exception(outcome)
    del work
    await asyncio.sleep(0)
    gc.collect()


@pytest.mark.parametrize(
    "outcome", [ContainerNotFound("web"), Refusal(400, "no"), Cancelled(), None]
)
async def test_what_was_to_be_told_to_nobody_is_in_no_log(
    outcome: BaseException | None, caplog: pytest.LogCaptureFixture
) -> None:
    await ended(outcome)

    assert caplog.records == []


async def test_what_should_not_happen_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    await ended(ValueError("a mistake of ours"))

    (record,) = caplog.records
    assert record.name == "engine.dockerapi.answers"
    assert "a mistake of ours" in str(record.exc_info)
