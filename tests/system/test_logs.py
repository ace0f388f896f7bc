"""What containers of the real kernel print, read while the files are rotated."""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING

import pytest

from engine.errors import LogUnreadable
from engine.settings import LogSettings
from tests.system.test_containers import SECONDS, output

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.containers.logs import LogLine
    from tests.support.containers import Yard

pytestmark = pytest.mark.root


def joined(lines: Iterable[LogLine]) -> bytes:
    return b"".join(each.content + b"\n" * (not each.is_partial) for each in lines)


def test_many_lines_come_once_and_in_order_to_followers_and_readers(yard: Yard) -> None:
    limits = LogSettings(max_size=2 << 20, max_file=100)
    script = (
        "for n in 0 1 2 3 4 5; do seq $((n * 50000 + 1)) $((n * 50000 + 50000)); sleep 0.1; done"
    )
    record = yard.containers.create(yard.settings("/bin/sh", "-c", script, log=limits))
    found: list[bytes] = []
    follower = threading.Thread(
        target=lambda: found.append(joined(yard.containers.logs(record.id, follow=True)))
    )
    yard.containers.start(record.id)
    follower.start()
    assert yard.containers.wait(record.id, timeout=SECONDS) is not None
    follower.join(SECONDS)

    expected = b"".join(b"%d\n" % number for number in range(1, 300_001))
    assert found == [expected]
    assert joined(yard.containers.logs(record.id)) == expected
    # How often it is looked at depends on how busy the machine is.
    assert list(yard.means.bundles.locate(record.id).directory.glob("container.log.*"))
    assert [each.text for each in yard.containers.logs(record.id, tail=2)] == ["299999", "300000"]


def test_any_bytes_and_very_long_lines_come_as_they_are(yard: Yard) -> None:
    script = "head -c 3000000 /dev/urandom | tee /tmp/x; md5sum < /tmp/x >&2"
    record = yard.containers.create(yard.settings("/bin/sh", "-c", script))
    yard.containers.start(record.id)
    assert yard.containers.wait(record.id, timeout=SECONDS) is not None

    content = joined(yard.containers.logs(record.id, stderr=False))
    (told,) = yard.containers.logs(record.id, stdout=False)
    assert told.text.split()[0] == hashlib.md5(content, usedforsecurity=False).hexdigest()

    long = yard.containers.create(
        yard.settings("/bin/sh", "-c", "yes | tr -d '\\n' | head -c 1000000; echo end")
    )
    yard.containers.start(long.id)
    assert yard.containers.wait(long.id, timeout=SECONDS) is not None
    assert joined(yard.containers.logs(long.id)) == b"y" * 1_000_000 + b"end\n"


def test_without_a_driver_nothing_is_kept(yard: Yard) -> None:
    settings = yard.settings("/bin/echo", "hello", log=LogSettings(driver="none"))
    record = yard.containers.create(settings)
    with yard.containers.attach(record.id) as attachment:
        yard.containers.start(record.id)
        assert attachment.read() == (2, b"hello\n")
    assert yard.containers.wait(record.id, timeout=SECONDS) is not None

    with pytest.raises(LogUnreadable, match="does not support reading"):
        list(yard.containers.logs(record.id))
    assert yard.means.bundles.locate(record.id).log.stat().st_size == 0


def test_a_log_goes_on_after_another_start(yard: Yard) -> None:
    record = yard.containers.create(yard.settings("/bin/echo", "hello"))
    for _ in range(2):
        yard.containers.start(record.id)
        assert yard.containers.wait(record.id, timeout=SECONDS) is not None

    assert output(yard, record) == "hello\nhello"
