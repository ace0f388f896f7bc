import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.system.processes import (
    ProcessIdentity,
    arguments_of,
    find_by_arguments,
    find_identity,
    has_argument,
    kill_and_wait,
    read_from_held,
    wait_until_gone,
)
from tests.support.services import wait_until

MARK = "a-mark-that-nobody-else-has"


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["/bin/sh", "-c", "read x", MARK], stdin=subprocess.PIPE)
    with process:
        # Between the start and its program's beginning a process has no words.
        wait_until(lambda: MARK in arguments_of(process.pid), what="its words")
        yield process
        process.kill()


def test_an_identity_survives_as_text() -> None:
    identity = find_identity(os.getpid())

    assert identity is not None
    assert ProcessIdentity.parse(identity.render()) == identity
    assert identity.is_alive


@pytest.mark.parametrize("text", ["", "1", "1 2", "a b c", "1 2 3 4"])
def test_what_is_no_identity_is_none(text: str) -> None:
    assert ProcessIdentity.parse(text) is None


def test_a_signal_reaches_that_process(sleeper: subprocess.Popen[bytes]) -> None:
    identity = find_identity(sleeper.pid)

    assert identity is not None
    assert identity.send(signal.SIGTERM)
    assert sleeper.wait(10) == -signal.SIGTERM
    assert not identity.is_alive
    assert not identity.send(signal.SIGTERM)


def test_a_signal_never_reaches_another_with_the_same_number(
    sleeper: subprocess.Popen[bytes],
) -> None:
    identity = find_identity(sleeper.pid)
    assert identity is not None
    earlier = ProcessIdentity(identity.pid, identity.started - 1, identity.boot)

    assert not earlier.send(signal.SIGKILL)
    assert sleeper.poll() is None


def test_one_that_has_ended_is_nobody_even_before_it_is_reaped(
    sleeper: subprocess.Popen[bytes],
) -> None:
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)

    assert find_identity(sleeper.pid) is None


def test_a_process_is_found_by_all_its_words(sleeper: subprocess.Popen[bytes]) -> None:
    words = arguments_of(sleeper.pid)

    assert sleeper.pid in find_by_arguments(words)
    assert sleeper.pid not in find_by_arguments([*words, "more"])


def test_a_process_is_known_by_a_word_of_its(sleeper: subprocess.Popen[bytes]) -> None:
    assert has_argument(sleeper.pid, MARK)
    assert not has_argument(sleeper.pid, MARK[:-1])


class TestHeld:
    @pytest.fixture
    def pipe(self, tmp_path: Path) -> Path:
        os.mkfifo(tmp_path / "pipe")
        return tmp_path / "pipe"

    def test_a_holder_writes_as_soon_as_somebody_reads(self, pipe: Path) -> None:
        # It ends at once: what it wrote counts all the same.
        with subprocess.Popen(["/bin/sh", "-c", f"echo 0 > {pipe}"]) as process:
            identity = find_identity(process.pid)
            assert identity is not None

            assert read_from_held(pipe, identity, timeout=10, is_held=lambda: True)

    def test_a_holder_that_is_slow_to_write_finds_its_reader_still_there(self, pipe: Path) -> None:
        slow = f"exec 3> {pipe}; sleep 0.5; echo 0 >&3"
        with subprocess.Popen(["/bin/sh", "-c", slow]) as process:
            identity = find_identity(process.pid)
            assert identity is not None

            assert read_from_held(pipe, identity, timeout=20, is_held=lambda: True)
        assert process.returncode == 0

    def test_one_that_another_let_go_is_not_waited_for(
        self, pipe: Path, sleeper: subprocess.Popen[bytes]
    ) -> None:
        identity = find_identity(sleeper.pid)
        assert identity is not None

        assert read_from_held(pipe, identity, timeout=20, is_held=lambda: False)

    def test_a_holder_that_ends_without_a_word_is_told(self, pipe: Path) -> None:
        with subprocess.Popen(["/bin/sh", "-c", "read x"], stdin=subprocess.PIPE) as process:
            identity = find_identity(process.pid)
            assert identity is not None
            process.kill()

            assert not read_from_held(pipe, identity, timeout=10, is_held=lambda: True)

    def test_without_a_pipe_nobody_waits(self, tmp_path: Path) -> None:
        identity = find_identity(os.getpid())
        assert identity is not None

        with pytest.raises(FileNotFoundError):
            read_from_held(tmp_path / "pipe", identity, timeout=10, is_held=lambda: True)


def test_killing_returns_when_they_have_ended(sleeper: subprocess.Popen[bytes]) -> None:
    kill_and_wait([sleeper.pid, 2**22 - 1])

    assert not has_argument(sleeper.pid, MARK)


def test_waiting_ends_with_the_process_or_with_the_time(sleeper: subprocess.Popen[bytes]) -> None:
    assert not wait_until_gone(sleeper.pid, MARK, timeout=0.01)
    assert wait_until_gone(sleeper.pid, "another", timeout=0)

    sleeper.kill()

    assert wait_until_gone(sleeper.pid, MARK, timeout=10)
