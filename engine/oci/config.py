"""
Image configs: the JSON whose digest is the image ID (image-spec config.md).

A config is kept together with the very bytes it was read from, because its identity is their
digest: fields that this engine does not know survive a pull and a push untouched.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from engine.errors import InvalidDigest, InvalidImageConfig
from engine.oci.digest import DiffID, Digest, ImageID
from engine.oci.fields import Fields, parse_object
from engine.oci.healthcheck import read_healthcheck, write_healthcheck
from engine.oci.platform import Platform, normalise_architecture
from engine.oci.timestamps import parse_timestamp, render_timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from engine.oci.healthcheck import Healthcheck

MAX_BYTES = 4 * 1024 * 1024
MAX_LAYERS = 512
MAX_HISTORY = 4096


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One instruction that made the image; an *is_empty_layer* changed no file."""

    created_at: datetime | None = None
    created_by: str = ""
    author: str = ""
    comment: str = ""
    is_empty_layer: bool = False


@dataclass(frozen=True, slots=True)
class ProcessDefaults:
    """What a container gets when its settings do not say otherwise (config.md, "config")."""

    user: str = ""
    exposed_ports: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    working_dir: str = ""
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    stop_signal: str = ""
    healthcheck: Healthcheck | None = None
    on_build: tuple[str, ...] = ()
    shell: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """An image config and the bytes that spell it."""

    platform: Platform
    diff_ids: tuple[DiffID, ...]
    history: tuple[HistoryEntry, ...]
    defaults: ProcessDefaults
    created_at: datetime | None
    author: str
    content: bytes = field(repr=False)

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Return the config that *content* spells; raise `InvalidImageConfig`."""
        fields = parse_object(content, limit=MAX_BYTES, complain=_complain)
        return cls(
            platform=_read_platform(fields),
            diff_ids=_read_diff_ids(fields),
            history=tuple(_read_history(e) for e in fields.children("history", limit=MAX_HISTORY)),
            defaults=_read_defaults(fields.child("config")),
            created_at=parse_timestamp(fields.text("created", "")),
            author=fields.text("author", ""),
            content=content,
        )

    @property
    def image_id(self) -> ImageID:
        """The digest of the config's bytes."""
        return ImageID(Digest.of(self.content))


def read_labels(content: bytes) -> dict[str, str]:
    """Return the labels in *content*, which has been parsed before, without reading the rest."""
    found = (json.loads(content).get("config") or {}).get("Labels")
    return dict(found or {})


def render_config(
    *,
    platform: Platform,
    diff_ids: tuple[DiffID, ...],
    history: tuple[HistoryEntry, ...],
    defaults: ProcessDefaults,
    created_at: datetime,
    author: str = "",
) -> bytes:
    """Return the bytes of a new config: equal values give equal bytes."""
    document: dict[str, Any] = {
        "created": render_timestamp(created_at),
        "architecture": platform.architecture,
        "os": platform.os,
        "config": written_defaults(defaults),
        "rootfs": {"type": "layers", "diff_ids": [str(each) for each in diff_ids]},
        "history": [_write_history(entry) for entry in history],
    }
    if platform.variant:
        document["variant"] = platform.variant
    if author:
        document["author"] = author
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()


def _complain(field_name: str, reason: str) -> InvalidImageConfig:
    return InvalidImageConfig(reason, field=field_name or "config")


def _read_platform(fields: Fields) -> Platform:
    architecture = fields.text("architecture", "")
    names = normalise_architecture(architecture, fields.text("variant", ""))
    return Platform(fields.text("os", "linux"), *names)


def _read_diff_ids(fields: Fields) -> tuple[DiffID, ...]:
    rootfs = fields.child("rootfs")
    if rootfs is None:
        raise fields.error("rootfs", "is missing")
    texts = rootfs.texts("diff_ids")
    if len(texts) > MAX_LAYERS:
        raise rootfs.error("diff_ids", f"has more than {MAX_LAYERS} entries")
    try:
        return tuple(DiffID(Digest.parse(text)) for text in texts)
    except InvalidDigest as error:
        raise rootfs.error("diff_ids", f"holds {error.text!r}, which is no digest") from error


def _read_history(fields: Fields) -> HistoryEntry:
    return HistoryEntry(
        created_at=parse_timestamp(fields.text("created", "")),
        created_by=fields.text("created_by", ""),
        author=fields.text("author", ""),
        comment=fields.text("comment", ""),
        is_empty_layer=fields.flag("empty_layer"),
    )


def _write_history(entry: HistoryEntry) -> dict[str, Any]:
    written: dict[str, Any] = {
        "created": render_timestamp(entry.created_at) if entry.created_at else "",
        "created_by": entry.created_by,
        "author": entry.author,
        "comment": entry.comment,
        "empty_layer": entry.is_empty_layer,
    }
    return {key: value for key, value in written.items() if value}


def _read_defaults(fields: Fields | None) -> ProcessDefaults:
    if fields is None:
        return ProcessDefaults()
    return ProcessDefaults(
        user=fields.text("User", ""),
        exposed_ports=fields.keys("ExposedPorts"),
        env=fields.texts("Env"),
        entrypoint=fields.texts("Entrypoint"),
        command=fields.texts("Cmd"),
        volumes=fields.keys("Volumes"),
        working_dir=fields.text("WorkingDir", ""),
        labels=fields.mapping("Labels"),
        stop_signal=fields.text("StopSignal", ""),
        healthcheck=read_healthcheck(fields.child("Healthcheck")),
        on_build=fields.texts("OnBuild"),
        shell=fields.texts("Shell"),
    )


def written_defaults(defaults: ProcessDefaults) -> dict[str, Any]:
    """Return the field `config` of an image config: equal values give equal objects."""
    written: dict[str, Any] = {
        "User": defaults.user,
        "ExposedPorts": {port: {} for port in defaults.exposed_ports},
        "Env": list(defaults.env),
        "Entrypoint": list(defaults.entrypoint),
        "Cmd": list(defaults.command),
        "Volumes": {path: {} for path in defaults.volumes},
        "WorkingDir": defaults.working_dir,
        "Labels": dict(defaults.labels),
        "StopSignal": defaults.stop_signal,
        "Healthcheck": write_healthcheck(defaults.healthcheck),
        "OnBuild": list(defaults.on_build),
        "Shell": list(defaults.shell),
    }
    return {key: value for key, value in written.items() if value}
