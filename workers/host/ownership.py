"""The unprivileged user, and the directories of a stack with their right owners."""

import os
import pwd
from pathlib import Path

from workers.host.console import say
from workers.host.errors import HostError
from workers.host.programs import run_program
from workers.host.stack import USER, Stack


def ensure_user() -> pwd.struct_passwd:
    """Return the system user that web, beat and Redis run as, made if it is missing."""
    try:
        return pwd.getpwnam(USER)
    except KeyError:
        say(f"making the system user {USER}: web, beat and Redis run as it")
    nobody = ["--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin"]
    run_program(["useradd", "--system", "--user-group", *nobody, USER])
    return pwd.getpwnam(USER)


def ensure_directories(stack: Stack, *, uid: int, gid: int) -> None:
    """
    See to it that the stack's directories exist with the owners and modes that they need.

    The root and the run directory belong to root; the data directory to the unprivileged user.
    """
    _ensure(stack.root, mode=0o700)
    _ensure(stack.logs, mode=0o750)
    _ensure(stack.run, mode=0o755)
    for view in (stack.checkout_view, stack.environment_view):
        _ensure(view, mode=0o755)
    for private in (stack.redis_directory, stack.data, stack.secrets):
        _ensure(private, mode=0o700, uid=uid, gid=gid)


def require_passable(path: Path, *, what: str) -> None:
    """Raise `HostError` unless everybody may enter each directory above *path*."""
    closed = find_closed_parent(path)
    if closed is not None:
        raise HostError(
            f"{what} {path} cannot be reached by the user {USER}: {closed} is closed to others.",
            remedy=f"Put it elsewhere, or run: chmod o+x {closed}",
        )


def find_closed_parent(path: Path) -> Path | None:
    """Return the highest existing directory above *path* that others may not enter, if any."""
    above = [parent for parent in reversed(path.parents) if parent.exists()]
    return next((parent for parent in above if not parent.stat().st_mode & 0o001), None)


def _ensure(path: Path, *, mode: int, uid: int = 0, gid: int = 0) -> None:
    path.mkdir(mode=mode, parents=True, exist_ok=True)
    # Through a handle that refuses links: some of these lie where others than root may write.
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        os.fchown(handle, uid, gid)
        os.fchmod(handle, mode)
    finally:
        os.close(handle)
