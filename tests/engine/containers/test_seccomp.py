from typing import Any

import pytest

from engine.containers.seccomp import ALWAYS, ARCHITECTURES, seccomp_profile
from engine.settings.capabilities import DEFAULT_CAPABILITIES

ADMIN = (*DEFAULT_CAPABILITIES, "CAP_SYS_ADMIN")
DANGEROUS = {
    "add_key", "bpf", "clone3", "delete_module", "finit_module", "init_module", "io_uring_setup",
    "kexec_load", "keyctl", "mount", "move_mount", "open_by_handle_at", "open_tree",
    "perf_event_open", "pivot_root", "reboot", "request_key", "setns", "swapon", "umount2",
    "unshare", "userfaultfd",
}  # fmt: skip


def profile(
    capabilities: tuple[str, ...] = DEFAULT_CAPABILITIES,
    *,
    architecture: str = "amd64",
    kernel: tuple[int, int] = (6, 1),
) -> dict[str, Any]:
    made = seccomp_profile(capabilities, architecture=architecture, kernel=kernel)
    assert made is not None
    return made


def allowed(made: dict[str, Any]) -> set[str]:
    """What is allowed whatever the arguments."""
    rules = [each for each in made["syscalls"] if each["action"] == "SCMP_ACT_ALLOW"]
    return {name for each in rules if "args" not in each for name in each["names"]}


def rules_of(made: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [each for each in made["syscalls"] if name in each["names"]]


def test_what_is_not_named_is_not_permitted() -> None:
    assert profile()["defaultAction"] == "SCMP_ACT_ERRNO"
    assert profile()["defaultErrnoRet"] == 1
    assert allowed(profile()) & DANGEROUS == set()


def test_no_call_stands_twice() -> None:
    assert len(set(ALWAYS)) == len(ALWAYS)


def test_a_capability_brings_its_calls() -> None:
    assert {"mount", "clone", "clone3", "setns"} <= allowed(profile(ADMIN))
    assert "chroot" in allowed(profile())
    assert "chroot" not in allowed(profile(("CAP_CHOWN",)))


def test_a_clone_may_make_no_namespace() -> None:
    (rule,) = rules_of(profile(), "clone")

    assert rule["args"] == [
        {"index": 0, "value": 0x7E020000, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}
    ]


def test_the_flags_of_clone_stand_elsewhere_on_s390() -> None:
    (rule,) = rules_of(profile(architecture="s390x"), "clone")

    assert rule["args"][0]["index"] == 1


def test_clone3_is_said_not_to_exist() -> None:
    (rule,) = rules_of(profile(), "clone3")

    assert (rule["action"], rule["errnoRet"]) == ("SCMP_ACT_ERRNO", 38)
    assert all("errnoRet" not in each for each in rules_of(profile(ADMIN), "clone3"))


def test_five_personalities_are_allowed() -> None:
    values = [each["args"][0]["value"] for each in rules_of(profile(), "personality")]

    assert values == [0, 8, 0x20000, 0x20008, 0xFFFFFFFF]


@pytest.mark.parametrize(
    ("family", "passes"), [(1, True), (2, True), (16, True), (39, True), (41, True),
                           (38, False), (40, False)]
)  # fmt: skip
def test_sockets_of_the_host_itself_are_refused(family: int, passes: bool) -> None:
    compare = {
        "SCMP_CMP_LT": lambda value: family < value,
        "SCMP_CMP_EQ": lambda value: family == value,
        "SCMP_CMP_GT": lambda value: family > value,
    }
    rules = [each["args"][0] for each in rules_of(profile(), "socket")]

    assert any(compare[each["op"]](each["value"]) for each in rules) == passes


def test_tracing_waits_for_a_kernel_where_it_is_safe() -> None:
    assert "ptrace" in allowed(profile())
    assert "ptrace" not in allowed(profile(kernel=(4, 4)))


def test_an_architecture_has_its_own_calls() -> None:
    assert "arch_prctl" in allowed(profile())
    assert "arch_prctl" not in allowed(profile(architecture="arm64"))
    assert "set_tls" in allowed(profile(architecture="arm"))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_has_a_profile(architecture: str) -> None:
    assert profile(architecture=architecture)["architectures"]


def test_an_unknown_architecture_has_none() -> None:
    assert seccomp_profile((), architecture="vax", kernel=(6, 1)) is None


def test_a_kernel_without_x32_needs_no_rules_for_it() -> None:
    made = seccomp_profile((), architecture="amd64", kernel=(6, 1), has_x32=False)

    assert made is not None
    assert made["architectures"] == ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]
