"""
Making a build context of what was handed in: a tar or a zip, a git repository, or one Dockerfile.

A tar is read, with caps, and looked at as it is. What a build mounts of it is unpacked as a layer
is: by a confined child, so that no name or link in it leads anywhere. All of it is gone when the
build is over.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, cast

from engine.build.context import DirectoryContext, TarContext
from engine.build.remote import bring_git
from engine.build.tartree import read_tar
from engine.build.unpacking import Pieces, Unpacked
from engine.build.zips import is_zip, iter_tar_of_zip
from engine.errors import InvalidInput, InvalidLayer, LimitExceeded, UnsafePath
from engine.layers.limits import GIB, Limits
from engine.progress import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import BinaryIO

    from engine.build.context import BuildContext
    from engine.build.places import PlaceKeeper
    from engine.build.remote import GitSource
    from engine.progress import Cancellation

CONTEXT_LIMITS = Limits(unpacked_bytes=2 * GIB, file_bytes=2 * GIB, entries=1_000_000)
MAX_DOCKERFILE = 4 * 1024 * 1024


@contextmanager
def context_of_tar(
    places: PlaceKeeper,
    stream: BinaryIO,
    *,
    limits: Limits = CONTEXT_LIMITS,
    cancellation: Cancellation = NEVER,
) -> Iterator[BuildContext]:
    """
    Yield the context that the tar *stream* holds, packed or not.

    Raises `InvalidLayer`, `UnsafePath` or `LimitExceeded`; then nothing is left.
    """
    with places.spool() as spool, ExitStack() as opened:
        read = Unpacked(stream).read
        with _told_of_a_context():
            contents = read_tar(read, spool, limits=limits, cancellation=cancellation)
        yield TarContext(contents, lambda: _rooms(places, opened))


def _rooms(places: PlaceKeeper, opened: ExitStack) -> tuple[Path, Path]:
    kept = opened.enter_context(places.opened())
    return opened.enter_context(kept.scratch()), opened.enter_context(kept.scratch())


@contextmanager
def _told_of_a_context() -> Iterator[None]:
    """Say of a context what the tar reader says of a layer."""
    try:
        yield
    except (InvalidLayer, UnsafePath) as error:
        raise InvalidInput(
            error.message.replace(
                "the layer cannot be unpacked", "the build context cannot be read"
            ).replace("the image's root", "the build context"),
            field="context",
        ) from error
    except LimitExceeded as error:
        raise LimitExceeded(
            error.what.replace("the layer", "the build context"),
            limit=error.limit,
            field="context",
            remedy="Leave out what the build does not need, with a .dockerignore.",
        ) from error


def context_of_upload(
    places: PlaceKeeper, stream: BinaryIO, *, cancellation: Cancellation = NEVER
) -> AbstractContextManager[BuildContext]:
    """Open the context that an uploaded file holds, a zip or a tar; see `context_of_tar`."""
    if is_zip(stream):
        stream = cast("BinaryIO", Pieces(iter_tar_of_zip(stream)))
    return context_of_tar(places, stream, cancellation=cancellation)


@contextmanager
def context_of_git(
    places: PlaceKeeper, source: GitSource, *, cancellation: Cancellation = NEVER
) -> Iterator[BuildContext]:
    """Yield the context that a git repository is; raise `InvalidInput` with what git said."""
    with places.opened() as opened, opened.scratch() as directory:
        if complaint := bring_git(source, directory / "git", cancellation):
            raise InvalidInput(complaint, field="context")
        root = directory / "git" / source.subdirectory
        if not root.resolve().is_relative_to(directory.resolve()) or not root.is_dir():
            raise InvalidInput(
                f"{source.subdirectory} is no directory of the repository", field="context"
            )
        yield DirectoryContext(root)


@contextmanager
def context_of_dockerfile(places: PlaceKeeper, content: bytes) -> Iterator[BuildContext]:
    """Yield an empty context with the Dockerfile *content*."""
    if len(content) > MAX_DOCKERFILE:
        raise InvalidInput("the Dockerfile is larger than 4 MiB", field="dockerfile")
    with places.opened() as opened, opened.scratch() as directory:
        yield DirectoryContext(directory, content)
