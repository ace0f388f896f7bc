"""The capabilities of Linux, as people write them and as the kernel numbers them."""

from __future__ import annotations

from engine.errors import InvalidSetting

ALL = "ALL"
# By number, from 0 on (linux/capability.h).
_NAMES = """
    CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
    NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO
    SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME
    SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG
    WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE
"""
CAPABILITIES = tuple(f"CAP_{name}" for name in _NAMES.split())
# What docker gives to every container.
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


def canonical_capability(text: str) -> str:
    """Return *text* as the kernel's headers write it: `net_admin` is CAP_NET_ADMIN."""
    name = text.strip().upper()
    return name if name == ALL or name.startswith("CAP_") else f"CAP_{name}"


def check_capability(field: str, text: str) -> None:
    """Raise `InvalidSetting` on *field* unless *text* names a capability, or all."""
    name = canonical_capability(text)
    if name != ALL and name not in CAPABILITIES:
        words = "".join(part.capitalize() for part in field.split("_"))
        raise InvalidSetting(field, f'invalid {words}: unknown capability: "{name[:60]}"')
