"""What every `Store` promises; each implementation and the fake run all of it."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.content.store import open_ingest
from engine.errors import (
    BlobNotFound,
    DigestMismatch,
    IngestLocked,
    LimitExceeded,
    SizeMismatch,
)
from engine.oci.digest import Digest
from engine.progress import NEVER, Cancellation, Cancelled
from engine.system.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from engine.content.store import Store

CONTENT = b"five bytes and a few more" * 400
DIGEST = Digest.of(CONTENT)
SIZE = len(CONTENT)
OTHER = Digest.of(b"something else")
FUTURE = SYSTEM_CLOCK.now() + timedelta(days=1)
PAST = SYSTEM_CLOCK.now() - timedelta(days=1)

same_store = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
    max_examples=50,
    deadline=None,
)


def ingest_whole(store: Store, content: bytes) -> Digest:
    digest = Digest.of(content)
    with store.ingest(digest, len(content)) as ingest:
        ingest.write(content[ingest.offset :])
        ingest.commit()
    return digest


class ContentStoreContract:
    """Subclass it and give it a fixture `store`: an empty one for each test."""

    def test_content_that_was_put_is_read_back(self, store: Store) -> None:
        assert store.put(CONTENT) == DIGEST

        assert store.has(DIGEST)
        assert store.size(DIGEST) == SIZE
        assert store.read_blob(DIGEST, limit=SIZE) == CONTENT

    def test_putting_the_same_again_changes_nothing(self, store: Store) -> None:
        store.put(CONTENT)
        before = store.blob_bytes()

        assert store.put(CONTENT) == DIGEST
        assert store.blob_bytes() == before

    def test_empty_content_is_a_blob_too(self, store: Store) -> None:
        digest = ingest_whole(store, b"")

        assert store.read_blob(digest, limit=0) == b""

    @pytest.mark.parametrize("ask", ["size", "disk_bytes", "open_blob"])
    def test_an_absent_blob_is_not_found(self, store: Store, ask: str) -> None:
        with pytest.raises(BlobNotFound) as caught:
            getattr(store, ask)(OTHER)

        assert caught.value.digest == OTHER

    def test_a_blob_over_the_limit_is_not_read(self, store: Store) -> None:
        store.put(CONTENT)

        with pytest.raises(LimitExceeded):
            store.read_blob(DIGEST, limit=SIZE - 1)

    def test_an_ingest_is_invisible_until_it_is_committed(self, store: Store) -> None:
        with store.ingest(DIGEST, SIZE) as ingest:
            ingest.write(CONTENT)
            assert not store.has(DIGEST)
            assert list(store.iter_blobs()) == []

            ingest.commit()

            assert store.has(DIGEST)

    def test_what_was_left_half_way_is_listed_until_it_is_whole(self, store: Store) -> None:
        with store.ingest(DIGEST, SIZE) as ingest:
            ingest.write(CONTENT[:10])
        (kept,) = store.iter_ingests()

        with store.ingest(DIGEST, SIZE) as ingest:
            ingest.write(CONTENT[10:])
            ingest.commit()

        assert kept.digest == DIGEST
        assert kept.disk_bytes > 0
        assert list(store.iter_ingests()) == []

    def test_what_was_written_is_gone_on_from(self, store: Store) -> None:
        with store.ingest(DIGEST, SIZE) as ingest:
            ingest.write(CONTENT[:1000])

        with store.ingest(DIGEST, SIZE) as ingest:
            assert ingest.offset == 1000
            assert b"".join(ingest.iter_kept()) == CONTENT[:1000]
            ingest.write(CONTENT[1000:])
            ingest.commit()

        assert store.read_blob(DIGEST, limit=SIZE) == CONTENT

    def test_a_writer_that_fails_leaves_its_part_to_the_next(self, store: Store) -> None:
        def fail() -> None:
            with store.ingest(DIGEST, SIZE) as ingest:
                ingest.write(CONTENT[:10])
                raise ConnectionError

        with pytest.raises(ConnectionError):
            fail()

        with store.ingest(DIGEST, SIZE) as ingest:
            assert ingest.offset == 10

    def test_wrong_bytes_leave_no_trace(self, store: Store) -> None:
        with store.ingest(OTHER, SIZE) as ingest:
            ingest.write(CONTENT)
            with pytest.raises(DigestMismatch) as caught:
                ingest.commit()

        assert (caught.value.expected, caught.value.actual) == (OTHER, DIGEST)
        assert not store.has(OTHER)
        assert store.blob_bytes() == 0

    def test_a_wrong_part_is_found_out_and_not_resumed_again(self, store: Store) -> None:
        with store.ingest(DIGEST, SIZE) as ingest:
            ingest.write(b"x" * 10)

        with store.ingest(DIGEST, SIZE) as ingest:
            ingest.write(CONTENT[10:])
            with pytest.raises(DigestMismatch):
                ingest.commit()

        with store.ingest(DIGEST, SIZE) as ingest:
            assert ingest.offset == 0

    def test_too_few_bytes_leave_no_trace(self, store: Store) -> None:
        with store.ingest(DIGEST, SIZE) as ingest:
            ingest.write(CONTENT[:-1])
            with pytest.raises(SizeMismatch) as caught:
                ingest.commit()

        assert (caught.value.expected, caught.value.actual) == (SIZE, SIZE - 1)
        assert store.blob_bytes() == 0

    def test_the_first_byte_too_many_is_refused(self, store: Store) -> None:
        with store.ingest(DIGEST, SIZE) as ingest:
            ingest.write(CONTENT)
            with pytest.raises(SizeMismatch):
                ingest.write(b"!")

        assert not store.has(DIGEST)
        assert store.blob_bytes() == 0

    def test_a_part_longer_than_the_blob_is_started_afresh(self, store: Store) -> None:
        with store.ingest(DIGEST, SIZE * 2) as ingest:
            ingest.write(CONTENT + b"and more")

        with store.ingest(DIGEST, SIZE) as ingest:
            assert ingest.offset == 0
            ingest.write(CONTENT)
            ingest.commit()

        assert store.has(DIGEST)

    def test_only_one_writes_at_a_time(self, store: Store) -> None:
        with store.ingest(DIGEST, SIZE), pytest.raises(IngestLocked), store.ingest(DIGEST, SIZE):
            pytest.fail("two writers")

    def test_another_digest_can_be_written_meanwhile(self, store: Store) -> None:
        with store.ingest(DIGEST, SIZE), store.ingest(OTHER, 1) as ingest:
            assert ingest.offset == 0

    def test_an_ingest_of_what_is_here_changes_nothing(self, store: Store) -> None:
        store.put(CONTENT)

        ingest_whole(store, CONTENT)

        assert store.read_blob(DIGEST, limit=SIZE) == CONTENT
        assert [blob.digest for blob in store.iter_blobs()] == [DIGEST]

    def test_removal_says_what_came_free(self, store: Store) -> None:
        store.put(CONTENT)
        before = store.blob_bytes()
        promised = store.disk_bytes(DIGEST)

        freed = store.remove(DIGEST)

        assert freed == promised == before - store.blob_bytes()
        assert freed >= SIZE
        assert not store.has(DIGEST)

    def test_removing_what_is_not_there_frees_nothing(self, store: Store) -> None:
        assert store.remove(OTHER) == 0

    def test_an_open_blob_can_be_read_although_it_is_removed(self, store: Store) -> None:
        store.put(CONTENT)

        with store.open_blob(DIGEST) as blob:
            store.remove(DIGEST)
            assert blob.read() == CONTENT

    def test_every_blob_is_listed_once(self, store: Store) -> None:
        digests = {store.put(bytes([number])) for number in range(5)}

        blobs = list(store.iter_blobs())

        assert {blob.digest for blob in blobs} == digests
        assert len(blobs) == 5
        assert all(PAST < blob.stored_at < FUTURE and blob.size == 1 for blob in blobs)
        assert sum(blob.disk_bytes for blob in blobs) == store.blob_bytes()

    def test_abandoned_ingests_are_swept(self, store: Store) -> None:
        store.put(CONTENT)
        with store.ingest(OTHER, SIZE) as ingest:
            ingest.write(CONTENT)
        before = store.blob_bytes()

        freed = store.sweep(before=FUTURE)

        assert freed == before - store.blob_bytes() > 0
        assert store.has(DIGEST)
        with store.ingest(OTHER, SIZE) as ingest:
            assert ingest.offset == 0

    def test_young_ingests_are_not_swept(self, store: Store) -> None:
        with store.ingest(DIGEST, SIZE) as ingest:
            ingest.write(CONTENT[:10])

        assert store.sweep(before=PAST) == 0
        with store.ingest(DIGEST, SIZE) as ingest:
            assert ingest.offset == 10

    def test_a_discarded_ingest_is_started_afresh(self, store: Store) -> None:
        with store.ingest(DIGEST, SIZE) as ingest:
            ingest.write(CONTENT[:100])

        assert store.discard_ingest(DIGEST) > 0
        assert store.discard_ingest(DIGEST) == 0
        assert store.blob_bytes() == 0

    def test_an_ingest_in_use_is_not_discarded(self, store: Store) -> None:
        with store.ingest(DIGEST, SIZE) as ingest:
            ingest.write(CONTENT)

            assert store.discard_ingest(DIGEST) == 0

            ingest.commit()
        assert store.has(DIGEST)

    def test_an_ingest_in_use_is_not_swept(self, store: Store) -> None:
        with store.ingest(DIGEST, SIZE) as ingest:
            ingest.write(CONTENT)

            assert store.sweep(before=FUTURE) == 0

            ingest.commit()
        assert store.has(DIGEST)

    def test_the_second_of_two_finds_what_the_first_brought(self, store: Store) -> None:
        found: list[bool] = []

        def second() -> None:
            with open_ingest(store, DIGEST, SIZE, cancellation=NEVER) as ingest:
                found.append(ingest is None)

        thread = threading.Thread(target=second)
        with store.ingest(DIGEST, SIZE) as ingest:
            thread.start()
            ingest.write(CONTENT)
            ingest.commit()
        thread.join()

        assert found == [True]

    def test_the_second_of_two_goes_on_where_the_first_gave_up(self, store: Store) -> None:
        offsets: list[int | None] = []

        def second() -> None:
            with open_ingest(store, DIGEST, SIZE, cancellation=NEVER) as ingest:
                offsets.append(ingest.offset if ingest is not None else None)

        thread = threading.Thread(target=second)
        with store.ingest(DIGEST, SIZE) as ingest:
            ingest.write(CONTENT[:77])
            thread.start()
        thread.join()

        assert offsets == [77]

    def test_waiting_for_another_writer_can_be_cancelled(self, store: Store) -> None:
        cancellation = Cancellation()
        cancellation.cancel()
        waiting = open_ingest(store, DIGEST, SIZE, cancellation=cancellation)

        with store.ingest(DIGEST, SIZE), pytest.raises(Cancelled), waiting:
            pytest.fail("two writers")

    @same_store
    @given(content=st.binary(max_size=5000), cuts=st.lists(st.integers(0, 5000), max_size=5))
    def test_however_it_is_cut_and_resumed_the_bytes_are_the_same(
        self, store: Store, content: bytes, cuts: list[int]
    ) -> None:
        digest = Digest.of(content)
        store.remove(digest)

        for cut in sorted(min(cut, len(content)) for cut in cuts):
            with store.ingest(digest, len(content)) as ingest:
                ingest.write(content[ingest.offset : cut])
        ingest_whole(store, content)

        assert store.read_blob(digest, limit=5000) == content

    @same_store
    @given(content=st.binary(min_size=1, max_size=500), data=st.data())
    def test_one_flipped_bit_is_found(
        self, store: Store, content: bytes, data: st.DataObject
    ) -> None:
        bit = data.draw(st.integers(0, len(content) * 8 - 1))
        wrong = bytearray(content)
        wrong[bit // 8] ^= 1 << bit % 8
        digest = Digest.of(content)
        store.remove(digest)

        with store.ingest(digest, len(content)) as ingest:
            ingest.write(bytes(wrong))
            with pytest.raises(DigestMismatch):
                ingest.commit()

        assert not store.has(digest)
