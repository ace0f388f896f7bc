"""The four ways in which docker's clients ask for mounts, as one kind of value; and back."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any

from engine.dockerapi.refusals import Refusal, refusal_of
from engine.errors import InvalidSetting
from engine.settings import MountKind, MountPoint
from engine.settings.mounts import PROPAGATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.dockerapi.fields import Fields

_VOLUME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", re.ASCII)
IGNORED_MODES = frozenset({"z", "Z", "consistent", "cached", "delegated", "rw"})


def mounts_of(config: Fields, host: Fields) -> tuple[MountPoint, ...]:
    """Return what `Binds`, `Mounts`, `Tmpfs` and `Volumes` ask for together."""
    driver = host.text("VolumeDriver")
    mounts = [_bind(each, driver) for each in host.texts("Binds")]
    mounts += [_mount(each) for each in host.children("Mounts")]
    mounts += [
        MountPoint(kind=MountKind.TMPFS, target=target, options=_words(options))
        for target, options in host.mapping("Tmpfs").items()
    ]
    taken = {posixpath.normpath(each.target) for each in mounts}
    return (
        *mounts,
        *(
            MountPoint(kind=MountKind.VOLUME, target=target, driver=driver)
            for target in config.keys("Volumes")
            if posixpath.normpath(target) not in taken
        ),
    )


def _bind(text: str, driver: str) -> MountPoint:
    try:
        return _parse_bind(text, driver)
    except InvalidSetting as error:
        words = f"invalid volume specification: '{text[:200]}': {refusal_of(error).message}"
        raise Refusal(400, words) from error


def _parse_bind(text: str, driver: str) -> MountPoint:
    """Return the mount that `[source:]target[:modes]` spells."""
    parts = text.split(":")
    if len(parts) > 3 or not all(parts):
        raise Refusal(400, f"invalid volume specification: '{text[:200]}'")
    if len(parts) == 1:
        return MountPoint(kind=MountKind.VOLUME, target=parts[0], driver=driver)
    source, target = parts[:2]
    modes = parts[2].split(",") if len(parts) == 3 else []
    kind = MountKind.BIND if source.startswith("/") else MountKind.VOLUME
    if {"ro", "rw"} <= set(modes):
        raise Refusal(400, f"invalid mode: {','.join(modes)[:80]}")
    propagation = _propagation(kind, modes)
    if kind is MountKind.VOLUME and not _VOLUME.fullmatch(source):
        raise Refusal(
            400,
            f'create {source[:200]}: "{source[:200]}" includes invalid characters for a local '
            'volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a '
            "host directory, use absolute path",
        )
    return MountPoint(
        kind=kind,
        target=target,
        source=source,
        read_only="ro" in modes,
        propagation=propagation,
        no_copy="nocopy" in modes,
        driver=driver if kind is MountKind.VOLUME else "",
        make_source=kind is MountKind.BIND,
    )


def _propagation(kind: MountKind, modes: list[str]) -> str:
    others = [each for each in modes if each not in IGNORED_MODES | {"ro", "nocopy"}]
    if not others:
        return ""
    if len(others) > 1 or others[0] not in PROPAGATIONS or kind is not MountKind.BIND:
        raise Refusal(400, f"invalid mode: {','.join(modes)[:80]}")
    return others[0]


def _mount(mount: Fields) -> MountPoint:
    kind = mount.text("Type")
    if kind not in {each.value for each in MountKind}:
        raise Refusal(400, f'invalid mount config for type "{kind[:40]}": mount type unknown')
    bind, volume, tmpfs = (
        mount.child(each) for each in ("BindOptions", "VolumeOptions", "TmpfsOptions")
    )
    driver = volume.child("DriverConfig")
    return MountPoint(
        kind=MountKind(kind),
        target=mount.text("Target"),
        source=mount.text("Source"),
        read_only=mount.flag("ReadOnly"),
        propagation=bind.text("Propagation"),
        make_source=bind.flag("CreateMountpoint"),
        no_copy=volume.flag("NoCopy"),
        subpath=volume.text("Subpath"),
        labels=volume.mapping("Labels"),
        driver=driver.text("Name"),
        driver_options=driver.mapping("Options"),
        size=tmpfs.number("SizeBytes"),
        mode=tmpfs.optional_number("Mode"),
    )


def _words(options: str) -> tuple[str, ...]:
    return tuple(each for each in options.split(",") if each)


# --- And back -----------------------------------------------------------------------------------


def binds_of(mounts: Iterable[MountPoint]) -> list[str]:
    """Return docker's `Binds`: what `-v` says."""
    return [_render_bind(each) for each in mounts if _is_bind(each)]


def mount_list_of(mounts: Iterable[MountPoint]) -> list[dict[str, Any]]:
    """Return docker's `HostConfig.Mounts`: what only `--mount` says."""
    return [
        _render_mount(each)
        for each in mounts
        if not _is_bind(each) and not _is_tmpfs(each) and not each.is_anonymous
    ]


def tmpfs_of(mounts: Iterable[MountPoint]) -> dict[str, str]:
    """Return docker's `Tmpfs`: what `--tmpfs` says."""
    return {each.target: ",".join(each.options) for each in mounts if _is_tmpfs(each)}


def _is_bind(mount: MountPoint) -> bool:
    if mount.kind is MountKind.BIND:
        return mount.make_source
    is_plain = not (mount.labels or mount.driver or mount.driver_options or mount.subpath)
    return mount.kind is MountKind.VOLUME and not mount.is_anonymous and is_plain


def _is_tmpfs(mount: MountPoint) -> bool:
    return mount.kind is MountKind.TMPFS and not mount.size and mount.mode is None


def _render_bind(mount: MountPoint) -> str:
    modes = modes_of(mount)
    return ":".join([mount.source, mount.target, *([modes] if modes else [])])


def modes_of(mount: MountPoint) -> str:
    """Return what stands last in `-v source:target:modes`."""
    modes = [
        *(["ro"] if mount.read_only else []),
        *([mount.propagation] if mount.propagation else []),
        *(["nocopy"] if mount.no_copy else []),
    ]
    return ",".join(modes)


def _render_mount(mount: MountPoint) -> dict[str, Any]:
    written: dict[str, Any] = {"Type": str(mount.kind), "Target": mount.target}
    if mount.source:
        written["Source"] = mount.source
    if mount.read_only:
        written["ReadOnly"] = True
    if mount.propagation:
        written["BindOptions"] = {"Propagation": mount.propagation}
    if mount.kind is MountKind.VOLUME:
        written["VolumeOptions"] = _render_volume(mount)
    if mount.kind is MountKind.TMPFS:
        options = {"SizeBytes": mount.size, "Mode": mount.mode or 0}
        written["TmpfsOptions"] = {key: value for key, value in options.items() if value}
    return written


def _render_volume(mount: MountPoint) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if mount.no_copy:
        options["NoCopy"] = True
    if mount.subpath:
        options["Subpath"] = mount.subpath
    if mount.labels:
        options["Labels"] = dict(mount.labels)
    if mount.driver or mount.driver_options:
        options["DriverConfig"] = {"Name": mount.driver, "Options": dict(mount.driver_options)}
    return options
