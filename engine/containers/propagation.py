"""Whether the host's mounts can pass on what a container's bind mounts want of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.containers.spec import SHARED, SLAVE
from engine.errors import InvalidSetting
from engine.system.mounter import read_mountinfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from engine.settings import MountPoint
    from engine.system.mounter import MountPoint as Mounted


def check_propagation(
    mounts: Iterable[MountPoint], read: Callable[[], Sequence[Mounted]] = read_mountinfo
) -> None:
    """
    Raise `InvalidSetting` where a bind mount is to be shared, or a slave, of a mount that is not.

    The kernel would take it, and nothing would ever come through.
    """
    wanting = [each for each in mounts if each.propagation in SHARED + SLAVE]
    mounted = read() if wanting else ()
    for each in wanting:
        found = _mount_of(Path(each.source).resolve(), mounted)
        kinds = {peer.partition(":")[0] for peer in found.peers}
        is_slave = each.propagation in SLAVE
        if "shared" not in kinds and not (is_slave and "master" in kinds):
            needed = "shared or slave" if is_slave else "shared"
            raise InvalidSetting(
                "mounts",
                f"path {each.source} is mounted on {found.target} but it is not a {needed} mount",
            )


def _mount_of(path: Path, mounted: Sequence[Mounted]) -> Mounted:
    """Return what *path* is on; of several in one place, the last hides the others."""
    places = {each.target: each for each in mounted}
    return next(places[each] for each in (path, *path.parents) if each in places)
