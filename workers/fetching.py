"""
Taking an image from another host, with which this one shares only the broker.

The engine takes it over a pair of pipes, as over any pair of streams; a thread takes turns with the
agent of the other host, in pieces that fit a message.
"""

from __future__ import annotations

import os
import select
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from dashboard.agents import Question
from engine.errors import EngineError, PeerLost

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import BinaryIO

    from engine.progress import Cancellation

    Ask = Callable[[Question, Mapping[str, Any]], Any]

T = TypeVar("T")

MOST_SAID = 16 << 10
# How long to listen to the engine here before the other end has the next turn.
LOOK_SECONDS = 0.05


def fetched(
    ask: Ask,
    offer: Mapping[str, Any],
    receive: Callable[[BinaryIO, BinaryIO], T],
    *,
    cancellation: Cancellation,
) -> T:
    """
    Return what *receive* makes of the image that the asked agent is to send, as *offer* names it.

    Raises what *receive* raises, and where the other host is silent or refuses, that; where
    *cancellation* says to stop, `Cancelled`.
    """
    sending = str(ask(Question.SEND_OPEN, offer)["sending"])
    heard, hears = os.pipe2(os.O_CLOEXEC)
    says, said = os.pipe2(os.O_CLOEXEC)
    turns = _Turns(ask, sending, hears, says)
    thread = threading.Thread(target=turns.take, name="fetch image", daemon=True)
    thread.start()
    try:
        with os.fdopen(heard, "rb", 0) as reader, os.fdopen(said, "wb", 0) as writer:
            result = receive(reader, writer)
    except PeerLost:
        # One layer that stops because of a cancel breaks the conversation for the others.
        cancellation.check()
        thread.join()
        if turns.error is not None:
            raise turns.error from None
        raise
    finally:
        thread.join()
    return result


@dataclass
class _Turns:
    """Carries what is said between the engine here, by descriptors, and the one over there."""

    ask: Ask
    sending: str
    hears: int
    says: int
    error: EngineError | None = field(default=None, init=False)

    def take(self) -> None:
        """Take turns until one of both ends; closes the descriptors."""
        try:
            # An engine here that stopped listening has its reasons, and tells them itself.
            with suppress(BrokenPipeError):
                self._take()
        except EngineError as error:
            self.error = error
        finally:
            os.close(self.hears)
            os.close(self.says)

    def _take(self) -> None:
        is_over, said = False, memoryview(b"")
        while not is_over:
            # While the other end says much, the engine here only listens.
            content, is_over = self._heard_here(0 if said.nbytes else LOOK_SECONDS)
            turn = {"sending": self.sending, "content": content, "is_last": is_over}
            answer = self.ask(Question.SEND_TURN, turn)
            said = memoryview(bytes(answer["content"]))
            if not is_over:
                _write(self.hears, said)
            is_over = is_over or bool(answer["is_done"])

    def _heard_here(self, patience: float) -> tuple[bytes, bool]:
        """Return what the engine here says now, and whether that was its last word."""
        if not select.select([self.says], [], [], patience)[0]:
            return b"", False
        content = os.read(self.says, MOST_SAID)
        return content, not content


def _write(descriptor: int, content: memoryview) -> None:
    while content:
        content = content[os.write(descriptor, content) :]
