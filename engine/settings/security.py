"""What a container may do: capabilities, devices, namespaces, kernel parameters, profiles."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping  # noqa: TC003  (read at run time, with the annotations)
from dataclasses import dataclass, field, replace

from engine.errors import InvalidSetting
from engine.settings.capabilities import check_capability
from engine.settings.checks import (
    NOTHING,
    check_absolute,
    check_choice,
    check_count,
    check_mapping,
    check_text,
    check_texts,
)
from engine.settings.network import check_joined

UNCONFINED = "unconfined"
DISABLE = "disable"
IPC_MODES = ("", "none", "private", "shareable", "host")
_IPC_SYSCTLS = """
    kernel.msgmax kernel.msgmnb kernel.msgmni kernel.sem kernel.shmall kernel.shmmax kernel.shmmni
    kernel.shm_rmid_forced
"""
SYSCTLS = frozenset(_IPC_SYSCTLS.split())
SYSCTL_PREFIXES = ("net.", "fs.mqueue.")
_DEVICE_RULE = re.compile(r"[acb] (?:\d+|\*):(?:\d+|\*) [rwm]{1,3}", re.ASCII)
_RUNTIME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_./-]{0,254}", re.ASCII)


@dataclass(frozen=True, slots=True)
class DeviceMapping:
    """A device of the host, or a directory of them, as the container has it."""

    host_path: str
    container_path: str = ""
    permissions: str = "rwm"

    def __post_init__(self) -> None:
        for path in (self.host_path, self.container_path or self.host_path):
            check_absolute("devices", path, "bad format for device")
        if not self.permissions or set(self.permissions) - set("rwm"):
            raise InvalidSetting("devices", f"bad mode specified: {self.permissions[:20]}")

    @property
    def target(self) -> str:
        """Where it is in the container."""
        return self.container_path or self.host_path


@dataclass(frozen=True, slots=True)
class SecurityOptions:
    """
    What the words of `--security-opt` say.

    *seccomp* is empty for the default profile, `unconfined`, or the JSON of another one. *apparmor*
    acts only where the kernel has it, and *labels*, which are SELinux's, never.
    """

    seccomp: str = ""
    no_new_privileges: bool = False
    apparmor: str = ""
    labels: tuple[str, ...] = ()
    has_all_paths: bool = False


def parse_security(options: tuple[str, ...]) -> SecurityOptions:
    """Return what docker's words for security options say; raise `InvalidSetting`."""
    parsed = SecurityOptions()
    for option in options:
        parsed = _with_option(parsed, option)
    return parsed


def _with_option(parsed: SecurityOptions, option: str) -> SecurityOptions:
    # Docker once wrote a colon, and still takes one.
    name, separator, value = option.partition("=" if "=" in option else ":")
    if name == "no-new-privileges":
        return replace(parsed, no_new_privileges=_flag(option, value, given=bool(separator)))
    if name == "seccomp" and value:
        return replace(parsed, seccomp=_profile(value))
    if name == "apparmor" and value:
        return replace(parsed, apparmor=value)
    if name == "label" and value:
        return replace(parsed, labels=(*parsed.labels, value))
    if name == "systempaths" and value == UNCONFINED:
        return replace(parsed, has_all_paths=True)
    raise _unknown(option)


def _flag(option: str, value: str, *, given: bool) -> bool:
    if not given or value in {"true", "1"}:
        return True
    if value in {"false", "0"}:
        return False
    raise _unknown(option)


def _unknown(option: str) -> InvalidSetting:
    return InvalidSetting("security_opt", f'invalid --security-opt 2: "{option[:80]}"')


def _profile(text: str) -> str:
    if text in {UNCONFINED, "builtin", "default"}:
        return text if text == UNCONFINED else ""
    try:
        profile = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidSetting(
            "security_opt",
            "Decoding seccomp profile failed",
            remedy="Give the profile itself, as JSON, or the word unconfined.",
        ) from error
    if not isinstance(profile, dict) or "defaultAction" not in profile:
        raise InvalidSetting("security_opt", "the seccomp profile has no defaultAction")
    return text


@dataclass(frozen=True, kw_only=True)
class Security:
    """
    The part of the settings that says what the container may do to its host.

    *masked_paths* and *readonly_paths* of None stand for docker's; an empty mode for its default.
    """

    sysctls: Mapping[str, str] = field(default_factory=lambda: NOTHING, hash=False)
    devices: tuple[DeviceMapping, ...] = ()
    device_cgroup_rules: tuple[str, ...] = ()
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    privileged: bool = False
    security_opt: tuple[str, ...] = ()
    masked_paths: tuple[str, ...] | None = None
    readonly_paths: tuple[str, ...] | None = None
    cgroup_mode: str = ""
    pid_mode: str = ""
    ipc_mode: str = ""
    uts_mode: str = ""
    userns_mode: str = ""
    runtime: str = ""

    @property
    def security(self) -> SecurityOptions:
        """What *security_opt* says."""
        return parse_security(self.security_opt)

    def check_security(self) -> None:
        """Raise `InvalidSetting` where one of these breaks a rule."""
        self._check_modes()
        self._check_devices()
        check_mapping("sysctls", self.sysctls, entry="a sysctl")
        for name in self.sysctls:
            check_sysctl(name)
        for name in ("cap_add", "cap_drop"):
            check_texts(name, getattr(self, name))
            for capability in getattr(self, name):
                check_capability(name, capability)
        check_texts("security_opt", self.security_opt)
        parse_security(self.security_opt)
        check_texts("masked_paths", self.masked_paths or ())
        check_texts("readonly_paths", self.readonly_paths or ())

    def _check_modes(self) -> None:
        check_mode("pid_mode", self.pid_mode, ("", "host"), "invalid PID mode")
        check_mode("ipc_mode", self.ipc_mode, IPC_MODES, "Invalid IPC mode")
        check_choice("uts_mode", self.uts_mode, ("", "host"), "invalid UTS mode")
        check_choice(
            "cgroup_mode", self.cgroup_mode, ("", "host", "private"), "invalid cgroup mode"
        )
        if self.userns_mode not in {"", "host"}:
            raise InvalidSetting(
                "userns_mode",
                f"this engine does not map users, as {self.userns_mode[:40]!r} asks for",
                remedy="Leave it out, or write host.",
            )
        if self.runtime and not _RUNTIME.fullmatch(self.runtime):
            raise InvalidSetting("runtime", f"Unknown runtime specified {self.runtime[:80]}")

    def _check_devices(self) -> None:
        check_count("devices", self.devices)
        check_texts("device_cgroup_rules", self.device_cgroup_rules)
        for rule in self.device_cgroup_rules:
            if not _DEVICE_RULE.fullmatch(rule):
                raise InvalidSetting(
                    "device_cgroup_rules", f"invalid device cgroup format '{rule[:80]}'"
                )


def check_mode(name: str, mode: str, choices: tuple[str, ...], refusal: str) -> None:
    """Raise `InvalidSetting` unless *mode* is one of *choices*, or another container's."""
    if mode.startswith("container:"):
        check_joined(name, mode)
    else:
        check_choice(name, mode, (*choices, "container:NAME"), refusal)


def check_sysctl(name: str) -> None:
    """Raise `InvalidSetting` where the kernel parameter *name* is not one of a namespace."""
    check_text("sysctls", name)
    if name not in SYSCTLS and not name.startswith(SYSCTL_PREFIXES):
        raise InvalidSetting(
            "sysctls",
            f"sysctl '{name[:80]}' is not allowed",
            remedy="Only net.*, fs.mqueue.* and the kernel's IPC parameters belong to a container.",
        )
