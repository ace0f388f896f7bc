"""`--volume`, `--mount` and `--tmpfs`, read into mount points."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.errors import InvalidSetting
from engine.settings.docker_run.amounts import parse_bytes
from engine.settings.mounts import PROPAGATIONS, MountKind, MountPoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.settings.docker_run.flags import Given

FIELD = "mounts"
# Taken and without meaning here: labels of SELinux, and how strictly a desktop's share is kept.
_MEANINGLESS = frozenset({"rw", "z", "Z", "consistent", "cached", "delegated", "copy"})


def read_mounts(given: Given) -> dict[str, Any]:
    """Return the mounts that a line asks for."""
    driver = given.last("volume-driver")
    if driver not in {"", "local"}:
        raise InvalidSetting(FIELD, f"--volume-driver {driver[:40]} is not on this host")
    mounts = [
        *map(read_volume, given.all("volume")),
        *map(read_mount, given.all("mount")),
        *map(read_tmpfs, given.all("tmpfs")),
    ]
    return {"mounts": tuple(mounts), "volumes_from": given.all("volumes-from")}


def read_volume(text: str) -> MountPoint:
    """Return the mount of `-v [SOURCE:]TARGET[:OPTIONS]`."""
    parts = text.split(":")
    if len(parts) > 3 or "" in parts:
        raise InvalidSetting(FIELD, f"invalid volume specification: '{text[:120]}'")
    if len(parts) == 1:
        return MountPoint(MountKind.VOLUME, parts[0])
    source, target, *options = parts
    if source.startswith((".", "~")):
        raise InvalidSetting(
            FIELD, f"{source[:80]!r} depends on where one stands", remedy="Write an absolute path."
        )
    kind = MountKind.BIND if source.startswith("/") else MountKind.VOLUME
    more = _volume_options(",".join(options), text)
    return MountPoint(kind, target, source, make_source=kind is MountKind.BIND, **more)


def _volume_options(options: str, whole: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for option in filter(None, options.split(",")):
        if option == "ro":
            found["read_only"] = True
        elif option == "nocopy":
            found["no_copy"] = True
        elif option in PROPAGATIONS:
            found["propagation"] = option
        elif option not in _MEANINGLESS:
            raise InvalidSetting(
                FIELD, f"invalid volume specification: '{whole[:120]}': unknown mode {option[:40]}"
            )
    return found


def read_tmpfs(text: str) -> MountPoint:
    """Return the mount of `--tmpfs TARGET[:OPTIONS]`."""
    target, _, options = text.partition(":")
    return MountPoint(MountKind.TMPFS, target, options=tuple(filter(None, options.split(","))))


@dataclass(slots=True)
class _Draft:
    """A mount whose fields are still coming in."""

    kind: str = "volume"
    fields: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    driver_options: dict[str, str] = field(default_factory=dict)


def read_mount(text: str) -> MountPoint:
    """Return the mount of `--mount type=…,source=…,target=…`."""
    draft = _Draft()
    for key, value in _fields(text):
        take = _TAKERS.get(key)
        if take is None:
            raise InvalidSetting(FIELD, f"unexpected key '{key[:40]}' in '{text[:120]}'")
        take(draft, value)
    if draft.kind not in list(MountKind):
        raise InvalidSetting(FIELD, f"mount type {draft.kind[:40]!r} is not supported")
    if "target" not in draft.fields:
        raise InvalidSetting(FIELD, "target is required")
    return MountPoint(
        MountKind(draft.kind),
        labels=draft.labels,
        driver_options=draft.driver_options,
        **draft.fields,
    )


def _fields(text: str) -> Iterator[tuple[str, str]]:
    try:
        row = next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        raise InvalidSetting(FIELD, f"invalid field in '{text[:120]}'") from error
    for each in row:
        key, equals, value = each.partition("=")
        if not equals and key not in {"readonly", "ro", "volume-nocopy", "bind-create-src"}:
            raise InvalidSetting(FIELD, f"invalid field '{each[:60]}' must be a key=value pair")
        yield key.strip().lower(), value if equals else "true"


def _kind(draft: _Draft, value: str) -> None:
    draft.kind = value.lower()


def _text(name: str) -> Callable[[_Draft, str], None]:
    return lambda draft, value: draft.fields.__setitem__(name, value)


def _flag(name: str) -> Callable[[_Draft, str], None]:
    def take(draft: _Draft, value: str) -> None:
        if value not in {"true", "1", "false", "0"}:
            raise InvalidSetting(FIELD, f"invalid value for {name}: {value[:40]}")
        draft.fields[name] = value in {"true", "1"}

    return take


def _pair(name: str) -> Callable[[_Draft, str], None]:
    def take(draft: _Draft, value: str) -> None:
        key, _, text = value.partition("=")
        getattr(draft, name)[key] = text

    return take


def _size(draft: _Draft, value: str) -> None:
    draft.fields["size"] = parse_bytes(FIELD, value)


def _mode(draft: _Draft, value: str) -> None:
    if not value or set(value) - set("01234567") or len(value) > 5:
        raise InvalidSetting(FIELD, f"invalid value for tmpfs-mode: {value[:40]}")
    draft.fields["mode"] = int(value, 8)


def _nothing(draft: _Draft, value: str) -> None:
    """Take what has no meaning here."""


def _recursive(_draft: _Draft, value: str) -> None:
    if value != "enabled":
        raise InvalidSetting(FIELD, f"bind-recursive={value[:20]} is not supported")


_TAKERS: dict[str, Callable[[_Draft, str], None]] = {
    "type": _kind,
    **dict.fromkeys(("source", "src"), _text("source")),
    **dict.fromkeys(("target", "dst", "destination"), _text("target")),
    **dict.fromkeys(("readonly", "ro"), _flag("read_only")),
    "bind-propagation": _text("propagation"),
    "bind-create-src": _flag("make_source"),
    "bind-recursive": _recursive,
    "consistency": _nothing,
    "volume-nocopy": _flag("no_copy"),
    "volume-label": _pair("labels"),
    "volume-driver": _text("driver"),
    "volume-opt": _pair("driver_options"),
    "tmpfs-size": _size,
    "tmpfs-mode": _mode,
}
