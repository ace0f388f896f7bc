"""A network namespace for the tests: bridges, rules and ports of theirs are nobody else's."""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import socket
import struct
import subprocess

CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS = 0x8913, 0x8914
IFF_UP = 1


def leave_the_network() -> bool:
    """
    Enter a new network that has nothing but loopback; return whether we did.

    Without root we stay where we are.
    """
    if os.geteuid() != 0 or ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        return False
    _raise_loopback()
    return True


def remove_idle_bridges() -> None:
    """
    Remove the bridges in which nobody stands; whoever needs one again makes it again.

    Each engine leaves its default bridge to the next start of a container, and there are no more
    than thirty-one subnets to choose from.
    """
    for link in _links("type", "bridge"):
        if not _links("master", link["ifname"]):
            subprocess.run(["ip", "link", "delete", link["ifname"]], check=False)


def _links(*words: str) -> list[dict[str, str]]:
    listed = subprocess.run(["ip", "-j", "link", "show", *words], capture_output=True, check=True)
    return [link for link in json.loads(listed.stdout or b"[]") if link]


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh22x", b"lo", 0)
        _, flags = struct.unpack("16sh22x", fcntl.ioctl(control, SIOCGIFFLAGS, request))
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | IFF_UP))
