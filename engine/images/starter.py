"""
The starter image: something to launch on a host that reaches no registry.

It is made from the host's own statically linked busybox: that one program, a link to it for each of
its applets, and the few files that programs expect. The same busybox gives the same image, so
making it twice changes nothing.
"""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import ProgramNotFound
from engine.oci.config import HistoryEntry, ProcessDefaults, render_config
from engine.oci.digest import DiffID, Digest
from engine.oci.platform import host_platform
from engine.oci.reference import Reference
from engine.system.runner import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engine.images.add import Adder
    from engine.images.record import ImageRecord

STARTER = Reference.parse("shipshape/starter:latest")
MADE_AT = datetime(2026, 1, 1, tzinfo=UTC)
CANDIDATES = (Path("/bin/busybox"), Path("/usr/bin/busybox"))
LIST_SECONDS = 10.0
ELF_MAGIC = b"\x7fELF"
PT_INTERP = 3
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
GREETING = "echo hello from the starter image"

_DIRECTORIES = {
    "bin": 0o755,
    "dev": 0o755,
    "etc": 0o755,
    "home": 0o755,
    "proc": 0o755,
    "root": 0o700,
    "sys": 0o755,
    "tmp": 0o1777,
    "usr": 0o755,
    "usr/bin": 0o755,
    "var": 0o755,
}
_FILES = {
    "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n",
    "etc/group": b"root:x:0:\nnogroup:x:65534:\n",
}


class StarterMaker:
    """Makes the starter image on this host."""

    def __init__(self, adder: Adder) -> None:
        self._adder = adder

    def __call__(self, *, owner: str) -> ImageRecord:
        """Return the starter image, made now or before; raise `ProgramNotFound`."""
        busybox = find_busybox()
        image = build_starter(busybox.read_bytes(), list_applets(busybox))
        return self._adder.add(
            image.config, [image.layer], tags=[STARTER], owner=owner, source="starter"
        )


@dataclass(frozen=True, slots=True)
class StarterImage:
    """The bytes of the starter image: its config and its one layer, uncompressed."""

    config: bytes
    layer: bytes

    @property
    def diff_id(self) -> DiffID:
        """The diff ID of the layer."""
        return DiffID(Digest.of(self.layer))


def find_busybox(candidates: Iterable[Path] = CANDIDATES) -> Path:
    """Return the host's statically linked busybox; raise `ProgramNotFound` with the remedy."""
    for path in candidates:
        if path.is_file() and is_static_elf(path.read_bytes()):
            return path
    raise ProgramNotFound("a static busybox", remedy="Install the package busybox-static.")


def list_applets(busybox: Path) -> list[str]:
    """Return the names that *busybox* answers to."""
    finished = run([str(busybox), "--list"], timeout=LIST_SECONDS)
    return finished.stdout.decode().split()


def is_static_elf(content: bytes) -> bool:
    """Return whether *content* is a 64-bit little-endian ELF program without an interpreter."""
    if content[:6] != ELF_MAGIC + b"\x02\x01":
        return False
    offset = int.from_bytes(content[32:40], "little")
    size = int.from_bytes(content[54:56], "little")
    count = int.from_bytes(content[56:58], "little")
    kinds = (content[offset + n * size : offset + n * size + 4] for n in range(count))
    return all(int.from_bytes(kind, "little") != PT_INTERP for kind in kinds)


def build_starter(busybox: bytes, applets: Iterable[str]) -> StarterImage:
    """Return the starter image made of *busybox* and a link for each of *applets*: a pure act."""
    layer = _layer(busybox, sorted(set(applets) - {"busybox"}))
    config = render_config(
        platform=host_platform(),
        diff_ids=(DiffID(Digest.of(layer)),),
        history=_history(),
        defaults=ProcessDefaults(
            env=(f"PATH={PATH}",), command=("/bin/sh", "-c", GREETING), working_dir="/"
        ),
        created_at=MADE_AT,
    )
    return StarterImage(config, layer)


def _history() -> tuple[HistoryEntry, ...]:
    return (
        HistoryEntry(MADE_AT, created_by="COPY busybox of the host to /bin"),
        HistoryEntry(MADE_AT, created_by=f'CMD ["/bin/sh","-c","{GREETING}"]', is_empty_layer=True),
    )


def _layer(busybox: bytes, applets: Iterable[str]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as tar:
        add = _adder(tar)
        for name, mode in _DIRECTORIES.items():
            add(name, mode, tarfile.DIRTYPE)
        for name, content in _FILES.items():
            add(name, 0o644, tarfile.REGTYPE, content)
        add("bin/busybox", 0o755, tarfile.REGTYPE, busybox)
        for applet in applets:
            add(f"bin/{applet}", 0o777, tarfile.SYMTYPE, link="busybox")
    return stream.getvalue()


def _adder(tar: tarfile.TarFile) -> Callable[..., None]:
    def add(name: str, mode: int, kind: bytes, content: bytes = b"", link: str = "") -> None:
        entry = tarfile.TarInfo(name)
        entry.mode, entry.type, entry.size, entry.linkname = mode, kind, len(content), link
        entry.mtime = int(MADE_AT.timestamp())
        tar.addfile(entry, io.BytesIO(content))

    return add
