"""Programs that judge system calls: run on made-up calls, and taken from processes."""

from __future__ import annotations

import ctypes
import os
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

X86_64, I386 = 0xC000003E, 0x40000003
_PTRACE_ATTACH, _PTRACE_DETACH, _PTRACE_GET_FILTER = 16, 17, 0x420C
_WALL = 0x40000000
_INSTRUCTION = struct.Struct("=HBBI")
_CALL = struct.Struct("=iIQ6Q")


def judge(program: bytes, architecture: int, number: int, arguments: Sequence[int] = ()) -> int:
    """Return what *program* answers to a call; see seccomp(2) and the kernel's filter.rst."""
    number -= (number >= 1 << 31) << 32
    call = _CALL.pack(number, architecture, 0, *arguments, *[0] * (6 - len(arguments)))
    word = at = 0
    while True:
        code, when_true, when_false, value = _INSTRUCTION.unpack_from(program, at * 8)
        at += 1
        if code == 0x06:
            return int(value)
        if code == 0x20:
            word = int(struct.unpack_from("=I", call, value)[0])
        elif code == 0x54:
            word &= value
        elif code == 0x05:
            at += value
        else:
            holds = {
                0x15: word == value,
                0x25: word > value,
                0x35: word >= value,
                0x45: bool(word & value),
            }[code]
            at += when_true if holds else when_false


def filters_of(pid: int) -> list[bytes]:
    """Return the programs that judge the calls of a process; it stands still for a moment."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    if libc.ptrace(_PTRACE_ATTACH, pid, None, None) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")
    try:
        os.waitpid(pid, _WALL)
        return [each for number in range(8) if (each := _filter(libc, pid, number))]
    finally:
        libc.ptrace(_PTRACE_DETACH, pid, None, None)


def _filter(libc: ctypes.CDLL, pid: int, number: int) -> bytes:
    length = libc.ptrace(_PTRACE_GET_FILTER, pid, number, None)
    if length <= 0:
        return b""
    content = ctypes.create_string_buffer(length * _INSTRUCTION.size)
    libc.ptrace(_PTRACE_GET_FILTER, pid, number, ctypes.cast(content, ctypes.c_void_p))
    return content.raw
