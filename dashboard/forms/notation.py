"""
Settings with parts, as people write them in one line: the notations of `docker run`.

Each notation reads a line into the JSON of one part of the settings and writes it back. What it
reads is judged by the settings themselves; here only the form of the line is.
"""

from __future__ import annotations

import re
from typing import Any

from django import forms

from dashboard.forms.texts import parse_memory, render_amount

Part = dict[str, Any]

_PORT = re.compile(
    r"(?:(?:(?P<ip>\[[0-9a-fA-F:.]+\]|[0-9.]+):)?(?P<host>\d{1,5}(?:-\d{1,5})?)?:)?"
    r"(?P<port>\d{1,5}(?:-\d{1,5})?)(?:/(?P<protocol>[a-z]+))?",
    re.ASCII,
)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)", re.ASCII)
_NANOSECONDS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_PROPAGATIONS = frozenset({"private", "rprivate", "shared", "rshared", "slave", "rslave"})
# Labels of a security module that is not there are accepted and have no effect, as docker does.
_IGNORED = frozenset({"rw", "z", "Z", "cached", "delegated", "consistent", "copy"})
MOST_PORTS = 1000


def parse_ports(line: str) -> list[Part]:
    """Return the bindings of `[[address:]host:]port[/protocol]`, one for each port of a range."""
    match = _PORT.fullmatch(line)
    if match is None:
        raise forms.ValidationError(f"“{line}” is no port. Write 8080:80 or 127.0.0.1:53:53/udp.")
    first, last = _range(match["port"])
    low, high = _range(match["host"] or "0")
    if last - first >= MOST_PORTS:
        raise forms.ValidationError(f"“{line}” are more than {MOST_PORTS} ports.")
    if first != last and low and high - low != last - first:
        raise forms.ValidationError(f"“{line}”: both ranges must be of the same length.")
    common = {"protocol": match["protocol"] or "tcp", "host_ip": (match["ip"] or "").strip("[]")}
    if first == last:
        end = high if high != low else 0
        return [{"container_port": first, "host_port": low, "host_port_end": end, **common}]
    return [
        {"container_port": first + step, "host_port": low + step if low else 0, **common}
        for step in range(last - first + 1)
    ]


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
    """Return the mount of `[source:]target[:options]`: a bind, a named or an anonymous volume."""
    parts = line.split(":")
    if len(parts) > 3 or not all(parts):
        raise forms.ValidationError(f"“{line}” is no mount. Write source:/target or …:/target:ro.")
    source, target, options = ("", *parts, "") if len(parts) == 1 else (*parts, "", "")[:3]
    part: Part = {"kind": "volume", "source": source, "target": target}
    if source.startswith("/"):
        part |= {"kind": "bind", "make_source": True}
    for option in filter(None, options.split(",")):
        if option == "ro":
            part["read_only"] = True
        elif option == "nocopy":
            part["no_copy"] = True
        elif option in _PROPAGATIONS:
            part["propagation"] = option
        elif option not in _IGNORED:
            raise forms.ValidationError(f"“{line}”: there is no option “{option}”.")
    return part


def parse_tmpfs(line: str) -> Part:
    """Return the mount of `target[:options]` in memory."""
    target, _, options = line.partition(":")
    part: Part = {"kind": "tmpfs", "target": target}
    others = []
    for option in filter(None, options.split(",")):
        name, _, value = option.partition("=")
        if name == "size":
            part["size"] = parse_memory(value)
        elif name == "mode" and re.fullmatch(r"[0-7]{1,5}", value):
            part["mode"] = int(value, 8)
        elif option == "ro":
            part["read_only"] = True
        elif option != "rw":
            others.append(option)
    return {**part, "options": others}


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
    name, _, values = line.partition("=")
    soft, _, hard = values.partition(":")
    try:
        return {"name": name, "soft": int(soft), "hard": int(hard or soft)}
    except ValueError as error:
        message = f"“{line}” is no limit. Write nofile=1024:2048."
        raise forms.ValidationError(message) from error


def render_ulimit(part: Part) -> str:
    """Return the line that is read as *part*."""
    soft, hard = part["soft"], part["hard"]
    return f"{part['name']}={soft}" if soft == hard else f"{part['name']}={soft}:{hard}"


def parse_device(line: str) -> Part:
    """Return the device of `/dev/host[:/dev/inside[:rwm]]`."""
    parts = line.split(":")
    if len(parts) > 3:
        raise forms.ValidationError(f"“{line}” is no device. Write /dev/fuse or /dev/a:/dev/b:r.")
    names = ("host_path", "container_path", "permissions")
    return {name: value for name, value in zip(names, parts, strict=False) if value}


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
    """Return the rate of `/dev/sda=10m`."""
    path, _, rate = line.partition("=")
    return {"path": path, "rate": parse_memory(rate) or 0}


def render_rate(part: Part) -> str:
    """Return the line that is read as *part*."""
    return f"{part['path']}={render_amount(part['rate'])}"


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


def _range(text: str) -> tuple[int, int]:
    low, _, high = text.partition("-")
    first, last = int(low), int(high or low)
    if last < first:
        raise forms.ValidationError(f"The range {text} ends before it begins.")
    return first, last
