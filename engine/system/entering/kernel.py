"""The calls by which a process enters a container and gives up what is not to be had there."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import signal

# prctl(2), capabilities(7), keyctl(2), ioctl_tty(2).
_PR_SET_DUMPABLE, _PR_SET_KEEPCAPS, _PR_SET_NAME, _PR_SET_SECCOMP = 4, 8, 15, 22
_PR_CAPBSET_DROP, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 24, 36, 38
_SECCOMP_MODE_FILTER = 2
_INSTRUCTION_BYTES = 8
_CAPABILITY_VERSION_3 = 0x20080522
_CAPABILITIES = 64
_JOIN_SESSION_KEYRING = 1
_TIOCSCTTY, _TIOCGPTPEER, _TIOCSPTLCK = 0x540E, 0x5441, 0x40045431
# keyctl(2) has no function in the C library. Elsewhere the numbers of ioctl may differ as well.
KEYCTL = {"x86_64": 250, "aarch64": 219, "riscv64": 219}
_ENOSYS = 38
# clone(2); this call has the same number everywhere.
_CLONE3 = 435
_CLONE_INTO_CGROUP = 0x200000000

_LIBC = ctypes.CDLL(None, use_errno=True)
# What keeps the interpreter locked during a call, as a fork wants it.
_LOCKED = ctypes.PyDLL(None, use_errno=True)


class _CloneArguments(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_uint64)
        for name in (
            *("flags", "pidfd", "child_tid", "parent_tid", "exit_signal", "stack", "stack_size"),
            *("tls", "set_tid", "set_tid_size", "cgroup"),
        )
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("first", ctypes.c_char_p))


def _checked(answer: int) -> int:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer


def _prctl(option: int, value: int | bytes, more: object = 0) -> int:
    return int(_LIBC.prctl(option, value, more, 0, 0))


def hide() -> None:
    """Let nobody without privileges on the host trace this process, or open what it has open."""
    _checked(_prctl(_PR_SET_DUMPABLE, 0))


def adopt_orphans(*, adopt: bool) -> None:
    """Have the children of a child become this process's own at its end, or nobody any more."""
    _checked(_prctl(_PR_SET_CHILD_SUBREAPER, int(adopt)))


def fork_into(group: int) -> int:
    """
    Fork this process, which has one thread; the child is born in the *group*, a directory.

    Return the child's number, or 0 in the child.
    """
    wanted = _CloneArguments(flags=_CLONE_INTO_CGROUP, exit_signal=signal.SIGCHLD, cgroup=group)
    size = ctypes.sizeof(wanted)
    return _checked(_LOCKED.syscall(_CLONE3, ctypes.byref(wanted), ctypes.c_size_t(size)))


def enter_namespace(descriptor: int) -> None:
    """Stand in the namespace that *descriptor* is of; a pid namespace is for children only."""
    _checked(_LIBC.setns(descriptor, 0))


def join_keyring(name: str) -> None:
    """Leave the session's keys for those called *name*; a kernel without keys is fine."""
    call = KEYCTL[platform.machine()]
    answer = _LIBC.syscall(call, _JOIN_SESSION_KEYRING, name.encode())
    if answer < 0 and ctypes.get_errno() == _ENOSYS:
        return
    _checked(answer)


def set_limit(number: int, soft: int, hard: int) -> None:
    """Limit this process as setrlimit(2) does; the largest numbers stand for no limit."""
    resource.setrlimit(number, (_signed(soft), _signed(hard)))


def _signed(limit: int) -> int:
    return limit if limit < 2**63 else resource.RLIM_INFINITY


def give_up_new_privileges() -> None:
    """Gain nothing any more by running a program."""
    _checked(_prctl(_PR_SET_NO_NEW_PRIVS, 1))


def filter_calls(program: bytes) -> None:
    """Have the kernel judge every system call by *program*."""
    wanted = _Program(len(program) // _INSTRUCTION_BYTES, program)
    _checked(_prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(wanted)))


def bound_capabilities(bits: int) -> None:
    """Never have other capabilities than *bits* again."""
    for number in range(_CAPABILITIES):
        if not bits >> number & 1:
            _drop_from_bounds(number)


def _drop_from_bounds(number: int) -> None:
    answer = _prctl(_PR_CAPBSET_DROP, number)
    # The kernel knows fewer: of those that it does not know there is nothing to drop.
    if answer < 0 and ctypes.get_errno() != errno.EINVAL:
        _checked(answer)


def become_user(uid: int, gid: int, groups: tuple[int, ...]) -> None:
    """Be that user, with the capabilities as they are."""
    _checked(_prctl(_PR_SET_KEEPCAPS, 1))
    os.setgroups(groups)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    _checked(_prctl(_PR_SET_KEEPCAPS, 0))


def limit_capabilities(effective: int, permitted: int) -> None:
    """Have these capabilities, none to inherit and none ambient."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    # Three words for the lower half, three for the upper: effective, permitted, inheritable.
    halves = [bits >> shift & 0xFFFFFFFF for shift in (0, 32) for bits in (effective, permitted, 0)]
    _checked(_LIBC.capset(header, (ctypes.c_uint32 * 6)(*halves)))


def open_peer(master: int) -> int:
    """Return the terminal that belongs to *master*, without going by a name."""
    _checked(_LIBC.ioctl(master, _TIOCSPTLCK, ctypes.byref(ctypes.c_int(0))))
    return _checked(_LIBC.ioctl(master, _TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))


def take_terminal(terminal: int) -> None:
    """Make *terminal* that of this process's session."""
    _checked(_LIBC.ioctl(terminal, _TIOCSCTTY, 0))


def call_self(words: tuple[str, ...]) -> None:
    """Have *words* seen as those that this process was started with, as far as they fit."""
    _checked(_prctl(_PR_SET_NAME, words[0].encode()))
    with open("/proc/self/stat", "rb") as stream:
        fields = stream.read().rpartition(b")")[2].split()
    # proc(5): arg_start and arg_end, counted after the name.
    first, end = int(fields[45]), int(fields[46])
    content = b"".join(word.encode() + b"\0" for word in words)[: end - first - 1]
    ctypes.memset(first, 0, end - first)
    ctypes.memmove(first, content, len(content))
