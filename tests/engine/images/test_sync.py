"""From host to host: two engine roots that talk over a pair of sockets, or to somebody worse."""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

from engine.errors import (
    DigestMismatch,
    EngineError,
    ImageNotFound,
    InvalidConversation,
    InvalidManifest,
    InvalidReference,
    PeerFailed,
    PeerLost,
)
from engine.images.sync_wire import Wire
from engine.oci.digest import Digest
from engine.progress import Cancellation, Cancelled
from engine.system.paths import EnginePaths
from tests.support.images import PackedImage, pack_image
from tests.support.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from engine.images.record import Pulled, Synced
    from tests.support.registry import FakeRegistry

LOWER, UPPER = os.urandom(1_500_000), os.urandom(200_000)
NAME = "images.test/team/web:1"


@pytest.fixture
def there(tmp_path: Path) -> Iterator[World]:
    world = World(EnginePaths(tmp_path / "there" / "root", tmp_path / "there" / "run"))
    yield world
    world.close()


@contextmanager
def sockets() -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Open both ends of a conversation; each can be read and written."""
    ours, theirs = socket.socketpair()
    with ours, theirs, ours.makefile("rwb", 0) as one, theirs.makefile("rwb", 0) as other:
        yield one, other  # type: ignore[misc]


def synced(here: World, there: World, name: str = NAME) -> tuple[Synced, Pulled]:
    reference = here.images.get(name).tags[0]
    with sockets() as (ours, theirs), ThreadPoolExecutor(1) as pool:
        taken = pool.submit(there.receiver().receive, theirs, theirs, owner="ben")
        given = here.sender().send(reference, ours, ours)
        return given, taken.result(10)


def test_an_image_is_there_as_it_is_here(world: World, there: World) -> None:
    image = world.add(LOWER, UPPER, LOWER, tags=(NAME,))

    given, taken = synced(world, there)

    assert there.images.get(NAME).id == image.id == given.image_id
    assert taken.image.source == "sync"
    assert taken.image.manifest_digest == given.digest
    assert there.layers.tars.keys() == {layer.diff_id for layer in image.layers}
    assert given.sent_bytes == taken.fetched_bytes + len(image.config_content)


def test_an_image_of_a_registry_keeps_its_manifest(
    world: World, there: World, registry: FakeRegistry
) -> None:
    packed = pack_image(LOWER)
    reference = registry.put_image("team/web", packed)
    world.puller.pull(reference)

    given, taken = synced(world, there, str(reference))

    assert given.digest == packed.digest
    # No registry told that host so.
    assert taken.image.repo_digests == ()


def test_the_second_time_nothing_is_sent(world: World, there: World) -> None:
    world.add(LOWER, tags=(NAME,))
    synced(world, there)

    given, taken = synced(world, there)

    assert given.sent_bytes == 0
    assert not taken.is_new


def test_only_the_layers_that_are_missing_are_sent(world: World, there: World) -> None:
    world.add(LOWER, tags=("images.test/base:1",), label="base")
    synced(world, there, "images.test/base:1")
    world.add(LOWER, UPPER, tags=(NAME,))

    given, _ = synced(world, there)

    assert len(UPPER) <= given.sent_bytes < len(LOWER)


def test_who_took_it_and_the_tag_are_recorded(world: World, there: World) -> None:
    image = world.add(LOWER, tags=(NAME,))

    synced(world, there)

    move = there.images.tag_moves(image.id)[0]
    assert (move.moved_by, move.reason) == ("ben", "sync")


def test_a_name_that_names_nothing_is_not_found_and_the_other_side_is_told(
    world: World, there: World
) -> None:
    reference = world.add(LOWER, tags=(NAME,)).tags[0]
    world.images.untag(reference)

    with sockets() as (ours, theirs), ThreadPoolExecutor(1) as pool:
        taken = pool.submit(there.receiver().receive, theirs, theirs)
        with pytest.raises(ImageNotFound):
            world.sender().send(reference, ours, ours)
        with pytest.raises(PeerFailed) as caught:
            taken.result(10)

    assert caught.value.peer_code == "image-not-found"


def test_a_digest_cannot_be_given(world: World) -> None:
    reference = world.add(LOWER, tags=(NAME,)).tags[0].with_digest(Digest.of(b""))

    with sockets() as (ours, _), pytest.raises(InvalidReference):
        world.sender().send(reference, ours, ours)


# --- A sender that is not ours ----------------------------------------------------------------


Peer = Callable[["BinaryIO"], object]


def offering(image: PackedImage, serve: Callable[[Wire, dict[str, Any]], None]) -> Peer:
    """Return a peer that offers *image* and lets *serve* answer what it is asked."""

    def act(stream: BinaryIO) -> None:
        wire = Wire(stream, stream)
        wire.say(protocol=1, offers=NAME, manifest=len(image.manifest))
        wire.send(image.manifest)
        while "asks" in (message := wire.hear()):
            serve(wire, message)

    return act


def blobs_of(image: PackedImage) -> dict[str, bytes]:
    return {str(Digest.of(each)): each for each in (image.config, *image.layers)}


def received(there: World, act: Peer, cancellation: Cancellation | None = None) -> Pulled:
    with sockets() as (ours, theirs), ThreadPoolExecutor(1) as pool:
        peer: Future[None] = pool.submit(_ended, act, ours)
        try:
            return there.receiver().receive(
                theirs, theirs, cancellation=cancellation or Cancellation()
            )
        finally:
            hang_up(theirs)
            peer.exception(10)


def _ended(act: Peer, stream: BinaryIO) -> None:
    try:
        act(stream)
    finally:
        hang_up(stream)


def hang_up(stream: BinaryIO) -> None:
    """End the conversation for both, as the end of a process does."""
    with socket.socket(fileno=os.dup(stream.fileno())) as end, suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


def test_a_sender_that_is_lost_is_gone_on_with(there: World) -> None:
    image = pack_image(LOWER)
    blobs = blobs_of(image)
    large = str(Digest.of(image.layers[0]))
    asked: list[int] = []

    def breaking(wire: Wire, message: dict[str, Any]) -> None:
        content = blobs[message["asks"]]
        if message["asks"] == large:
            asked.append(message["offset"])
            if len(asked) == 1:
                wire.send(content[:1_000_000])
                raise PeerLost("on purpose")
        wire.send(content[message["offset"] :])

    with pytest.raises(PeerLost):
        received(there, offering(image, breaking))

    assert received(there, offering(image, breaking)).image.id
    assert asked == [0, 1_000_000]


def test_other_bytes_than_were_offered_are_refused_and_leave_nothing(there: World) -> None:
    image = pack_image(LOWER)
    blobs = blobs_of(image)

    def lying(wire: Wire, message: dict[str, Any]) -> None:
        content = blobs[message["asks"]]
        wire.send(os.urandom(len(content)) if len(content) > 100_000 else content)

    with pytest.raises(EngineError) as caught:
        received(there, offering(image, lying))

    assert isinstance(caught.value, DigestMismatch)
    assert there.images.list_all() == []
    assert there.store.blob_bytes() == 0


FRAME = struct.Struct(">cI")


def frame(kind: bytes, content: bytes, length: int | None = None) -> bytes:
    return FRAME.pack(kind, len(content) if length is None else length) + content


@pytest.mark.parametrize(
    ("said", "error"),
    [
        pytest.param(b"", PeerLost, id="nothing"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", InvalidConversation, id="http"),
        pytest.param(frame(b"M", b"{}"), InvalidConversation, id="no-offer"),
        pytest.param(frame(b"M", b"["), InvalidConversation, id="no-json"),
        pytest.param(frame(b"M", b"[" * 60_000), InvalidConversation, id="deep"),
        pytest.param(frame(b"M", b"", 1 << 31), InvalidConversation, id="long-message"),
        pytest.param(frame(b"D", b"xx"), InvalidConversation, id="data-first"),
        pytest.param(
            frame(b"M", json.dumps({"protocol": 2}).encode()), InvalidConversation, id="version"
        ),
        pytest.param(
            frame(b"M", json.dumps({"protocol": 1, "offers": NAME, "manifest": 1 << 40}).encode()),
            InvalidConversation,
            id="huge-manifest",
        ),
        pytest.param(
            frame(b"M", json.dumps({"protocol": 1, "offers": "A B", "manifest": 2}).encode()),
            InvalidReference,
            id="no-name",
        ),
        pytest.param(
            frame(b"M", json.dumps({"protocol": 1, "offers": NAME, "manifest": 2}).encode())
            + frame(b"D", b"{}{}"),
            InvalidConversation,
            id="more-than-announced",
        ),
        pytest.param(
            frame(b"M", json.dumps({"protocol": 1, "offers": NAME, "manifest": 2}).encode())
            + frame(b"D", b"[]"),
            InvalidManifest,
            id="no-manifest",
        ),
        pytest.param(
            frame(b"M", json.dumps({"fails": "no \x1b[31mspace", "code": "x"}).encode()),
            PeerFailed,
            id="failure",
        ),
    ],
)
def test_what_is_not_spoken_as_agreed_is_refused(
    there: World, said: bytes, error: type[EngineError]
) -> None:
    with pytest.raises(error) as caught:
        received(there, lambda stream: stream.write(said))

    assert "\x1b" not in str(caught.value)
    assert there.images.list_all() == []


def test_taking_can_be_cancelled(there: World) -> None:
    cancellation = Cancellation()
    image = pack_image(LOWER)

    def silent(wire: Wire, message: dict[str, Any]) -> None:
        cancellation.cancel()

    with pytest.raises(Cancelled):
        received(there, offering(image, silent), cancellation)


def test_a_peer_that_is_silent_is_given_up() -> None:
    with sockets() as (ours, _), pytest.raises(PeerLost, match="silent"):
        Wire(ours, ours, silence_seconds=0.0).hear()


# --- A receiver that is not ours --------------------------------------------------------------


@pytest.mark.parametrize(
    "question",
    [
        pytest.param({"asks": str(Digest.of(b"else")), "offset": 0}, id="not-offered"),
        pytest.param({"asks": "../../etc/shadow", "offset": 0}, id="no-digest"),
        pytest.param({"asks": str(Digest.of(LOWER)), "offset": -1}, id="before"),
        pytest.param({"asks": str(Digest.of(LOWER)), "offset": 1 << 40}, id="beyond"),
        pytest.param({}, id="nothing"),
    ],
)
def test_nothing_is_given_but_what_was_offered(world: World, question: dict[str, Any]) -> None:
    reference = world.add(LOWER, tags=(NAME,)).tags[0]

    def asking(stream: BinaryIO) -> None:
        wire = Wire(stream, stream)
        offer = wire.hear()
        list(wire.receive(int(offer["manifest"])))
        wire.say(**question)
        wire.hear()

    with sockets() as (ours, theirs), ThreadPoolExecutor(1) as pool:
        peer = pool.submit(asking, theirs)
        with pytest.raises(InvalidConversation):
            world.sender().send(reference, ours, ours)
        assert isinstance(peer.exception(10), PeerFailed)


def test_what_the_receiver_could_not_do_is_told(world: World) -> None:
    reference = world.add(LOWER, tags=(NAME,)).tags[0]

    def failing(stream: BinaryIO) -> None:
        wire = Wire(stream, stream)
        wire.hear()
        wire.say(fails="no space left", code="out-of-space", remedy="Clean up.")

    with sockets() as (ours, theirs), ThreadPoolExecutor(1) as pool:
        pool.submit(failing, theirs)
        with pytest.raises(PeerFailed, match="no space left") as caught:
            world.sender().send(reference, ours, ours)

    assert (caught.value.peer_code, caught.value.remedy) == ("out-of-space", "Clean up.")
