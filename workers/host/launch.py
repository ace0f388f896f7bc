"""
`python -m workers.host.launch NAME`: become the process NAME of the Procfile.

A privileged process starts where we are. Any other starts as an unprivileged user who gains no
privilege again, in a mount namespace of its own in which the checkout and the virtual environment
are bound read-only to places that this user can reach: the checkout may lie in somebody's closed
home. The namespace ends with the process, so nothing is left behind.
"""

import os
import resource
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from workers.host.checkout import CHECKOUT, ENVIRONMENT, PYTHON
from workers.host.console import warn
from workers.host.errors import HostError, ProgramFailed
from workers.host.processes import list_processes
from workers.host.programs import SYSTEM_PATH, run_program
from workers.host.stack import USER

INSIDE = "--inside"
PRIVILEGED_PORTS = 1024
FOREIGN_FILESYSTEMS = frozenset({"overlay", "nsfs", "fuse.fuse-overlayfs"})
OPEN_FILES = 65536


def main(arguments: Sequence[str]) -> NoReturn:
    """Replace this process by the one that *arguments* name."""
    try:
        if arguments[0] == INSIDE:
            enter_and_become(arguments[1:])
        become(arguments[0])
    except HostError as e:
        warn(f"shipshape: {e.problem} {e.remedy}".rstrip())
        sys.exit(1)


def run(arguments: Sequence[str]) -> NoReturn:
    """`./shipshape run NAME`: become the process NAME where somebody else keeps it running."""
    if len(arguments) != 1:
        raise HostError("Name one process of the Procfile.", remedy="./shipshape run web")
    become(arguments[0], in_place=True)


def become(name: str, *, in_place: bool = False) -> NoReturn:
    """
    Replace this process by the process *name* of the Procfile.

    With *in_place* it stays who and where it is: a container has confined it already.
    """
    process = next((p for p in list_processes() if p.name == name), None)
    if process is None:
        raise HostError(f"The Procfile has no process {name!r}.")
    raise_open_files()
    # The Procfile's convention is a line for the shell; what varies comes in by variables only.
    argv = ["/bin/sh", "-c", f"exec {process.command}"]
    if process.is_privileged or in_place:
        path = f"{ENVIRONMENT}/bin:{os.environ.get('PATH', SYSTEM_PATH)}"
        _exec([*tied_to_parent(), *argv], {**os.environ, "PATH": path})
    _exec(confined(argv), os.environ)


def confined(argv: Sequence[str]) -> list[str]:
    """Return the command that runs *argv* unprivileged, in a mount namespace of its own."""
    # Slave, not private: what the host unmounts must go from this namespace too, or a container's
    # filesystem would live on in here.
    unshare = ["unshare", "--mount", "--propagation", "slave", "--"]
    return [*unshare, str(PYTHON), "-m", "workers.host.launch", INSIDE, *argv]


def tied_to_parent() -> list[str]:
    """
    Return the words before a command that let it end when the process manager is killed.

    Killed, not asked: whoever no longer answers would be there beside the next one. Every process
    is made to be killed at any instant.
    """
    return ["setpriv", "--pdeathsig", "KILL", "--"]


def unprivileged(environment: Mapping[str, str]) -> list[str]:
    """Return the words before a command that take every privilege from it for good."""
    identity = ["--reuid", USER, "--regid", USER, "--init-groups", "--no-new-privs"]
    port = environment.get("SHIPSHAPE_BIND", "").rpartition(":")[2]
    low = port.isdigit() and int(port) < PRIVILEGED_PORTS
    capabilities = "-all,+net_bind_service" if low else "-all"
    kept = ["--inh-caps", capabilities, "--ambient-caps", capabilities]
    return ["setpriv", *identity, *kept, "--bounding-set", capabilities, "--pdeathsig", "KILL"]


def inside_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return *environment* as it is where checkout and virtual environment have other places."""
    run, data = Path(environment["SHIPSHAPE_RUN"]), environment["SHIPSHAPE_DATA"]
    return {
        **environment,
        "PATH": f"{run}/venv/bin:{SYSTEM_PATH}",
        "PYTHONPATH": f"{run}/app",
        "PWD": f"{run}/app",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": data,
        "USER": USER,
        "LOGNAME": USER,
    }


def enter_and_become(argv: Sequence[str]) -> NoReturn:
    """In a fresh mount namespace: arrange what is seen, drop privileges, become *argv*."""
    run, root = Path(os.environ["SHIPSHAPE_RUN"]), Path(os.environ["SHIPSHAPE_ROOT"])
    needed = [CHECKOUT, ENVIRONMENT.resolve(), run, Path(os.environ["SHIPSHAPE_DATA"])]
    for target in list_foreign_mounts(_mount_table(), needed=needed, hidden=[root]):
        let_go(target)
    for source, view in ((CHECKOUT, run / "app"), (ENVIRONMENT.resolve(), run / "venv")):
        run_program(["mount", "-o", "bind,ro", source, view])
    os.chdir(run / "app")
    _exec([*unprivileged(os.environ), "--", *argv], inside_environment(os.environ))


def let_go(target: str) -> None:
    """Unmount *target*, which its owner may do at the same moment; both is fine."""
    try:
        run_program(["umount", "--lazy", target])
    except ProgramFailed:
        # Ends of mounts reach this namespace too: what is gone was let go by others.
        if any(_unescape(line.split()[4]) == target for line in _mount_table().splitlines()):
            raise


def _mount_table() -> str:
    return Path("/proc/self/mountinfo").read_text()


def list_foreign_mounts(table: str, *, needed: Sequence[Path], hidden: Sequence[Path]) -> list[str]:
    """
    Return the mounts in *table* that an unprivileged process has no use for, topmost first.

    Those are the filesystems of containers and whatever lies below *hidden*; a copy of them in
    another namespace would keep them alive. What *needed* paths lie on is never among them.
    """
    fields = [line.split() for line in table.splitlines()]
    mounts = [(_unescape(f[4]), f[f.index("-") + 1]) for f in fields]
    return [
        target
        for target, kind in reversed(mounts)
        if (kind in FOREIGN_FILESYSTEMS or any(_is_below(target, path) for path in hidden))
        and not any(path.is_relative_to(target) for path in needed)
    ]


def raise_open_files() -> None:
    """Let this process open as many files as its hard limit allows, within reason."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _is_below(target: str, path: Path) -> bool:
    return path in Path(target).parents


def _unescape(word: str) -> str:
    # The kernel writes blanks and backslashes in octal.
    return word.encode().decode("unicode_escape") if "\\" in word else word


def _exec(argv: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    os.execvpe(argv[0], list(argv), environment)  # noqa: S606  (no shell between us and the process)


if __name__ == "__main__":
    main(sys.argv[1:])
