"""A watch over real pipes, connections and processes."""

from __future__ import annotations

import os
import pty
import signal
import socket
import subprocess
import termios
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from engine.system.entering.watching import STDERR, STDOUT, Streams, Watch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECONDS = 30.0
BIG = 1 << 20


class Conversation:
    """A program that is watched by a thread, and our end of the connection."""

    def __init__(self, program: subprocess.Popen[bytes], has_input: bool) -> None:
        assert program.stdout
        assert program.stderr
        self.program = program
        self.ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.ours.settimeout(SECONDS)
        outputs = {program.stdout.fileno(): STDOUT, program.stderr.fileno(): STDERR}
        self.streams = Streams(outputs)
        if has_input:
            assert program.stdin
            # The watch closes it, and nobody else may.
            self.streams.input = os.dup(program.stdin.fileno())
            program.stdin.close()
        for each in (*outputs, self.streams.input):
            if each is not None:
                os.set_blocking(each, False)
        self.process = os.pidfd_open(program.pid)
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self) -> None:
        Watch(self.streams, self.theirs).run(self.process)
        self.theirs.close()

    def read_all(self) -> dict[bytes, bytes]:
        found = {STDOUT: b"", STDERR: b""}
        while packet := self.ours.recv(1 << 17):
            found[packet[:1]] += packet[1:]
        return found

    def close(self) -> None:
        self.program.kill()
        self.ours.close()
        self.thread.join(SECONDS)
        self.program.wait(SECONDS)
        os.close(self.process)
        self.streams.end_input()
        for each in (self.program.stdout, self.program.stderr):
            assert each
            each.close()


@contextmanager
def talking_to(script: str, *, has_input: bool = False) -> Iterator[Conversation]:
    pipe = subprocess.PIPE
    stdin = pipe if has_input else subprocess.DEVNULL
    program = subprocess.Popen(["sh", "-c", script], stdin=stdin, stdout=pipe, stderr=pipe)
    conversation = Conversation(program, has_input)
    try:
        yield conversation
    finally:
        conversation.close()


def test_everything_printed_comes_with_the_name_of_its_stream() -> None:
    with talking_to("echo out; echo err >&2") as talk:
        assert talk.read_all() == {STDOUT: b"out\n", STDERR: b"err\n"}


def test_much_comes_whole_and_in_order() -> None:
    with talking_to(f"seq {BIG // 8}") as talk:
        wanted = b"".join(b"%d\n" % each for each in range(1, BIG // 8 + 1))
        assert talk.read_all()[STDOUT] == wanted


def test_input_reaches_it_and_ends() -> None:
    content = bytes(range(256)) * (BIG // 256)
    with talking_to("cat; echo end >&2", has_input=True) as talk:

        def write() -> None:
            for begin in range(0, BIG, 8192):
                talk.ours.send(content[begin : begin + 8192])
            talk.ours.shutdown(socket.SHUT_WR)

        writer = threading.Thread(target=write)
        writer.start()
        assert talk.read_all() == {STDOUT: content, STDERR: b"end\n"}
        writer.join(SECONDS)


def test_who_writes_much_before_reading_anything_is_not_stuck_for_ever() -> None:
    # Both directions are full at once; each goes on as soon as its own reader does.
    with talking_to("cat", has_input=True) as talk:
        writer = threading.Thread(target=talk.ours.sendall, args=(b"x" * 8192,))
        writer.start()
        writer.join(SECONDS)
        talk.ours.shutdown(socket.SHUT_WR)
        assert talk.read_all()[STDOUT] == b"x" * 8192


def test_one_that_does_not_listen_does_not_stop_what_it_prints() -> None:
    script = "exec <&-; trap 'echo more; exit' TERM; echo ready; while :; do sleep 0.01; done"
    with talking_to(script, has_input=True) as talk:
        assert talk.ours.recv(100) == STDOUT + b"ready\n"
        talk.ours.send(b"nobody reads this\n")
        talk.program.terminate()
        assert talk.read_all()[STDOUT] == b"more\n"


def test_it_goes_on_when_nobody_is_connected_any_more(tmp_path: Path) -> None:
    script = f"seq 200000; echo done > {tmp_path}/done"
    with talking_to(script) as talk:
        assert talk.ours.recv(1 << 17)
        talk.ours.close()
        talk.thread.join(SECONDS)

        assert not talk.thread.is_alive()
        assert (tmp_path / "done").read_text() == "done\n"


def test_what_it_printed_to_nobody_before_its_end_does_not_keep_the_watch() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.close()
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    # More than one piece of it.
    os.write(writer, b"x" * 60_000)
    os.close(writer)
    with subprocess.Popen(["true"]) as program, theirs:
        process = os.pidfd_open(program.pid)
        watch = Watch(Streams({reader: STDOUT}), theirs)
        thread = threading.Thread(target=watch.run, args=(process,), daemon=True)
        thread.start()
        thread.join(SECONDS)

        assert not thread.is_alive()
    os.close(process)
    os.close(reader)


def test_who_does_not_read_makes_it_wait() -> None:
    with talking_to(f"seq {BIG}; echo over >&2") as talk:
        os.kill(talk.program.pid, 0)
        first = talk.ours.recv(1 << 17)
        assert talk.program.poll() is None
        rest = talk.read_all()
        assert (first[1:] + rest[STDOUT]).endswith(b"%d\n" % BIG)
        assert rest[STDERR] == b"over\n"


def test_the_end_is_that_of_the_program_not_of_what_it_leaves_behind() -> None:
    with talking_to("sleep 1000 & echo $!") as talk:
        left = int(talk.read_all()[STDOUT])
        os.kill(left, signal.SIGKILL)


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    master, slave = pty.openpty()
    os.set_blocking(master, False)
    yield master, slave
    for each in (master, slave):
        os.close(each)


@pytest.mark.parametrize(
    ("order", "size"),
    [
        (b"1 21 43\n", (21, 43)),
        (b"1 5 6\n1 7 8\n", (7, 8)),
        (b"2 21 43\n", (0, 0)),
        (b"1 -3 4\n", (0, 0)),
        (b"nonsense\n\xff\n", (0, 0)),
    ],
)
def test_a_terminal_gets_its_size(
    terminal: tuple[int, int], order: bytes, size: tuple[int, int]
) -> None:
    master, slave = terminal
    reader, writer = os.pipe()
    try:
        os.write(writer, order)
        Streams({master: STDOUT}, input=master, terminal=master, orders=reader).obey()
        assert termios.tcgetwinsize(slave) == size
    finally:
        os.close(reader)
        os.close(writer)


def test_an_order_may_come_in_two_halves(terminal: tuple[int, int]) -> None:
    master, slave = terminal
    reader, writer = os.pipe()
    streams = Streams({master: STDOUT}, input=master, terminal=master, orders=reader)
    try:
        for half in (b"1 21 4", b"3\n"):
            os.write(writer, half)
            streams.obey()
        assert termios.tcgetwinsize(slave) == (21, 43)
    finally:
        os.close(reader)
        os.close(writer)


def test_the_input_of_a_terminal_does_not_end(terminal: tuple[int, int]) -> None:
    master, _ = terminal
    streams = Streams({master: STDOUT}, input=master, terminal=master)
    streams.end_input()

    assert streams.input == master


def test_a_terminal_that_all_have_left_is_at_its_end() -> None:
    master, slave = pty.openpty()
    os.set_blocking(master, False)
    os.write(slave, b"last words")
    os.close(slave)
    streams = Streams({master: STDOUT})
    try:
        assert streams.read(master) == STDOUT + b"last words"
        assert streams.outputs == {}
    finally:
        os.close(master)
