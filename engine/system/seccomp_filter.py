"""
Filters of system calls as programs for the kernel, made of the `linux.seccomp` of a runtime spec.

libseccomp makes them, and what runc puts before them is put before them here: a call that is newer
than every call of the profile fails with ENOSYS, so that a C library tries its older way.
"""

from __future__ import annotations

import ctypes
import json
import os
import struct
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

EPERM, ENOSYS = 1, 38
LIBRARY = "libseccomp.so.2"
# seccomp(2): what a program returns.
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_OPERATORS = {
    "SCMP_CMP_NE": 1,
    "SCMP_CMP_LT": 2,
    "SCMP_CMP_LE": 3,
    "SCMP_CMP_EQ": 4,
    "SCMP_CMP_GE": 5,
    "SCMP_CMP_GT": 6,
    "SCMP_CMP_MASKED_EQ": 7,
}
_PROFILE_KEYS = {"defaultAction", "defaultErrnoRet", "architectures", "syscalls"}
_NATIVE_IS_THERE = -17
_X86_64, _X32_BIT = 0xC000003E, 0x40000000
# Classic BPF: load a word of the call's description, compare it, return.
_LOAD, _JUMP_EQUAL, _JUMP_GREATER, _JUMP_BIT, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
_NUMBER_AT, _ARCHITECTURE_AT = 0, 4
_INSTRUCTION = struct.Struct("=HBBI")
_SECTION_LENGTH = 5

Instruction = tuple[int, int, int, int]


class _Comparison(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


def compile_filter(profile: Mapping[str, Any]) -> bytes | None:
    """
    Return the program of *profile*: `struct sock_filter` after `struct sock_filter`.

    None where libseccomp is not there, or *profile* has what only a runtime knows how to treat.
    """
    return _compiled(json.dumps(profile))


@lru_cache(maxsize=32)
def _compiled(text: str) -> bytes | None:
    profile, library = json.loads(text), _library()
    if library is None or not _is_plain(profile):
        return None
    architectures = [_architecture(library, each) for each in profile["architectures"]]
    with _context(library, profile) as context:
        if not _fill(library, context, profile, architectures):
            return None
        return _stub(_newest_calls(library, profile, architectures)) + _export(library, context)


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError:
        return None
    pointer, number = ctypes.c_void_p, ctypes.c_uint32
    library.seccomp_init.restype = pointer
    library.seccomp_arch_resolve_name.restype = number
    library.seccomp_syscall_resolve_name_arch.argtypes = [number, ctypes.c_char_p]
    library.seccomp_arch_add.argtypes = [pointer, number]
    library.seccomp_rule_add_array.argtypes = [
        *(pointer, number, ctypes.c_int, ctypes.c_uint),
        ctypes.POINTER(_Comparison),
    ]
    library.seccomp_export_bpf.argtypes = [pointer, ctypes.c_int]
    library.seccomp_release.argtypes = [pointer]
    return library


def _is_plain(profile: Mapping[str, Any]) -> bool:
    """Whether the profile refuses by default and allows by names and arguments, and no more."""
    actions = {rule["action"] for rule in profile.get("syscalls", ())}
    return (
        profile.keys() <= _PROFILE_KEYS
        and profile["defaultAction"] == "SCMP_ACT_ERRNO"
        and profile.get("defaultErrnoRet") != ENOSYS
        and actions <= {"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"}
    )


def _architecture(library: ctypes.CDLL, name: str) -> int:
    short = name.removeprefix("SCMP_ARCH_").lower()
    return int(library.seccomp_arch_resolve_name(short.encode()))


@contextmanager
def _context(library: ctypes.CDLL, profile: Mapping[str, Any]) -> Iterator[int]:
    context = library.seccomp_init(_ERRNO | profile.get("defaultErrnoRet", EPERM))
    if not context:
        raise MemoryError
    try:
        yield context
    finally:
        library.seccomp_release(context)


def _fill(
    library: ctypes.CDLL, context: int, profile: Mapping[str, Any], architectures: Sequence[int]
) -> bool:
    """Add everything of the profile; False if the library refuses any of it."""
    added = [library.seccomp_arch_add(context, each) for each in architectures]
    for rule in profile["syscalls"]:
        wanted = _action(rule)
        arguments = _comparisons(rule)
        for name in rule["names"]:
            number = library.seccomp_syscall_resolve_name_arch(0, name.encode())
            # One that this library has no number for cannot be called by it either.
            if number != -1:
                added.append(
                    library.seccomp_rule_add_array(
                        context, wanted, number, len(arguments), arguments
                    )
                )
    return all(each in {0, _NATIVE_IS_THERE} for each in added)


def _action(rule: Mapping[str, Any]) -> int:
    if rule["action"] == "SCMP_ACT_ALLOW":
        return _ALLOW
    return _ERRNO | int(rule.get("errnoRet", EPERM))


def _comparisons(rule: Mapping[str, Any]) -> ctypes.Array[_Comparison]:
    found = [
        _Comparison(each["index"], _OPERATORS[each["op"]], each["value"], each.get("valueTwo", 0))
        for each in rule.get("args", ())
    ]
    return (_Comparison * len(found))(*found)


def _export(library: ctypes.CDLL, context: int) -> bytes:
    descriptor = os.memfd_create("filter", os.MFD_CLOEXEC)
    try:
        if library.seccomp_export_bpf(context, descriptor) != 0:
            raise MemoryError
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    finally:
        os.close(descriptor)


def _newest_calls(
    library: ctypes.CDLL, profile: Mapping[str, Any], architectures: Sequence[int]
) -> dict[int, int]:
    """Return the highest number of any call of the profile, by architecture; 0 for none."""
    names = {name.encode() for rule in profile["syscalls"] for name in rule["names"]}
    resolve = library.seccomp_syscall_resolve_name_arch
    return {each: max(0, *(resolve(each, name) for name in names)) for each in architectures}


def _stub(newest: Mapping[int, int]) -> bytes:
    """Return what comes first: newer calls of each architecture fail, all else goes on."""
    program: list[Instruction] = [(_LOAD, 0, 0, _ARCHITECTURE_AT)]
    for number, (architecture, last) in enumerate(newest.items(), 1):
        rest = (len(newest) - number) * _SECTION_LENGTH
        # Calls of the x32 kind are numbered otherwise: the program itself judges them.
        other = _X32_BIT if architecture == _X86_64 else 0
        program += [
            (_JUMP_EQUAL, 0, _SECTION_LENGTH - 1, architecture),
            (_LOAD, 0, 0, _NUMBER_AT),
            (_JUMP_BIT, rest + 2, 0, other),
            (_JUMP_GREATER, 0, rest + 1, last),
            (_RETURN, 0, 0, _ERRNO | ENOSYS),
        ]
    return b"".join(_INSTRUCTION.pack(*each) for each in program)
