from __future__ import annotations

import threading

import pytest

from engine.progress import NEVER, SILENT, Cancellation, Cancelled, Message


def test_nobody_asked_to_stop() -> None:
    cancellation = Cancellation()

    cancellation.check()
    cancellation.wait(0)

    assert not cancellation.is_cancelled


def test_a_request_to_stop_stays_given() -> None:
    cancellation = Cancellation()

    cancellation.cancel()
    cancellation.cancel()

    assert cancellation.is_cancelled
    with pytest.raises(Cancelled):
        cancellation.check()
    with pytest.raises(Cancelled):
        cancellation.wait(60)


def test_a_wait_ends_as_soon_as_it_is_asked_to() -> None:
    cancellation = Cancellation()
    thread = threading.Timer(0, cancellation.cancel)
    thread.start()

    with pytest.raises(Cancelled):
        cancellation.wait(60)
    thread.join()


def test_what_everybody_shares_cannot_be_cancelled() -> None:
    with pytest.raises(TypeError):
        NEVER.cancel()

    assert not NEVER.is_cancelled


def test_silence_takes_anything() -> None:
    SILENT.emit(Message("nobody hears this"))
