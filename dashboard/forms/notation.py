"""
Settings with parts, as people write them in one line: the notations of `docker run`.

Each notation reads a line into the JSON of one part of the settings and writes it back. What it
reads is judged by the settings themselves; here only the form of the line is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django import forms

from dashboard.forms.texts import parse_memory, render_amount
from engine.errors import InvalidSetting
from engine.settings.docker_run.mounting import read_mount, read_tmpfs, read_volume
from engine.settings.docker_run.networking import read_published
from engine.settings.docker_run.resources import read_device, read_ulimit
from engine.settings.reading import write_value

if TYPE_CHECKING:
    from collections.abc import Callable

Part = dict[str, Any]

MOST_DIGITS = 19
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)", re.ASCII)
_NANOSECONDS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


def _read(read: Callable[[str], Any], line: str) -> Any:
    """Return what *read* makes of *line*, or say what it says at the field."""
    try:
        return read(line)
    except InvalidSetting as error:
        told = error.message.removeprefix(f"{error.field}: ")
        raise forms.ValidationError(" ".join(filter(None, (told, error.remedy)))) from error


def parse_ports(line: str) -> list[Part]:
    """Return the bindings of `[[address:]host:]port[/protocol]`, one for each port of a range."""
    return [write_value(each) for each in _read(read_published, line)]


def render_port(part: Part) -> str:
    """Return the line that is read as *part*."""
    address, low, high = (part.get(name) for name in ("host_ip", "host_port", "host_port_end"))
    text = str(part["container_port"])
    if low or address:
        text = f"{low or ''}{f'-{high}' if high else ''}:{text}"
    if address:
        text = f"[{address}]:{text}" if ":" in address else f"{address}:{text}"
    protocol = part.get("protocol", "tcp")
    return text if protocol == "tcp" else f"{text}/{protocol}"


def parse_mount(line: str) -> Part:
    """Return the mount of `[source:]target[:options]`, or of `type=…,source=…,target=…`."""
    return write_value(_read(read_mount if "type=" in line else read_volume, line))


def parse_tmpfs(line: str) -> Part:
    """Return the mount of `target[:options]` in memory."""
    return write_value(_read(read_tmpfs, line))


def render_mount(part: Part) -> str:
    """Return the line that is read as *part*."""
    if part.get("kind") == "tmpfs":
        return _render_tmpfs(part)
    options = [
        *(["ro"] if part.get("read_only") else []),
        *(["nocopy"] if part.get("no_copy") else []),
        *([part["propagation"]] if part.get("propagation") else []),
    ]
    line = f"{part['source']}:{part['target']}" if part.get("source") else part["target"]
    return f"{line}:{','.join(options)}" if options and part.get("source") else str(line)


def parse_ulimit(line: str) -> Part:
    """Return the limit of `name=soft[:hard]`."""
    return write_value(_read(read_ulimit, line))


def render_ulimit(part: Part) -> str:
    """Return the line that is read as *part*."""
    soft, hard = part["soft"], part["hard"]
    return f"{part['name']}={soft}" if soft == hard else f"{part['name']}={soft}:{hard}"


def parse_device(line: str) -> Part:
    """Return the device of `/dev/host[:/dev/inside[:rwm]]`."""
    return write_value(_read(read_device, line))


def render_device(part: Part) -> str:
    """Return the line that is read as *part*."""
    inside, permissions = part.get("container_path"), part.get("permissions", "rwm")
    words = [part["host_path"], inside or part["host_path"], permissions]
    if permissions == "rwm":
        words.pop()
        if not inside or inside == part["host_path"]:
            words.pop()
    return ":".join(words)


def parse_rate(line: str) -> Part:
    """Return the bytes a second of `/dev/sda:10m`."""
    path, rate = _of_device(line)
    return {"path": path, "rate": parse_memory(rate) or 0}


def render_rate(part: Part) -> str:
    """Return the line that is read as *part*."""
    return f"{part['path']}:{render_amount(part['rate'])}"


def parse_count(line: str) -> Part:
    """Return the operations a second of `/dev/sda:1000`."""
    path, rate = _of_device(line)
    return {"path": path, "rate": _number(rate)}


def render_count(part: Part) -> str:
    """Return the line that is read as *part*."""
    return f"{part['path']}:{part['rate']}"


def parse_weight(line: str) -> Part:
    """Return the weight of `/dev/sda:500`."""
    path, weight = _of_device(line)
    return {"path": path, "weight": _number(weight)}


def render_weight(part: Part) -> str:
    """Return the line that is read as *part*."""
    return f"{part['path']}:{part['weight']}"


def _of_device(line: str) -> tuple[str, str]:
    path, colon, amount = line.rpartition(":")
    if not colon or not amount:
        raise forms.ValidationError(f"“{line}”: write the device, a colon and how much.")
    return path, amount


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < MOST_DIGITS):
        raise forms.ValidationError(f"“{text}” is no whole number.")
    return int(text)


def parse_endpoint(line: str) -> Part:
    """Return the place in a network of `name [alias=…] [ip=…] [ip6=…] [mac=…]`."""
    name, *words = line.split()
    part: Part = {"network": name, "aliases": []}
    keys = {"ip": "ipv4", "ip6": "ipv6", "mac": "mac"}
    for word in words:
        key, _, value = word.partition("=")
        if key == "alias" and value:
            part["aliases"].append(value)
        elif key in keys and value:
            part[keys[key]] = value
        else:
            raise forms.ValidationError(f"“{line}”: write alias=…, ip=…, ip6=… or mac=….")
    return part


def render_endpoint(part: Part) -> str:
    """Return the line that is read as *part*."""
    keys = (("ip", "ipv4"), ("ip6", "ipv6"), ("mac", "mac"))
    words = [f"alias={alias}" for alias in part.get("aliases") or ()]
    words += [f"{key}={part[name]}" for key, name in keys if part.get(name)]
    return " ".join([part["network"], *words])


def parse_duration(text: str) -> int:
    """Return the nanoseconds of `1m30s`; 0 for nothing."""
    found = _DURATION.findall(text)
    if "".join(number + unit for number, unit in found) != text:
        raise forms.ValidationError(f"“{text}” is no time. Write 30s, 1m30s or 500ms.")
    return int(sum(float(number) * _NANOSECONDS[unit] for number, unit in found))


def render_duration(nanoseconds: int) -> str:
    """Return the shortest text that is read as *nanoseconds*."""
    for unit in ("h", "m", "s", "ms", "us"):
        if nanoseconds % _NANOSECONDS[unit] == 0:
            return f"{nanoseconds // _NANOSECONDS[unit]}{unit}"
    return f"{nanoseconds}ns"


def _render_tmpfs(part: Part) -> str:
    options = [
        *(["ro"] if part.get("read_only") else []),
        *([f"size={render_amount(part['size'])}"] if part.get("size") else []),
        *([f"mode={part['mode']:o}"] if part.get("mode") is not None else []),
        *(part.get("options") or ()),
    ]
    return f"{part['target']}:{','.join(options)}" if options else str(part["target"])
