"""RUN: its command, its here-documents and its mounts."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from engine.dockerfile.forms import Flags, command_of, missing, suggestion
from engine.dockerfile.instructions import Run, RunMount
from engine.errors import DockerfileError, MissingArgument

if TYPE_CHECKING:
    from engine.dockerfile.parser import Line

NETWORKS = ("default", "none", "host")
SECURITIES = ("sandbox", "insecure")
BIND = "bind"
_BIND = ("target", "dst", "destination", "source", "src", "from", "rw", "readwrite", "ro")
_OWNED = ("id", "target", "dst", "destination", "required", "mode", "uid", "gid")
MOUNT_OPTIONS: dict[str, tuple[str, ...]] = {
    BIND: (*_BIND, "readonly"),
    "cache": (*_BIND, "readonly", "id", "sharing", "mode", "uid", "gid"),
    "tmpfs": ("target", "dst", "destination", "size"),
    "secret": (*_OWNED, "env"),
    "ssh": _OWNED,
}
TARGETS = ("target", "dst", "destination")
NEED_TARGET = frozenset({BIND, "cache", "tmpfs"})
SHARINGS = ("shared", "private", "locked")


def read_run(line: Line, _: str) -> Run:
    """Return the RUN that *line* is."""
    flags = Flags(line, ("mount", "network", "security"))
    if not line.rest.strip():
        raise missing(line, "at least one argument")
    command = command_of(line)
    if not command.words:
        raise missing(line, "at least one argument")
    return Run(
        line,
        command,
        tuple(_read_mount(line, offset, text) for offset, text in flags.texts("mount")),
        network=_one_of(line, "network", flags.text("network"), NETWORKS),
        security=_one_of(line, "security", flags.text("security"), SECURITIES),
        heredocs=line.heredocs,
    )


def _one_of(line: Line, name: str, value: str, known: tuple[str, ...]) -> str:
    if value and value not in known:
        remedy = "Choose one of: " + ", ".join(known)
        raise line.flag_error(name, f"={value[:40]} is not known", remedy=remedy)
    return value


def _read_mount(line: Line, offset: int, text: str) -> RunMount:
    fields = _fields(line, offset, text)
    options = [_option(each) for each in fields]
    kind = dict(options).get("type", BIND).lower()
    if kind not in MOUNT_OPTIONS:
        remedy = suggestion(kind, MOUNT_OPTIONS) or "Known are " + ", ".join(MOUNT_OPTIONS) + "."
        raise _complain(line, offset, f"unsupported mount type {kind[:40]!r}", remedy)
    for name, value in options:
        if name != "type":
            _check_option(line, offset, kind, name, value)
    mount = RunMount(kind, tuple(each for each in options if each[0] != "type"), offset)
    if kind in NEED_TARGET and not mount.get(*TARGETS):
        reason = f"a mount of type {kind} needs a target"
        raise line.source.error(MissingArgument, reason, offset=offset, remedy="Add target=/path.")
    return mount


def _fields(line: Line, offset: int, text: str) -> list[str]:
    try:
        rows = list(csv.reader([text], strict=True))
    except csv.Error as error:
        raise _complain(line, offset, f"--mount cannot be read: {error}") from error
    return [each.strip() for row in rows for each in row if each.strip()]


def _option(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip().lower(), value


def _check_option(line: Line, offset: int, kind: str, name: str, value: str) -> None:
    known = MOUNT_OPTIONS[kind]
    if name not in known:
        remedy = suggestion(name, known)
        raise _complain(line, offset, f"unexpected key {name[:40]!r} in a {kind} mount", remedy)
    if name == "sharing" and value not in SHARINGS:
        remedy = "Choose one of: " + ", ".join(SHARINGS)
        raise _complain(line, offset, f"unsupported sharing value {value[:40]!r}", remedy)
    is_number = name in {"uid", "gid"} and "$" not in value
    if is_number and not (value.isdecimal() and len(value) < 11):
        raise _complain(line, offset, f"{name} must be a number, not {value[:40]!r}")


def _complain(line: Line, offset: int, reason: str, remedy: str = "") -> DockerfileError:
    return line.source.error(DockerfileError, reason, offset=offset, remedy=remedy)
