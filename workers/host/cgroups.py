"""
The control groups of a host that is itself a container, with cgroup v2.

A group that holds processes cannot hand controllers down (the "no internal processes" rule of the
kernel's cgroup-v2 document); only the real root may. In a container, the root that is seen is not
the real one and holds the container's own processes, so that no group for a container of ours
could be limited.
"""

import errno
from contextlib import suppress
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")
OWN_GROUP = "init"
MAX_PASSES = 10


def make_room_for_groups(mount: Path = MOUNT) -> bool:
    """
    Leave *mount* able to hand down all its controllers; return whether anything had to be done.

    Where it is not the seeming root of a container with cgroup v2, or may not be written to,
    nothing changes.
    """
    if not _is_seeming_root(mount) or _hands_down_all(mount):
        return False
    try:
        own = mount / OWN_GROUP
        own.mkdir(exist_ok=True)
        _move_processes(mount, own)
        wanted = _read_words(mount / "cgroup.controllers")
        (mount / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in wanted))
    except OSError as e:
        if e.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return False
        raise
    return True


def _is_seeming_root(mount: Path) -> bool:
    # The real root of the hierarchy is the one group that has no type.
    return (mount / "cgroup.controllers").exists() and (mount / "cgroup.type").exists()


def _hands_down_all(mount: Path) -> bool:
    controllers = _read_words(mount / "cgroup.controllers")
    return set(controllers) <= set(_read_words(mount / "cgroup.subtree_control"))


def _move_processes(source: Path, target: Path) -> None:
    # Again, because those that are there may have started others meanwhile.
    for _ in range(MAX_PASSES):
        processes = _read_words(source / "cgroup.procs")
        if not processes:
            return
        for process in processes:
            with suppress(ProcessLookupError):
                (target / "cgroup.procs").write_text(process)


def _read_words(file: Path) -> list[str]:
    return file.read_text().split()
