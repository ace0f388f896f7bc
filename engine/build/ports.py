"""What a build needs of others, in its own words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from engine.build.cache import MadeLayer
    from engine.build.request import Limits
    from engine.build.stubs import Stubs
    from engine.images.record import ImageRecord
    from engine.layers.changeset import Item
    from engine.leases import Lease
    from engine.oci.digest import ChainID
    from engine.oci.platform import Platform
    from engine.progress import Cancellation


class LayerMaker(Protocol):
    """Makes layers of this host out of what steps did."""

    def make(
        self,
        pieces: Iterable[bytes],
        *,
        parent: ChainID | None,
        lease: Lease,
        cancellation: Cancellation,
    ) -> MadeLayer:
        """
        Make the tar that *pieces* spell a committed layer on *parent*.

        Afterwards it is durable, and *lease* keeps it. Raises what applying a layer raises; then
        nothing is left.
        """

    def make_of(
        self,
        items: Iterable[Item],
        *,
        parent: ChainID | None,
        lease: Lease,
        cancellation: Cancellation,
    ) -> MadeLayer:
        """Make *items*, which are plain (`layers.direct`), a layer, as `make` does their tar."""

    def capture(
        self,
        key: str,
        *,
        stubs: Stubs,
        latest_ns: int | None,
        lease: Lease,
        cancellation: Cancellation,
    ) -> MadeLayer:
        """
        Make what the active snapshot *key* changed a committed layer on its parent, as `make` does.

        It must not be mounted, and may be the layer itself afterwards, or good for nothing but to
        be removed. *stubs* are no part of the layer, and no time in it is later than *latest_ns*.
        """


@dataclass(frozen=True, slots=True)
class Bind:
    """A file or directory of the host that a program sees at *target*."""

    source: Path
    target: str
    read_only: bool = True


@dataclass(frozen=True, slots=True)
class Tmpfs:
    """A directory in memory; *size* 0 leaves its size to the kernel."""

    target: str
    size: int = 0


@dataclass(frozen=True, slots=True)
class Program:
    """
    A program to be run on the active snapshot *key*, with the isolation of a container.

    *user* is looked up in the snapshot. *network* is as a container's setting says it.
    """

    key: str
    arguments: tuple[str, ...]
    env: tuple[str, ...]
    user: str
    working_dir: str
    network: str
    limits: Limits
    binds: tuple[Bind, ...] = ()
    tmpfs: tuple[Tmpfs, ...] = ()
    extra_hosts: tuple[str, ...] = ()


class ProgramRunner(Protocol):
    """Runs programs."""

    def opened(self, parent: ChainID | None) -> AbstractContextManager[str]:
        """
        Open a new active snapshot on *parent* to run programs on, and give its key.

        Afterwards neither it nor anything of the programs is left.
        """

    def run(
        self,
        program: Program,
        *,
        output: Callable[[str, bytes], None],
        cancellation: Cancellation,
    ) -> int:
        """
        Run *program* to its end and return its exit code; *output* gets `stdout` or `stderr`.

        Afterwards nothing of it runs, whatever it left behind, nothing is mounted, and the snapshot
        holds what it changed and nothing that was made for mounting. Raises `Cancelled`.
        """


class BaseImages(Protocol):
    """Knows the images that stages stand on."""

    def get_base(
        self, name: str, *, platform: Platform | None, always_pull: bool, cancellation: Cancellation
    ) -> ImageRecord:
        """
        Return the image called *name*, pulled if it is not here or *always_pull* is set.

        Raises `ImageNotFound`, or what a pull raises.
        """
