"""
Bringing blobs and manifests to one endpoint (distribution-spec, "Push").

A blob goes in one piece. When that breaks off, the registry is asked how much it has, and the rest
goes in chunks; when it has forgotten the upload, a new one begins. Each failure in a row counts, so
that a registry that keeps nothing is given up.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from engine.errors import Denied, DigestMismatch, EngineError, RegistryError, Unavailable
from engine.oci.digest import Digest
from engine.registry.answers import Asked
from engine.registry.auth import joined_url
from engine.registry.fetching import announced
from engine.registry.messages import NOTHING, Payload, Request, Response
from engine.registry.retry import Setbacks
from engine.registry.scopes import push_to
from engine.registry.session import ACCEPTED, CREATED, NO_CONTENT, NOT_FOUND, OK

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from contextlib import AbstractContextManager

    from engine.oci.descriptor import Descriptor
    from engine.registry.scopes import Scopes
    from engine.registry.session import Session

CHUNK_BYTES = 16 << 20
LONGEST_CHUNK = 256 << 20
TOO_LARGE = 413
# The registry has another idea of where the upload stands, or none of it any more.
LOST = frozenset({404, 416})
_RANGE = re.compile(r"(?:bytes=)?0-(\d{1,18})", re.ASCII)
_BINARY = {"content-type": "application/octet-stream"}


class BlobContent(Protocol):
    """The bytes of one blob, wherever they come from."""

    def open(self, offset: int) -> Generator[bytes, None, None]:
        """Yield the bytes from *offset* on; can be called again, also before the end."""


def has_blob(session: Session, repository: str, blob: Descriptor) -> bool:
    """Return whether *repository* has *blob* already."""
    return session.retried(partial(_has_blob, session, repository, blob))


def push_blob(
    session: Session,
    repository: str,
    blob: Descriptor,
    content: BlobContent,
    *,
    mount_from: Sequence[str] = (),
    moved: Callable[[int], None] = lambda _: None,
) -> str:
    """
    Bring *blob* to *repository*; afterwards the registry has it and has verified it.

    Returns which of the repositories *mount_from* of the same registry it was mounted from, empty
    where it had to travel: a registry need not mount, and need not allow it. *moved* is told how
    many bytes are there so far. What reading *content* raises is passed on.
    """
    upload = _Upload(session, repository, blob, content, moved, list(mount_from))
    setbacks = Setbacks()
    while not upload.is_done:
        session.cancellation.check()
        try:
            upload.advance()
        except Unavailable as error:
            upload.check_source()
            failures = setbacks.note(upload.offset)
            if not upload.can_go_on_after(error) or failures >= session.patience.attempts:
                session.wait_after(error, failures=failures)
    return upload.mounted_from


def push_manifest(
    session: Session, repository: str, reference: str, content: bytes, *, media_type: str
) -> Response:
    """
    Put the manifest *content* under the tag or digest *reference*, and return what was answered.

    All that it refers to must be there. Raises `DigestMismatch` where the registry kept something
    else than it was given.
    """
    return session.retried(
        partial(_push_manifest, session, repository, reference, content, media_type)
    )


@dataclass
class _Upload:
    """One blob on its way: what the registry has of it, and how to go on."""

    session: Session
    repository: str
    blob: Descriptor
    content: BlobContent
    moved: Callable[[int], None]
    mount_from: list[str]
    mounted_from: str = ""
    location: str = ""
    offset: int = 0
    chunk: int = 0
    is_known: bool = True
    was_begun: bool = False
    is_done: bool = False
    source_error: EngineError | None = None

    def advance(self) -> None:
        """Take the next step; it may raise `Unavailable`, and be tried again."""
        rest = self.blob.size - self.offset
        if self.mount_from:
            self._mount(self.mount_from.pop(0))
        elif not self.location:
            self._begin()
        elif not self.is_known:
            self._ask()
        elif rest and self.chunk:
            self._send_chunk(min(rest, self.chunk))
        else:
            self._finish(rest)

    def check_source(self) -> None:
        """Raise what kept the bytes from being read, if anything did."""
        if self.source_error is not None:
            raise self.source_error

    def can_go_on_after(self, error: Unavailable) -> bool:
        """
        Take *error* into account for the next step.

        Returns whether that step may be taken at once, although *error* itself does not pass.
        """
        status = error.status if isinstance(error, RegistryError) else 0
        is_too_large = status == TOO_LARGE and not self.chunk
        is_lost = bool(self.location) and status in LOST
        if is_lost or is_too_large:
            self.location = ""
        self.is_known = False
        self.chunk = self.chunk or CHUNK_BYTES
        return is_lost or is_too_large

    def _mount(self, source: str) -> None:
        url = self.session.endpoint.mount(self.repository, self.blob.digest, source=source)
        request = Request(url, {}, "POST", NOTHING)
        scopes = push_to(self.repository, mounting_from=source)
        with (
            suppress(Denied, Unavailable),
            self._answer(request, CREATED, ACCEPTED, scopes=scopes) as response,
        ):
            if response.status == CREATED:
                self.mounted_from, self.mount_from, self.is_done = source, [], True
            else:
                self._stand(response, 0)

    def _begin(self) -> None:
        # What broke may have been the answer alone.
        if self.was_begun and _has_blob(self.session, self.repository, self.blob):
            self.is_done = True
            return
        url = self.session.endpoint.uploads(self.repository)
        with self._answer(Request(url, {}, "POST", NOTHING), ACCEPTED) as response:
            self._stand(response, 0)
            self.chunk = max(self.chunk, _shortest_chunk(response)) if self.chunk else 0
        self.moved(0)

    def _ask(self) -> None:
        with self._answer(Request(self.location, {}), NO_CONTENT, OK) as response:
            match = _RANGE.fullmatch(response.headers.get("range", ""))
            # `0-0` is written for nothing as well as for one byte.
            if match is None or match[1] == "0" or int(match[1]) >= self.blob.size:
                self.location = ""
            else:
                self._stand(response, int(match[1]) + 1)

    def _send_chunk(self, length: int) -> None:
        headers = _BINARY | {"content-range": f"{self.offset}-{self.offset + length - 1}"}
        request = Request(self.location, headers, "PATCH", self._payload(length))
        with self._answer(request, ACCEPTED, NO_CONTENT) as response:
            self._stand(response, self.offset + length)

    def _finish(self, length: int) -> None:
        joiner = "&" if "?" in self.location else "?"
        url = f"{self.location}{joiner}digest={self.blob.digest}"
        with self._answer(Request(url, _BINARY, "PUT", self._payload(length)), CREATED, NO_CONTENT):
            self.is_done = True
        self.moved(self.blob.size)

    def _stand(self, response: Response, offset: int) -> None:
        """Take note of where the registry wants the upload to go on, and from which byte."""
        location = joined_url(response.url, response.headers.get("location", self.location))
        if not self.session.wallet.reach.allows(location):
            detail = "it wants the upload where this host does not go"
            raise RegistryError(self._registry, status=response.status, detail=detail)
        self.location, self.offset = location, offset
        self.is_known = self.was_begun = True

    def _payload(self, length: int) -> Payload:
        return Payload(length, partial(self._feed, self.offset, length)) if length else NOTHING

    def _feed(self, offset: int, length: int) -> Iterator[bytes]:
        end = offset + length
        stream = self.content.open(offset)
        try:
            while offset < end:
                self.session.cancellation.check()
                chunk = self._next_chunk(stream)[: end - offset]
                offset += len(chunk)
                yield chunk
                self.moved(offset)
        finally:
            stream.close()

    def _next_chunk(self, stream: Iterator[bytes]) -> bytes:
        # An error of the source must not pass for one of the registry that is sent to.
        try:
            return next(stream)
        except StopIteration:
            detail = f"blob {self.blob.digest} ended early"
            self.source_error = RegistryError("the source", status=OK, detail=detail)
        except EngineError as error:
            self.source_error = error
        raise self.source_error

    def _answer(
        self, request: Request, *expected: int, scopes: Scopes | None = None
    ) -> AbstractContextManager[Response]:
        asked = Asked(self._registry, "upload", self.repository)
        return self.session.answer(
            request, asked, scopes=scopes or push_to(self.repository), expected=frozenset(expected)
        )

    @property
    def _registry(self) -> str:
        return self.session.endpoint.registry


def _shortest_chunk(response: Response) -> int:
    text = response.headers.get("oci-chunk-min-length", "")
    is_number = text.isascii() and text.isdigit() and len(text) < 12
    return min(int(text), LONGEST_CHUNK) if is_number else 0


def _has_blob(session: Session, repository: str, blob: Descriptor) -> bool:
    request = Request(session.endpoint.blob(repository, blob.digest), {}, "HEAD")
    asked = Asked(session.endpoint.registry, "blob", repository)
    expected = frozenset({OK, NOT_FOUND})
    # Asked with the rights of what follows, so that one token serves for all.
    with session.answer(request, asked, scopes=push_to(repository), expected=expected) as response:
        length = response.headers.get("content-length", str(blob.size))
        return response.status == OK and length == str(blob.size)


def _push_manifest(
    session: Session, repository: str, reference: str, content: bytes, media_type: str
) -> Response:
    url = session.endpoint.manifest(repository, reference)
    request = Request(url, {"content-type": media_type}, "PUT", Payload.of(content))
    asked = Asked(session.endpoint.registry, "place for the manifest", repository)
    expected = frozenset({CREATED, OK, ACCEPTED})
    with session.answer(request, asked, scopes=push_to(repository), expected=expected) as response:
        kept, sent = announced(response), Digest.of(content)
        if kept not in {None, sent}:
            raise DigestMismatch(expected=sent, actual=kept)
        return response
