"""
Where attachments wait for a container that does not run yet.

Each has a mailbox in `<run>/attaching/<container>/`. Whoever starts the container connects to its
monitor while the process is held, once for each mailbox, and posts the connection; only then the
process is let go. So not a byte is missed, in whichever process anybody is, and nobody waits for
anybody: a mailbox whose owner is gone refuses, and one that is full is passed over.
"""

from __future__ import annotations

import secrets
import shutil
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from engine.errors import from_oserror
from engine.system.sockets import collect, is_open, open_mailbox, post

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from engine.containers.bundle import Bundle

PRIVATE = 0o700
CONNECTED, OVER = b"connected", b"over"
# More attachments of one container than a process may have files open make no sense.
MAX_PLACES = 256


class Place(Protocol):
    """Where one attachment waits."""

    def fileno(self) -> int:
        """Return the descriptor that is readable once an answer is there."""

    def collect(self) -> socket.socket | bool | None:
        """Return the connection; False if there will be none; None while nothing is known."""

    def leave(self) -> None:
        """Wait no more; may be repeated."""


class Mailbox:
    """A `Place` that is a socket in the run directory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket = open_mailbox(path)

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._socket.fileno()

    def collect(self) -> socket.socket | bool | None:
        """Return what was posted."""
        found = collect(self._socket)
        if found is None:
            return None
        message, descriptors = found
        if message != CONNECTED or not descriptors:
            return False
        return socket.socket(fileno=descriptors[0])

    def leave(self) -> None:
        """Remove the socket."""
        self._path.unlink(missing_ok=True)
        self._socket.close()


class WaitingRoom:
    """The mailboxes of all containers of one engine."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def enter(self, container_id: str) -> Mailbox:
        """Return a new mailbox, which the next start of the container is going to find."""
        directory = self._directory / container_id
        try:
            directory.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
            return Mailbox(directory / secrets.token_hex(8))
        except OSError as error:
            raise from_oserror(error, "wait for the container's start") from error

    def hand_over(self, bundle: Bundle, connect: Callable[[Bundle], socket.socket]) -> None:
        """Connect everybody who waits; to be called while the container's process is held."""
        for path in self._list_places(bundle.id):
            # A connection that is closed again may end the program's input for all.
            if is_open(path):
                with connect(bundle) as connection:
                    post(path, CONNECTED, [connection.fileno()])
        self._forget(bundle.id)

    def dismiss(self, container_id: str) -> None:
        """Tell everybody who waits that there will be no start."""
        for path in self._list_places(container_id):
            post(path, OVER, [])
        self._forget(container_id)

    def list_ids(self) -> set[str]:
        """Return the containers for whose start anybody waits, or did."""
        try:
            return {each.name for each in self._directory.iterdir()}
        except FileNotFoundError:
            return set()

    def _list_places(self, container_id: str) -> Iterator[Path]:
        try:
            places = sorted((self._directory / container_id).iterdir())
        except FileNotFoundError:
            return
        yield from places[:MAX_PLACES]

    def _forget(self, container_id: str) -> None:
        with suppress(FileNotFoundError):
            shutil.rmtree(self._directory / container_id)
