"""
How a new process enters a container and becomes a command in it.

From the moment it is in the container, what runs there can look at it and swap any file below it.
So by then it has no descriptor of the host but a pipe, nobody may trace it, it imports nothing, and
the interpreter is a sealed copy that cannot be overwritten (CVE-2019-5736).
"""

from __future__ import annotations

import array
import errno
import os
import signal
import socket
import stat
import sys
from typing import TYPE_CHECKING, NoReturn

from engine.system.entering import kernel

if TYPE_CHECKING:
    from engine.system.entering.entry import Entry
    from engine.system.entering.places import Places

READY = b"\0"
NOT_RUN = 1
UMASK = 0o022
STANDARD = (0, 1, 2)
REPORT = 3
REPORT_LIMIT = 4096
PTMX, NULL = os.makedev(5, 2), os.makedev(1, 3)
_TOLERATED = {errno.EINVAL, errno.EPERM, errno.EROFS}


class Refused(Exception):
    """The command cannot be run; says why, in runc's words."""


def become(entry: Entry, places: Places, report: int) -> NoReturn:
    """Become the command; what hinders it is written to the pipe *report*, or else `READY`."""
    try:
        _forget_modules()
        _enter(entry, places)
        _let_go(report)
        _give_up(entry)
        program = find_program(entry)
    except Refused as refused:
        _end(REPORT, str(refused))
    except (OSError, MemoryError) as error:
        _end(REPORT, str(error))
    os.write(REPORT, READY)
    os.close(REPORT)
    try:
        os.execve(program, entry.arguments, environment(entry))  # noqa: S606  (no shell)
    except OSError as error:
        _end(2, f"exec {program}: {reason(error)}\n")


def _end(descriptor: int, words: str) -> NoReturn:
    os.write(descriptor, words.encode(errors="replace")[:REPORT_LIMIT])
    os._exit(NOT_RUN)


def _forget_modules() -> None:
    # What a container holds must never be imported, nor be printed as source beside a traceback.
    for each in (sys.path, sys.meta_path, sys.path_hooks):
        each.clear()
    sys.path_importer_cache.clear()
    sys.tracebacklimit = 0


# --- Entering ----------------------------------------------------------------------------------


def _enter(entry: Entry, places: Places) -> None:
    """Stand in the container: its groups, its namespaces, a session and a terminal of its own."""
    for each in places.cgroups:
        os.write(each, b"0")
    with open("/proc/self/oom_score_adj", "w") as stream:
        stream.write(str(entry.oom_score_adj))
    os.setsid()
    kernel.join_keyring(entry.keyring)
    # The one with the files comes last: after it nothing of the host can be named.
    for name in sorted(places.namespaces, key=lambda name: name == "mnt"):
        kernel.enter_namespace(places.namespaces[name])
    os.umask(UMASK)
    if places.console is None:
        places.take_streams()
    else:
        _open_terminal(places.console)


def _open_terminal(console: socket.socket) -> None:
    """Make a terminal of the container's, hand its master over, and stand at it."""
    master = os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    status = os.fstat(master)
    if not stat.S_ISCHR(status.st_mode) or status.st_rdev != PTMX:
        raise Refused("open /dev/ptmx: it is not what makes terminals")
    terminal = kernel.open_peer(master)
    console.sendmsg([READY], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [master]))])
    kernel.take_terminal(terminal)
    for each in STANDARD:
        os.dup2(terminal, each)


def _let_go(report: int) -> None:
    os.dup2(report, REPORT, inheritable=False)
    os.closerange(REPORT + 1, os.sysconf("SC_OPEN_MAX"))
    for each in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(each, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


# --- Giving up ---------------------------------------------------------------------------------


def _give_up(entry: Entry) -> None:
    """Have the limits, the user and the capabilities of the command, and stand where it is to."""
    for number, soft, hard in entry.limits:
        kernel.set_limit(number, soft, hard)
    if entry.no_new_privileges:
        kernel.give_up_new_privileges()
    if entry.filter:
        kernel.filter_calls(bytes.fromhex(entry.filter))
    is_there = _go(entry, is_last=False)
    kernel.bound_capabilities(entry.bounding)
    for each in STANDARD:
        _give(each, entry.uid)
    kernel.become_user(entry.uid, entry.gid, entry.groups)
    if not is_there:
        _go(entry, is_last=True)
    _verify_place()
    kernel.limit_capabilities(entry.effective, entry.permitted)
    # To become somebody else may have shown this process again.
    kernel.hide()


def _go(entry: Entry, *, is_last: bool) -> bool:
    """Go to the working directory; False where root may not, but the user perhaps."""
    try:
        os.chdir(entry.working_dir)
    except OSError as error:
        if error.errno == errno.EACCES and not is_last:
            return False
        words = f'chdir to cwd ("{entry.working_dir}") set in config.json failed'
        raise Refused(f"{words}: {reason(error)}") from error
    return True


def _verify_place() -> None:
    # CVE-2024-21626: a descriptor of the host would be a way out.
    try:
        place = os.getcwd()
    except OSError:
        place = ""
    if not place.startswith("/"):
        raise Refused("current working directory is outside of container mount namespace root")


def _give(descriptor: int, uid: int) -> None:
    """Have the user own what it reads and prints to, unless that is everybody's."""
    status = os.fstat(descriptor)
    if status.st_uid == uid or status.st_rdev == NULL:
        return
    try:
        os.fchown(descriptor, uid, status.st_gid)
    except OSError as error:
        if error.errno not in _TOLERATED:
            raise


# --- The program -------------------------------------------------------------------------------


def find_program(entry: Entry) -> str:
    """Return where the command's program is, found as Go's `exec.LookPath` does; or `Refused`."""
    name = entry.arguments[0]
    if "/" in name:
        _look_at(name, name)
        return name
    path = environment(entry).get("PATH", "")
    for directory in path.split(":") if path else ():
        found = f"{directory or '.'}/{name}"
        if _is_program(found):
            if not found.startswith("/"):
                raise _unfit(name, "cannot run executable found relative to current directory")
            return found
    raise _unfit(name, "executable file not found in $PATH")


def _look_at(path: str, name: str) -> None:
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise _unfit(name, f"stat {path}: {reason(error)}") from error
    if stat.S_ISDIR(mode) or not mode & 0o111:
        raise _unfit(name, "permission denied")


def _is_program(path: str) -> bool:
    try:
        _look_at(path, path)
    except Refused:
        return False
    return True


def _unfit(name: str, why: str) -> Refused:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return Refused(f'exec: "{quoted}": {why}')


def environment(entry: Entry) -> dict[str, str]:
    """Return the variables of the command by name, in their order."""
    return {name: value for name, _, value in (each.partition("=") for each in entry.env)}


def reason(error: OSError) -> str:
    """Return what the kernel said, in the words of Go."""
    return str(error.strerror).lower()
