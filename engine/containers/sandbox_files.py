"""
Sandboxes on the disk: a directory of the host, seen through a layer that takes all changes.

    <root>/sandboxes/<id>/record    which directory, since when, for which container
    <root>/sandboxes/<id>/lower     the directory, bound read-only
    <root>/sandboxes/<id>/upper     what was changed, in overlayfs's form; work is its scratch room
    <root>/sandboxes/<id>/view      both, as the program sees them
"""

from __future__ import annotations

import json
import os
import secrets
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from engine.errors import InvalidSetting, SandboxNotFound, from_oserror
from engine.mount import Mount
from engine.snapshots.overlay import SAFE_OPTIONS
from engine.system.files import DIRECTORY_FLAGS, copy_metadata
from engine.system.removal import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.system.mounter import Mounter

PRIVATE = 0o700


@dataclass(frozen=True, slots=True)
class Sandbox:
    """
    One run over a directory of the host.

    *directory* is seen as *target* in the container *container_id*; what changed there after
    *began_ns* is not what the program saw.
    """

    id: str
    directory: str
    target: str
    began_ns: int
    container_id: str = ""


class Sandboxes:
    """The sandboxes of one engine, as directories and mounts."""

    def __init__(self, directory: Path, mounter: Mounter) -> None:
        self._directory = directory
        self._mounter = mounter

    def make(self, directory: str, *, target: str) -> Sandbox:
        """Make a sandbox over *directory* and show it; raise `InvalidSetting` if it is none."""
        identifier = secrets.token_hex(8)
        try:
            model = os.open(directory, DIRECTORY_FLAGS)
        except OSError as error:
            raise InvalidSetting("directory", f"{directory[:200]} is no directory here") from error
        try:
            # Until the program runs, it would still see what somebody changes.
            sandbox = Sandbox(identifier, directory, target, began_ns=time.time_ns())
            self._lay_out(sandbox, model)
        except OSError as error:
            raise from_oserror(error, "make the sandbox") from error
        finally:
            os.close(model)
        self.show(sandbox)
        return sandbox

    def _lay_out(self, sandbox: Sandbox, model: int) -> None:
        place = self.place(sandbox.id)
        place.mkdir(mode=PRIVATE, parents=True)
        for name in ("lower", "upper", "work", "view"):
            (place / name).mkdir(mode=PRIVATE)
        self.save(sandbox)
        upper = os.open(place / "upper", DIRECTORY_FLAGS)
        try:
            copy_metadata(model, upper)
        finally:
            os.close(upper)

    def place(self, sandbox_id: str) -> Path:
        """Return where the things of a sandbox are."""
        return self._directory / sandbox_id

    def view(self, sandbox: Sandbox) -> Path:
        """Return the directory that the program sees."""
        return self.place(sandbox.id) / "view"

    def save(self, sandbox: Sandbox) -> None:
        """Write its record, so that it is the old one or the new one."""
        aside = self.place(sandbox.id) / "record.new"
        aside.write_text(json.dumps(asdict(sandbox)))
        aside.rename(self.place(sandbox.id) / "record")

    def show(self, sandbox: Sandbox) -> None:
        """Mount its view, if it is not mounted."""
        place = self.place(sandbox.id)
        if place / "view" in self._mounter.list_mounts(place):
            return
        upper = (f"upperdir={place / 'upper'}", f"workdir={place / 'work'}")
        options = ("rw", f"lowerdir={place / 'lower'}", *upper, *SAFE_OPTIONS)
        # Bound first: a path of the host may hold what means something in mount options.
        from_host = Mount("bind", sandbox.directory, ("bind", "ro"))
        self._mounter.mount([from_host], place / "lower")
        self._mounter.mount([Mount("overlay", "overlay", options)], place / "view")

    def discard(self, sandbox_id: str) -> None:
        """Throw it away, with all that was changed; one that is not there is fine."""
        place = self.place(sandbox_id)
        for name in ("view", "lower"):
            self._mounter.unmount(place / name, lazily=True)
        remove_tree(place)

    def get(self, sandbox_id: str) -> Sandbox:
        """Return the sandbox of that ID; raise `SandboxNotFound`."""
        for sandbox in self.iter_all():
            if sandbox.id == sandbox_id:
                return sandbox
        raise SandboxNotFound(sandbox_id)

    def iter_all(self) -> Iterator[Sandbox]:
        """Yield every sandbox that has a record."""
        for name in self.list_ids():
            try:
                yield Sandbox(**json.loads((self._directory / name / "record").read_bytes()))
            except FileNotFoundError:
                continue

    def list_ids(self) -> list[str]:
        """Return all sandboxes, with a record or not."""
        if not self._directory.exists():
            return []
        return sorted(each.name for each in self._directory.iterdir())
