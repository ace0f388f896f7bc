"""
What a build gives besides an image: its files as one tar, as a directory, or as an OCI layout.

The files are those that a container of the image would see. They are written to a directory entry
by entry, each below the open directory, so that no link in the image or in the directory leads out.
"""

from __future__ import annotations

import enum
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.build.unpacking import Pieces
from engine.errors import InvalidSetting, from_oserror
from engine.images.hold import holding
from engine.layers.limits import DEFAULT_LIMITS
from engine.layers.tarstream import TarReader
from engine.layers.tarwriter import END
from engine.layers.tree_tar import iter_directory_tar
from engine.layers.tree_untar import Untar
from engine.system.files import DIRECTORY_FLAGS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.build.builder import BuildParts
    from engine.images.record import ImageRecord

FIELD = "output"


class OutputKind(enum.StrEnum):
    """In what form a build is written."""

    LOCAL = "local"
    TAR = "tar"
    OCI = "oci"
    DOCKER = "docker"


@dataclass(frozen=True, slots=True)
class Output:
    """Where a build is written to; for a file, an empty path means standard output."""

    kind: OutputKind
    destination: str = ""


def parse_output(text: str) -> Output:
    """
    Return what `type=KIND,dest=PATH` spells; a path alone is a local directory, `-` a tar.

    Raises `InvalidSetting`.
    """
    if "=" not in text:
        return Output(OutputKind.TAR) if text == "-" else Output(OutputKind.LOCAL, text)
    fields = {name: value for name, _, value in (part.partition("=") for part in text.split(","))}
    kind, destination = fields.pop("type", ""), fields.pop("dest", "")
    if fields:
        raise InvalidSetting(FIELD, f"{next(iter(fields))[:40]!r} is unknown")
    if kind not in set(OutputKind):
        remedy = f"Write type= with one of {', '.join(OutputKind)}."
        raise InvalidSetting(FIELD, f"{kind[:40]!r} is no type of output", remedy=remedy)
    if kind == OutputKind.LOCAL and not destination:
        raise InvalidSetting(FIELD, "a local directory needs dest=")
    return Output(OutputKind(kind), "" if destination == "-" else destination)


@contextmanager
def merged_tar(parts: BuildParts, image: ImageRecord) -> Iterator[Iterator[bytes]]:
    """Yield the pieces of a tar of all files of *image*, which stays here meanwhile."""
    if not image.layers:
        yield iter((END,))
        return
    with holding(parts.leases, parts.collector) as hold, parts.places.opened() as places:
        hold.add_layers(*(layer.chain_id for layer in image.layers))
        with places.viewed(image.layers[-1].chain_id) as root:
            directory = os.open(root, DIRECTORY_FLAGS)
            try:
                yield iter_directory_tar(directory, name=b"")
            finally:
                os.close(directory)


def write_files(parts: BuildParts, image: ImageRecord, target: Path) -> None:
    """
    Write all files of *image* into the directory *target*, which is made if need be.

    They belong to whom this process belongs, so they come without set user IDs, capabilities and
    devices: an image gives nobody rights on this host. What is there already stays, unless a file
    of the image has its name. Raises what the host refuses; then some of them may be there.
    """
    try:
        target.mkdir(parents=True, exist_ok=True)
        root = os.open(target, DIRECTORY_FLAGS)
    except OSError as error:
        raise from_oserror(error, f"write to {target}") from error
    try:
        with merged_tar(parts, image) as pieces:
            reader = TarReader(Pieces(pieces).read, DEFAULT_LIMITS)
            owner = (os.geteuid(), os.getegid())
            writer = Untar(root, b".", owner=owner, keeps_kinds=False, gives_rights=False)
            writer.write_all(reader)
    finally:
        os.close(root)
