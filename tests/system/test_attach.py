"""Attaching to containers of the real kernel, before and after their start."""

from __future__ import annotations

import os
import threading
from multiprocessing import get_context
from typing import TYPE_CHECKING

import pytest

from engine.containers import stop
from engine.containers.attachment import Attachment, StreamKind
from tests.system.test_containers import SECONDS

if TYPE_CHECKING:
    from engine.containers.record import ContainerRecord
    from tests.support.containers import Yard

pytestmark = pytest.mark.root


def created(yard: Yard, script: str, **settings: object) -> ContainerRecord:
    return yard.containers.create(yard.settings("/bin/sh", "-c", script, **settings))


def read_all(attachment: Attachment) -> dict[StreamKind, bytes]:
    found = {StreamKind.STDOUT: b"", StreamKind.STDERR: b""}
    while (piece := attachment.read()) is not None:
        found[piece[0]] += piece[1]
    return found


def read_until(attachment: Attachment, wanted: bytes) -> bytes:
    found = b""
    while wanted not in found:
        piece = attachment.read(timeout=SECONDS)
        assert piece, found
        found += piece[1]
    return found


def test_a_short_container_that_is_removed_at_its_exit_is_heard_out(yard: Yard) -> None:
    for number in range(8):
        record = created(yard, f"echo {number}; echo bad >&2; exit 3", auto_remove=True)
        with yard.containers.attach(record.id) as attachment:
            yard.containers.start(record.id)
            found = read_all(attachment)
            assert found[StreamKind.STDOUT] == b"%d\n" % number
            assert found[StreamKind.STDERR] == b"bad\n"
            assert attachment.exit_code == 3


def test_a_start_in_another_process_misses_nobody(yard: Yard) -> None:
    record = created(yard, "seq 20000")
    attachments = [yard.containers.attach(record.id) for _ in range(3)]
    starter = get_context("fork").Process(target=yard.reopened().start, args=(record.id,))
    outputs: list[bytes] = []
    readers = [
        threading.Thread(target=lambda each=each: outputs.append(read_all(each)[StreamKind.STDOUT]))
        for each in attachments
    ]
    for each in readers:
        each.start()
    starter.start()
    for each in readers:
        each.join(SECONDS)
    starter.join(SECONDS)

    assert outputs == [b"".join(b"%d\n" % n for n in range(1, 20001))] * 3


def test_an_attacher_that_was_killed_does_not_hold_up_a_start(yard: Yard) -> None:
    record = created(yard, "cat", open_stdin=True, stdin_once=True)

    def attach_and_die() -> None:
        yard.reopened().attach(record.id, stdin=True)
        os._exit(0)

    dead = get_context("fork").Process(target=attach_and_die)
    dead.start()
    dead.join(SECONDS)

    with yard.containers.attach(record.id, stdin=True) as attachment:
        yard.containers.start(record.id)
        attachment.write(b"hello\n")
        assert read_until(attachment, b"hello\n")
        attachment.close_stdin()
        assert attachment.read() is None
        assert attachment.exit_code == 0


def test_one_that_nobody_reads_from_can_be_killed(yard: Yard, monkeypatch) -> None:
    monkeypatch.setattr(stop, "UNREAD_SECONDS", 0.2)
    record = created(yard, "exec yes")
    with yard.containers.attach(record.id) as attachment:
        yard.containers.start(record.id)
        assert attachment.read() is not None
        wait_until_written(yard, record)

        assert yard.containers.kill(record.id).exit_code == 137
        while attachment.read() is not None:
            pass


def wait_until_written(yard: Yard, record: ContainerRecord) -> None:
    """Return once the log grows no more, because somebody does not read."""
    log = yard.means.bundles.locate(record.id).log
    size = -1
    while log.stat().st_size != size:
        size = log.stat().st_size
        threading.Event().wait(0.1)


def test_a_lot_of_input_comes_out_again(yard: Yard) -> None:
    content = os.urandom(3_000_000)
    record = created(yard, "cat", open_stdin=True, stdin_once=True)
    with yard.containers.attach(record.id, stdin=True) as attachment:
        yard.containers.start(record.id)

        def write() -> None:
            attachment.write(content)
            attachment.close_stdin()

        threading.Thread(target=write).start()
        assert read_all(attachment)[StreamKind.STDOUT] == content


def test_a_terminal_has_a_size_and_stays_when_somebody_leaves(yard: Yard) -> None:
    record = created(yard, "exec sh", tty=True, open_stdin=True)
    with yard.containers.attach(record.id, stdin=True) as first:
        yard.containers.start(record.id)
        yard.containers.resize(record.id, rows=33, columns=77)
        first.write(b"trap 'stty size' WINCH; echo re''ady\n")
        read_until(first, b"ready")
    with yard.containers.attach(record.id, stdin=True) as second:
        second.write(b"echo still he''re; stty size; exit 5\n")
        found = read_until(second, b"33 77")
        assert b"still here" in found
        while second.read() is not None:
            pass
        assert second.exit_code == 5
