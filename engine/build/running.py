"""Running the programs of steps: each as a container would run it, with nothing kept of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.settings import ContainerSettings, LogSettings, MountKind, MountPoint

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from engine.build.ports import Bind, Program, Tmpfs
    from engine.containers.oneshot import OneShots
    from engine.oci.digest import ChainID
    from engine.progress import Cancellation

IMAGE = "build"
NETWORKS = {"default": "bridge"}


class ContainerRunner:
    """A `ProgramRunner` with the means of containers."""

    def __init__(self, oneshots: OneShots) -> None:
        self._oneshots = oneshots

    def opened(self, parent: ChainID | None) -> AbstractContextManager[str]:
        """See `ProgramRunner.opened`."""
        return self._oneshots.opened(parent)

    def run(
        self,
        program: Program,
        *,
        output: Callable[[str, bytes], None],
        cancellation: Cancellation,
    ) -> int:
        """See `ProgramRunner.run`."""
        return self._oneshots.run(
            program.key, settings_of(program), output=output, cancellation=cancellation
        )


def settings_of(program: Program) -> ContainerSettings:
    """Return the settings of a container that runs *program*."""
    limits = program.limits
    return ContainerSettings(
        image=IMAGE,
        entrypoint=("",),
        command=program.arguments,
        env=program.env,
        user=program.user,
        working_dir=program.working_dir,
        network=NETWORKS.get(program.network, program.network),
        mounts=(*map(_bind, program.binds), *map(_tmpfs, program.tmpfs)),
        extra_hosts=program.extra_hosts,
        memory_bytes=limits.memory_bytes,
        memory_swap=limits.memory_swap,
        cpu_shares=limits.cpu_shares,
        cpu_period=limits.cpu_period,
        cpu_quota=limits.cpu_quota,
        cpuset_cpus=limits.cpuset_cpus,
        cpuset_mems=limits.cpuset_mems,
        shm_size=limits.shm_size,
        ulimits=limits.ulimits,
        log=LogSettings(driver="none"),
    )


def _bind(bind: Bind) -> MountPoint:
    return MountPoint(
        MountKind.BIND, bind.target, source=str(bind.source), read_only=bind.read_only
    )


def _tmpfs(tmpfs: Tmpfs) -> MountPoint:
    return MountPoint(MountKind.TMPFS, tmpfs.target, size=tmpfs.size, options=("exec",))
