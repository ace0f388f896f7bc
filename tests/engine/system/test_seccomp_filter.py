"""Filters of system calls: each judged by running it on calls."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest

from engine.system.seccomp_filter import LIBRARY, compile_filter
from tests.support.filters import I386, X86_64, judge

ALLOWED, REFUSED, UNKNOWN = 0x7FFF0000, 0x00050001, 0x00050026
READ, SOCKET, CLONE3, FUTEX_WAITV = 0, 41, 435, 449


def _has_library() -> bool:
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        return False
    return True


pytestmark = pytest.mark.skipif(not _has_library(), reason="libseccomp is not installed")


def profile(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 1,
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
        "syscalls": list(rules),
        **more,
    }


def allow(*names: str, **more: Any) -> dict[str, Any]:
    return {"names": list(names), "action": "SCMP_ACT_ALLOW", **more}


def compiled(*rules: dict[str, Any]) -> bytes:
    program = compile_filter(profile(*rules))
    assert program
    return program


def test_what_is_named_may_be_called_and_nothing_else() -> None:
    program = compiled(allow("read", "futex_waitv"))

    assert judge(program, X86_64, READ) == ALLOWED
    assert judge(program, X86_64, SOCKET) == REFUSED
    assert judge(program, I386, 3) == ALLOWED
    assert judge(program, I386, READ) == REFUSED


def test_a_call_newer_than_all_named_ones_is_not_there() -> None:
    program = compiled(allow("read", "futex_waitv"))

    assert [judge(program, each, FUTEX_WAITV + 1) for each in (X86_64, I386)] == [UNKNOWN, UNKNOWN]
    assert judge(program, X86_64, FUTEX_WAITV - 1) == REFUSED


def test_calls_of_the_x32_kind_and_of_other_machines_are_no_way_around() -> None:
    program = compiled(allow("read"))

    assert judge(program, X86_64, 0x40000000 + READ) != ALLOWED
    assert judge(program, 0xC00000B7, READ) != ALLOWED


@pytest.mark.parametrize(
    ("operator", "allowed", "refused"),
    [
        ("SCMP_CMP_EQ", [38], [37, 39, 38 + 2**40]),
        ("SCMP_CMP_NE", [37, 39], [38]),
        ("SCMP_CMP_LT", [0, 37], [38, 2**40]),
        ("SCMP_CMP_LE", [0, 38], [39, 2**40]),
        ("SCMP_CMP_GT", [39, 2**40], [0, 38]),
        ("SCMP_CMP_GE", [38, 2**40], [0, 37]),
    ],
)
def test_an_argument_decides(operator: str, allowed: list[int], refused: list[int]) -> None:
    argument = {"index": 1, "value": 38, "valueTwo": 0, "op": operator}
    program = compiled(allow("socket", args=[argument]))

    assert {judge(program, X86_64, SOCKET, [0, each]) for each in allowed} == {ALLOWED}
    assert {judge(program, X86_64, SOCKET, [0, each]) for each in refused} == {REFUSED}


def test_bits_of_an_argument_decide() -> None:
    argument = {"index": 0, "value": 0xF0, "valueTwo": 0x10, "op": "SCMP_CMP_MASKED_EQ"}
    program = compiled(allow("socket", args=[argument]))

    assert judge(program, X86_64, SOCKET, [0x1F]) == ALLOWED
    assert judge(program, X86_64, SOCKET, [0x20]) == REFUSED


def test_a_rule_may_refuse_with_another_number() -> None:
    refused = {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}

    assert judge(compiled(allow("read"), refused), X86_64, CLONE3) == UNKNOWN


def test_a_name_that_nobody_knows_is_passed_over() -> None:
    assert judge(compiled(allow("read", "made_up_call")), X86_64, READ) == ALLOWED


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"defaultAction": "SCMP_ACT_ALLOW"}, id="allows-by-default"),
        pytest.param({"defaultErrnoRet": 38}, id="already-says-enosys"),
        pytest.param({"flags": ["SECCOMP_FILTER_FLAG_LOG"]}, id="flags"),
        pytest.param({"listenerPath": "/x"}, id="listener"),
        pytest.param({"syscalls": [{"names": ["read"], "action": "SCMP_ACT_TRAP"}]}, id="trap"),
    ],
)
def test_what_only_a_runtime_knows_is_left_to_it(other: dict[str, Any]) -> None:
    assert compile_filter(profile(allow("read")) | other) is None
