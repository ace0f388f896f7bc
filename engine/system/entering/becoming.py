"""
How a new process enters a container and becomes a command in it.

From the moment it is in the container, what runs there can look at it and swap any file below it;
where it may trace, it can have it do anything and open whatever it has. So another process, which
cannot be seen from there, enters first and gives up what the command is not to have. Its child is
born in the container, with no descriptor of the host but pipes, nor any way to its files. Nobody
else may trace it, it imports nothing, and the interpreter is a sealed copy that cannot be
overwritten (CVE-2019-5736).
"""

from __future__ import annotations

import array
import errno
import fcntl
import os
import signal
import socket
import stat
import sys
from typing import TYPE_CHECKING, NoReturn

from engine.system.entering import kernel
from engine.system.entering.refusal import STOPPED, Refused

if TYPE_CHECKING:
    from engine.system.entering.entry import Entry
    from engine.system.entering.places import Places

READY = b"\0"
NOT_RUN = 1
UMASK = 0o022
STANDARD = (0, 1, 2)
REPORT, WAITING = 3, 4
REPORT_LIMIT = 4096
# CAP_CHOWN, CAP_SETGID and CAP_SETUID, given up as soon as that is done.
TO_BECOME_A_USER = 1 << 0 | 1 << 6 | 1 << 7
PTMX, NULL = os.makedev(5, 2), os.makedev(1, 3)
_TOLERATED = {errno.EINVAL, errno.EPERM, errno.EROFS}


# A number that is too large for the kernel is a `ValueError`.
_HINDRANCES = (Refused, OSError, MemoryError, ValueError)


def enter(entry: Entry, places: Places, report: int, waiting: int) -> NoReturn:
    """
    Leave a child in the container that becomes the command once a byte comes over *waiting*.

    Its number is written to the pipe *report* after `READY`, or what hinders it.
    """
    try:
        _forget_modules()
        _enter(entry, places)
        _take_descriptors(places, report, waiting)
        is_there = _give_up(entry)
        pid = _born()
    except _HINDRANCES as hindrance:
        _end(REPORT, _said(hindrance))
    if pid == 0:
        _become(entry, is_there=is_there, has_input=places.has_input)
    os.write(REPORT, READY + str(pid).encode())
    os._exit(0)


def _born() -> int:
    try:
        return os.fork()
    except OSError as error:
        # Nobody can be born where the first process has ended.
        raise Refused(STOPPED if error.errno == errno.ENOMEM else str(error)) from error


def _become(entry: Entry, *, is_there: bool, has_input: bool) -> NoReturn:
    """Become the command; what hinders it is written to the pipe, or else `READY`."""
    try:
        _await_leave()
        _take_streams(entry, has_input=has_input)
        _be_user(entry, is_there=is_there)
        program = find_program(entry)
    except _HINDRANCES as hindrance:
        _end(REPORT, _said(hindrance))
    os.write(REPORT, READY)
    os.close(REPORT)
    try:
        os.execve(program, entry.arguments, environment(entry))  # noqa: S606  (no shell)
    except OSError as error:
        _end(2, f"exec {program}: {reason(error)}\n")


def _end(descriptor: int, words: str) -> NoReturn:
    os.write(descriptor, words.encode(errors="replace")[:REPORT_LIMIT])
    os._exit(NOT_RUN)


def _said(hindrance: Exception) -> str:
    # Only what is opened has a name.
    if isinstance(hindrance, OSError) and isinstance(hindrance.filename, str):
        return f"open {hindrance.filename}: {reason(hindrance)}"
    return str(hindrance)


def _forget_modules() -> None:
    # What a container holds must never be imported, nor be printed as source beside a traceback.
    for each in (sys.path, sys.meta_path, sys.path_hooks):
        each.clear()
    sys.path_importer_cache.clear()
    sys.tracebacklimit = 0


# --- Entering, unseen ----------------------------------------------------------------------------


def _enter(entry: Entry, places: Places) -> None:
    """Be in the container's groups and namespaces; in that of processes it is the child that is."""
    with open("/proc/self/oom_score_adj", "w") as stream:
        stream.write(str(entry.oom_score_adj))
    # Before it stands in the namespace of groups, from where they may not be named.
    places.groups.join()
    kernel.join_keyring(entry.keyring)
    # The one with the files comes last: after it nothing of the host can be named.
    for name in sorted(places.namespaces, key=lambda name: name == "mnt"):
        kernel.enter_namespace(places.namespaces[name])
    os.umask(UMASK)


def _take_descriptors(places: Places, report: int, waiting: int) -> None:
    """Have 0, 1, 2, `REPORT` and `WAITING`, and nothing else."""
    # First out of the way of those numbers.
    sources = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, WAITING + 1) for each in places.streams]
    ends = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, WAITING + 1) for each in (report, waiting)]
    for number in STANDARD:
        os.dup2(sources[min(number, len(sources) - 1)], number)
    for end, number in zip(ends, (REPORT, WAITING), strict=True):
        os.dup2(end, number, inheritable=False)
    os.closerange(WAITING + 1, os.sysconf("SC_OPEN_MAX"))


def _give_up(entry: Entry) -> bool:
    """
    Have the limits and the filter of the command, and hardly more capabilities.

    Return whether this is its working directory by now.
    """
    for each in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(each, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for number, soft, hard in entry.limits:
        kernel.set_limit(number, soft, hard)
    if entry.no_new_privileges:
        kernel.give_up_new_privileges()
    if entry.filter:
        kernel.filter_calls(bytes.fromhex(entry.filter))
    is_there = _is_gone_to(entry.working_dir)
    kernel.bound_capabilities(entry.bounding)
    kept = entry.permitted | TO_BECOME_A_USER
    kernel.limit_capabilities(kept, kept)
    return is_there


def _is_gone_to(place: str) -> bool:
    # Only the user may be let in, or only who is seen in the container's /proc.
    try:
        os.chdir(place)
    except OSError:
        return False
    return True


# --- In the container ----------------------------------------------------------------------------


def _await_leave() -> None:
    """Be the first of a session, and wait until the number of this process is written down."""
    os.setsid()
    if not os.read(WAITING, len(READY)):
        os._exit(NOT_RUN)
    os.close(WAITING)


def _take_streams(entry: Entry, *, has_input: bool) -> None:
    if entry.terminal:
        _open_terminal()
    elif not has_input:
        _open_null()
    for each in STANDARD:
        _give(each, entry.uid)


def _open_terminal() -> None:
    """Make a terminal of the container's, hand its master over, and stand at it."""
    master = os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not _is_device(master, PTMX):
        raise Refused("open /dev/ptmx: it is not what makes terminals")
    terminal = kernel.open_peer(master)
    with socket.socket(fileno=0) as console:
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [master]))
        console.sendmsg([READY], [rights])
        console.detach()
    kernel.take_terminal(terminal)
    for each in STANDARD:
        os.dup2(terminal, each)
    os.close(terminal)
    os.close(master)


def _open_null() -> None:
    """Read from the container's null device, or where it has none from a pipe that has ended."""
    # That of the host is not the container's to have: its owner could close it to all others.
    try:
        null = os.open("/dev/null", os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return
    if _is_device(null, NULL):
        os.set_blocking(null, True)
        os.dup2(null, 0)
    os.close(null)


def _is_device(descriptor: int, number: int) -> bool:
    status = os.fstat(descriptor)
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == number


def _be_user(entry: Entry, *, is_there: bool) -> None:
    """Have the user and the capabilities of the command, and stand where it is to."""
    kernel.become_user(entry.uid, entry.gid, entry.groups)
    if not is_there:
        _go(entry)
    _verify_place()
    kernel.limit_capabilities(entry.effective, entry.permitted)
    # To become somebody else may have shown this process again.
    kernel.hide()


def _go(entry: Entry) -> None:
    try:
        os.chdir(entry.working_dir)
    except OSError as error:
        words = f'chdir to cwd ("{entry.working_dir}") set in config.json failed'
        raise Refused(f"{words}: {reason(error)}") from error


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
