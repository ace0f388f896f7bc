"""
Which commands can be started without the runtime, and as what.

An entry says nothing that the spec and the process do not say: whatever they hold that is not known
here is left to the runtime, which knows all of it.
"""

from __future__ import annotations

import re
import resource
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.settings.capabilities import CAPABILITIES
from engine.system.entering.entry import Entry
from engine.system.seccomp_filter import compile_filter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from engine.system.processes import ProcessIdentity

# The namespaces of a runtime spec, as /proc calls them.
NAMESPACES = {
    "mount": "mnt",
    "network": "net",
    "uts": "uts",
    "pid": "pid",
    "ipc": "ipc",
    "cgroup": "cgroup",
}
_PROCESS_KEYS = {
    *("terminal", "user", "args", "env", "cwd", "capabilities", "rlimits"),
    *("noNewPrivileges", "oomScoreAdj"),
}
_USER_KEYS = {"uid", "gid", "additionalGids"}
_HALF = re.compile("[\ud800-\udfff]")
_CAPABILITY_SETS = {"bounding", "effective", "permitted"}


@dataclass(frozen=True, slots=True)
class Inside:
    """A running container: its *spec*, its *first* process, the directories of its *cgroups*."""

    id: str
    spec: dict[str, Any]
    first: ProcessIdentity
    cgroups: tuple[Path, ...]


def find_entry(inside: Inside, process: dict[str, Any]) -> Entry | None:
    """Return how to start *process* in the container; None where only the runtime can."""
    linux = inside.spec["linux"]
    program = b"" if "seccomp" not in linux else compile_filter(linux["seccomp"])
    if program is None or not _is_plain(linux, process):
        return None
    user, capabilities = process["user"], process["capabilities"]
    return Entry(
        pid=inside.first.pid,
        started=inside.first.started,
        namespaces=tuple(NAMESPACES[each["type"]] for each in linux["namespaces"]),
        cgroups=tuple(map(str, inside.cgroups)),
        keyring=f"_ses.{inside.id}",
        oom_score_adj=process["oomScoreAdj"],
        limits=tuple(map(_limit, process["rlimits"])),
        uid=user["uid"],
        gid=user["gid"],
        groups=tuple(user["additionalGids"]),
        bounding=_bits(capabilities["bounding"]),
        effective=_bits(capabilities["effective"]),
        permitted=_bits(capabilities["permitted"]),
        no_new_privileges=process["noNewPrivileges"],
        filter=program.hex(),
        terminal=process["terminal"],
        working_dir=process["cwd"],
        arguments=tuple(process["args"]),
        env=tuple(process["env"]),
    )


def _is_plain(linux: dict[str, Any], process: dict[str, Any]) -> bool:
    capabilities = process["capabilities"]
    names = {name for each in capabilities.values() for name in each}
    return (
        process.keys() <= _PROCESS_KEYS
        and process["user"].keys() <= _USER_KEYS
        and capabilities.keys() == _CAPABILITY_SETS
        and names <= set(CAPABILITIES)
        and {each["type"] for each in linux["namespaces"]} <= NAMESPACES.keys()
        and all(hasattr(resource, each["type"]) for each in process["rlimits"])
        and process["cwd"].startswith("/")
        and all(map(_can_be_told, [process["cwd"], *process["args"], *process["env"]]))
    )


def _can_be_told(text: str) -> bool:
    # Of half a character the runtime makes another; of a NUL it says that it cannot be.
    return "\0" not in text and not _HALF.search(text)


def _bits(names: Sequence[str]) -> int:
    return sum(1 << CAPABILITIES.index(each) for each in set(names))


def _limit(limit: dict[str, Any]) -> tuple[int, int, int]:
    return getattr(resource, limit["type"]), limit["soft"], limit["hard"]
