"""
Answering at once what pages ask: things to look at that are too many or too fresh for the models.

    ask     {ask, reply, question, arguments}      web → agent
    answer  {ask, answer} or {ask, error}          agent → web

A question changes nothing. Its arguments come over Redis and are judged here again; an answer is
bounded by whoever gives it.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django.db import close_old_connections

from engine.errors import EngineError, InvalidInput, Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    Answer = Callable[[Mapping[str, Any]], Any]
    Send = Callable[[str, dict[str, Any]], Awaitable[None]]

log = logging.getLogger(__name__)

AT_ONCE = 6
MOST_WAITING = 100


class Answerer:
    """Answers questions with *answers*, a few at a time."""

    def __init__(self, answers: Mapping[str, Answer], send: Send) -> None:
        self._answers = answers
        self._send = send
        self._room = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, message: Mapping[str, Any]) -> None:
        """Answer *message* soon; one that makes no sense is dropped."""
        key, reply = message.get("ask"), message.get("reply")
        if not isinstance(key, str) or not isinstance(reply, str):
            log.warning("ignored a question that makes no sense")
            return
        if len(self._tasks) < MOST_WAITING:
            task = asyncio.create_task(self._answer(key, reply, message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Answer nothing more."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _answer(self, key: str, reply: str, message: Mapping[str, Any]) -> None:
        async with self._room:
            found = await asyncio.to_thread(self._find, message)
        with suppress(OSError):
            await self._send(reply, {"type": "answer", "ask": key, **found})

    def _find(self, message: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return {"answer": self._answer_to(message)}
        except EngineError as error:
            return {"error": error_words(error)}
        except Exception:
            # The entry of a question is as far as an error gets: it is written down.
            log.exception("a question could not be answered")
            return {"error": error_words(Unavailable("An error on the host; its log says more"))}
        finally:
            close_old_connections()

    def _answer_to(self, message: Mapping[str, Any]) -> Any:
        answer, arguments = (
            self._answers.get(str(message.get("question"))),
            message.get("arguments"),
        )
        if answer is None or not isinstance(arguments, dict):
            raise InvalidInput("This host does not know that question")
        return answer(arguments)


def error_words(error: EngineError) -> dict[str, str]:
    """Return *error* as it is told to a person."""
    return {
        "code": error.code,
        "message": error.message,
        "field": error.field,
        "remedy": error.remedy,
    }
