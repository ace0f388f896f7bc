"""The capabilities of a container: docker's default fourteen, and none of them inheritable."""

from __future__ import annotations

from engine.settings.capabilities import CAPABILITIES

DEFAULT_CAPABILITIES = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FSETID",
    "CAP_FOWNER",
    "CAP_MKNOD",
    "CAP_NET_RAW",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETFCAP",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT",
    "CAP_KILL",
    "CAP_AUDIT_WRITE",
)


def all_capabilities(bits: int) -> tuple[str, ...]:
    """Return all capabilities that a host whose own are *bits* can give away."""
    return tuple(name for number, name in enumerate(CAPABILITIES) if bits >> number & 1)


def capability_sets(granted: tuple[str, ...], *, is_root: bool) -> dict[str, list[str]]:
    """
    Return the sets of a process that may use *granted*.

    Inheritable and ambient stay empty: what is inheritable could be gained from a file's own
    capabilities (CVE-2022-24769). A user other than root has them in its bounding set alone.
    """
    usable = list(granted) if is_root else []
    return {"bounding": list(granted), "effective": usable, "permitted": usable}
