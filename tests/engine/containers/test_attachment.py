import socket
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.containers.attachment import (
    EARLY_BYTES,
    NOTHING_YET,
    Attachment,
    StreamKind,
    Wanted,
    parse_packet,
)
from engine.containers.record import ContainerRecord
from engine.errors import ContainerNotFound
from tests.support.containers import Yard

SECONDS = 20.0
OUT, ERR = StreamKind.STDOUT, StreamKind.STDERR


@given(st.sampled_from([OUT, ERR]), st.binary(min_size=1))
def test_a_packet_is_a_stream_and_bytes(kind: StreamKind, content: bytes) -> None:
    assert parse_packet(bytes([kind]) + content) == (kind, content)


@pytest.mark.parametrize("packet", [b"", b"\2", b"\1x", b"\0x", b"\4x", b"\xffx"])
def test_anything_else_is_no_output(packet: bytes) -> None:
    assert parse_packet(packet) is None


@pytest.fixture
def record(yard: Yard) -> ContainerRecord:
    return yard.containers.create(yard.settings())


def received(yard: Yard, record: ContainerRecord) -> bytes:
    connection = yard.fake_host.containers[record.id].attached[0]
    connection.settimeout(SECONDS)
    return connection.recv(100_000)


class TestRunning:
    def test_output_comes_by_stream_until_the_end(
        self, yard: Yard, record: ContainerRecord
    ) -> None:
        yard.containers.start(record.id)
        attachment = yard.containers.attach(record.id)
        yard.fake_host.print(record.id, OUT, b"out")
        yard.fake_host.print(record.id, ERR, b"err\n")
        yard.fake_host.finish(record.id, 3)

        assert attachment.read() == (OUT, b"out")
        assert attachment.read() == (ERR, b"err\n")
        assert attachment.read() is None
        assert attachment.read() is None
        assert attachment.exit_code == 3

    def test_only_the_wanted_streams_come(self, yard: Yard, record: ContainerRecord) -> None:
        yard.containers.start(record.id)
        attachment = yard.containers.attach(record.id, stdout=False)
        yard.fake_host.print(record.id, OUT, b"out")
        yard.fake_host.print(record.id, ERR, b"err")

        assert attachment.read() == (ERR, b"err")

    def test_input_goes_in_until_it_is_closed_and_output_goes_on(
        self, yard: Yard, record: ContainerRecord
    ) -> None:
        yard.containers.start(record.id)
        attachment = yard.containers.attach(record.id, stdin=True)
        attachment.write(b"hello")
        attachment.close_stdin()

        assert received(yard, record) == b"hello"
        assert received(yard, record) == b""
        yard.fake_host.print(record.id, OUT, b"bye")
        assert attachment.read() == (OUT, b"bye")

    def test_input_that_was_not_asked_for_goes_nowhere(
        self, yard: Yard, record: ContainerRecord
    ) -> None:
        yard.containers.start(record.id)
        attachment = yard.containers.attach(record.id)
        attachment.write(b"hello")
        attachment.close()

        assert received(yard, record) == b""

    def test_a_read_with_a_time_limit_returns_without_output(
        self, yard: Yard, record: ContainerRecord
    ) -> None:
        yard.containers.start(record.id)

        assert yard.containers.attach(record.id).read(timeout=0) == NOTHING_YET

    def test_closing_wakes_whoever_reads(self, yard: Yard, record: ContainerRecord) -> None:
        yard.containers.start(record.id)
        attachment = yard.containers.attach(record.id)
        threading.Timer(0.02, attachment.close).start()

        assert attachment.read() is None
        attachment.close()

    def test_writing_to_what_has_ended_is_fine(self, yard: Yard, record: ContainerRecord) -> None:
        yard.containers.start(record.id)
        attachment = yard.containers.attach(record.id, stdin=True)
        yard.fake_host.finish(record.id)

        attachment.write(b"hello")
        attachment.close_stdin()
        assert attachment.read() is None

    def test_the_exit_code_survives_a_removal_at_the_exit(self, yard: Yard) -> None:
        record = yard.containers.create(yard.settings(auto_remove=True))
        yard.containers.start(record.id)
        attachment = yard.containers.attach(record.id)
        yard.fake_host.finish(record.id, 7)
        yard.containers.settle()

        assert attachment.read() is None
        assert attachment.exit_code == 7

    def test_the_size_of_the_terminal_is_passed_on(
        self, yard: Yard, record: ContainerRecord
    ) -> None:
        yard.containers.start(record.id)
        yard.containers.resize(record.id, rows=40, columns=100)

        assert yard.fake_host.containers[record.id].size == (40, 100)


class TestBeforeTheStart:
    def test_not_a_byte_is_missed(self, yard: Yard, record: ContainerRecord) -> None:
        first = yard.containers.attach(record.id)
        second = yard.containers.attach(record.id, stdin=True)
        assert not first.is_connected
        assert first.read(timeout=0) == NOTHING_YET

        yard.reopened().start(record.id)
        yard.fake_host.print(record.id, OUT, b"first word")

        assert first.read() == second.read() == (OUT, b"first word")
        assert yard.leftovers(records=1) != []  # it runs
        yard.fake_host.finish(record.id)
        assert first.read() is None

    def test_input_that_came_early_is_there_in_order(
        self, yard: Yard, record: ContainerRecord
    ) -> None:
        attachment = yard.containers.attach(record.id, stdin=True)
        attachment.write(b"one ")
        attachment.close_stdin()
        yard.containers.start(record.id)
        assert attachment.read(timeout=0) == NOTHING_YET

        assert received(yard, record) == b"one "
        assert received(yard, record) == b""

    def test_more_early_input_than_is_kept_waits_for_the_start(
        self, yard: Yard, record: ContainerRecord
    ) -> None:
        attachment = yard.containers.attach(record.id, stdin=True)
        content = bytes(2 * EARLY_BYTES)
        writer = threading.Thread(target=attachment.write, args=(content,))
        writer.start()
        yard.containers.start(record.id)

        taken = 0
        while taken < len(content):
            taken += len(received(yard, record))
        writer.join(SECONDS)
        assert not writer.is_alive()

    def test_somebody_who_was_killed_meanwhile_does_not_matter(
        self, yard: Yard, record: ContainerRecord
    ) -> None:
        place = yard.means.waiting.enter(record.id)
        place._socket.close()
        attachment = yard.containers.attach(record.id)
        yard.containers.start(record.id)

        assert len(yard.fake_host.containers[record.id].attached) == 1
        yard.fake_host.print(record.id, OUT, b"word")
        assert attachment.read() == (OUT, b"word")

    def test_a_removal_ends_it(self, yard: Yard, record: ContainerRecord) -> None:
        attachment = yard.containers.attach(record.id)
        yard.containers.remove(record.id)

        assert attachment.read() is None
        assert attachment.exit_code is None
        assert yard.leftovers() == []

    def test_leaving_leaves_nothing(self, yard: Yard, record: ContainerRecord) -> None:
        attachment = yard.containers.attach(record.id)
        attachment.detach()
        assert attachment.read() is None
        yard.containers.start(record.id)

        assert yard.fake_host.containers[record.id].attached == []

    def test_what_does_not_exist_cannot_be_attached_to(self, yard: Yard) -> None:
        with pytest.raises(ContainerNotFound):
            yard.containers.attach("nobody")


def test_an_attachment_that_is_forgotten_closes_its_descriptors() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    attachment = Attachment(wanted=Wanted(), connection=ours)
    assert attachment.fileno() > 0
    del attachment

    assert theirs.recv(10) == b""
    theirs.close()


class QuietPlace:
    """A place that says nothing: whoever wants to know must look."""

    def __init__(self) -> None:
        self.answer: socket.socket | None = None
        self._quiet, self._other = socket.socketpair()

    def fileno(self) -> int:
        return self._quiet.fileno()

    def collect(self) -> socket.socket | None:
        return self.answer

    def leave(self) -> None:
        self._quiet.close()
        self._other.close()


def test_who_waits_to_write_is_told_when_who_reads_took_the_connection() -> None:
    place = QuietPlace()
    attachment = Attachment(wanted=Wanted(stdin=True), place=place)
    content = bytes(range(256)) * (EARLY_BYTES // 256 + 64)
    writer = threading.Thread(target=attachment.write, args=(content,), daemon=True)
    writer.start()
    writer.join(0.1)
    assert writer.is_alive(), "some of it is to be left for the connection"

    theirs, place.answer = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    assert attachment.read(timeout=0) == NOTHING_YET
    theirs.settimeout(SECONDS)
    taken = b""
    while len(taken) < len(content):
        taken += theirs.recv(100_000)

    assert taken == content
    writer.join(SECONDS)
    assert not writer.is_alive()
    attachment.close()
    theirs.close()
