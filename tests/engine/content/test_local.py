from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.content.local import LocalStore
from engine.errors import IngestLocked, OutOfSpace
from engine.oci.digest import Digest
from engine.system.locks import Locks
from tests.contracts.content_store import CONTENT, DIGEST, SIZE, ContentStoreContract

if TYPE_CHECKING:
    from collections.abc import Iterator


def open_store(root: Path) -> LocalStore:
    locks = root / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    return LocalStore(root / "content", Locks(locks))


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return open_store(tmp_path)


class TestLocalStore(ContentStoreContract):
    """The directory on disk keeps every promise of the port."""


def test_blobs_lie_under_their_hexadecimal_name(store: LocalStore, tmp_path: Path) -> None:
    store.put(CONTENT)

    assert (tmp_path / "content/blobs/sha256" / DIGEST.hex).read_bytes() == CONTENT
    assert list((tmp_path / "content/ingest").iterdir()) == []


def test_nothing_in_the_store_can_be_read_by_others(store: LocalStore, tmp_path: Path) -> None:
    with store.ingest(DIGEST, SIZE) as ingest:
        ingest.write(CONTENT)
        ingest.commit()

    assert (tmp_path / "content/blobs/sha256" / DIGEST.hex).stat().st_mode & 0o077 == 0


def test_another_store_on_the_same_root_goes_on(store: LocalStore, tmp_path: Path) -> None:
    with store.ingest(DIGEST, SIZE) as ingest:
        ingest.write(CONTENT[:100])

    with open_store(tmp_path).ingest(DIGEST, SIZE) as ingest:
        assert ingest.offset == 100


def test_files_that_are_no_blobs_are_passed_over(store: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "content/blobs/sha256/README").write_text("hello")

    assert list(store.iter_blobs()) == []


KILLED_WRITER = """
import os, signal, sys
from pathlib import Path
from engine.content.local import LocalStore
from engine.oci.digest import Digest
from engine.system.locks import Locks
root, digest, size = Path(sys.argv[1]), Digest.parse(sys.argv[2]), int(sys.argv[3])
with LocalStore(root / "content", Locks(root / "locks")).ingest(digest, size) as ingest:
    ingest.write(sys.stdin.buffer.read())
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_wrote_is_gone_on_from(store: LocalStore, tmp_path: Path) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_WRITER, str(tmp_path), str(DIGEST), str(SIZE)],
        input=CONTENT[:1234],
        check=False,
        env={"PYTHONPATH": str(Path.cwd())},
    )

    assert killed.returncode == -9
    assert not store.has(DIGEST)
    with store.ingest(DIGEST, SIZE) as ingest:
        assert ingest.offset == 1234
        ingest.write(CONTENT[1234:])
        ingest.commit()
    assert store.read_blob(DIGEST, limit=SIZE) == CONTENT


WAITING_WRITER = KILLED_WRITER.replace(
    "    os.kill(os.getpid(), signal.SIGKILL)",
    "    print('written', flush=True); signal.pause()",
)


@pytest.fixture
def other_process(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    (tmp_path / "locks").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING_WRITER, str(tmp_path), str(DIGEST), str(SIZE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": str(Path.cwd())},
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(CONTENT[:50])
        process.stdin.close()
        process.stdout.readline()
        yield process
        process.kill()


def test_the_writer_may_be_another_process(
    other_process: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    store = open_store(tmp_path)

    with pytest.raises(IngestLocked), store.ingest(DIGEST, SIZE):
        pytest.fail("two writers")

    other_process.kill()
    other_process.wait()
    with store.ingest(DIGEST, SIZE) as ingest:
        assert ingest.offset == 50


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.root
def test_a_full_disk_leaves_nothing_behind(tiny_disk: Path) -> None:
    store = open_store(tiny_disk)
    content = os.urandom(400_000)
    digest = Digest.of(content)

    with store.ingest(digest, len(content)) as ingest:
        ingest.write(content[:100_000])
        with pytest.raises(OutOfSpace):
            ingest.write(content[100_000:])

    assert not store.has(digest)
    assert store.blob_bytes() == 0
    assert store.put(b"there is room again")


@pytest.mark.root
def test_putting_onto_a_full_disk_leaves_nothing_behind(tiny_disk: Path) -> None:
    store = open_store(tiny_disk)
    content = os.urandom(400_000)

    with pytest.raises(OutOfSpace):
        store.put(content)

    assert store.blob_bytes() == 0
