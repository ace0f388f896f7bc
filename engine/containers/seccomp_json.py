"""
A seccomp profile that somebody wrote, in docker's form, as the runtime takes it. Pure.

Docker's form adds to the runtime's: rules that hold for some architectures, capabilities or kernels
only (`includes`, `excludes`), and a map of architectures.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from engine.containers.seccomp import ARCHITECTURES
from engine.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.system.host import HostFacts

_KEPT = ("defaultErrnoRet", "listenerPath", "listenerMetadata", "flags")
_RULE_KEYS = ("errnoRet",)


def convert_profile(text: str, *, capabilities: tuple[str, ...], host: HostFacts) -> dict[str, Any]:
    """Return the `linux.seccomp` of a runtime spec; raise `InvalidSetting`."""
    try:
        profile = json.loads(text)
        return _converted(profile, capabilities, host)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidSetting(
            "security_opt", "Decoding seccomp profile failed: it is not of docker's form"
        ) from error


def _converted(
    profile: dict[str, Any], capabilities: tuple[str, ...], host: HostFacts
) -> dict[str, Any]:
    converted = {"defaultAction": str(profile["defaultAction"])}
    converted |= {key: profile[key] for key in _KEPT if key in profile}
    return {
        **converted,
        "architectures": _architectures(profile, host),
        "syscalls": [
            _rule(each)
            for each in profile.get("syscalls") or ()
            if _applies(each, capabilities, host)
        ],
    }


def _architectures(profile: dict[str, Any], host: HostFacts) -> list[str]:
    if profile.get("architectures"):
        return [str(each) for each in profile["architectures"]]
    own = ARCHITECTURES.get(host.architecture, ())
    for each in profile.get("archMap") or ():
        if own and each["architecture"] == own[0]:
            return [each["architecture"], *(each.get("subArchitectures") or ())]
    return list(own)


def _rule(rule: dict[str, Any]) -> dict[str, Any]:
    names = [str(each) for each in rule.get("names") or [rule["name"]]]
    converted: dict[str, Any] = {"names": names, "action": str(rule["action"])}
    converted |= {key: rule[key] for key in _RULE_KEYS if rule.get(key) is not None}
    if rule.get("args"):
        converted["args"] = [dict(each) for each in rule["args"]]
    return converted


def _applies(rule: dict[str, Any], capabilities: tuple[str, ...], host: HostFacts) -> bool:
    includes, excludes = rule.get("includes") or {}, rule.get("excludes") or {}
    return _holds(includes, capabilities, host) and not _touches(excludes, capabilities, host)


def _holds(condition: dict[str, Any], capabilities: tuple[str, ...], host: HostFacts) -> bool:
    arches, caps = condition.get("arches"), condition.get("caps")
    kernel = condition.get("minKernel")
    return (
        (not arches or host.architecture in arches)
        and (not caps or all(each in capabilities for each in caps))
        and (not kernel or host.kernel >= _version(kernel))
    )


def _touches(condition: dict[str, Any], capabilities: tuple[str, ...], host: HostFacts) -> bool:
    arches: Sequence[str] = condition.get("arches") or ()
    caps: Sequence[str] = condition.get("caps") or ()
    kernel = condition.get("minKernel")
    return (
        host.architecture in arches
        or any(each in capabilities for each in caps)
        or bool(kernel and host.kernel >= _version(kernel))
    )


def _version(text: str) -> tuple[int, int]:
    major, _, minor = str(text).partition(".")
    return int(major), int(minor or 0)
