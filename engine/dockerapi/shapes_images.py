"""Images as docker's JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from engine.dockerapi.versions import ApiVersion
from engine.dockerapi.words import go_time

if TYPE_CHECKING:
    from engine.images.history import HistoryRow
    from engine.images.record import ImageRecord, ImageRemoval

WITHOUT_VIRTUAL_SIZE = ApiVersion(1, 44)
UNKNOWN = -1


def image_summary(
    image: ImageRecord, version: ApiVersion, *, containers: int = UNKNOWN, shared: int = UNKNOWN
) -> dict[str, Any]:
    """Return a row of `GET /images/json`."""
    summary = {
        "Containers": containers,
        "Created": int(image.created_at.timestamp()) if image.created_at else 0,
        "Id": str(image.id),
        "Labels": dict(image.config.defaults.labels) or None,
        "ParentId": "",
        "RepoDigests": [each.familiar for each in image.repo_digests],
        "RepoTags": sorted(each.familiar for each in image.tags),
        "SharedSize": shared,
        "Size": image.size,
    }
    if version < WITHOUT_VIRTUAL_SIZE:
        summary["VirtualSize"] = image.size
    if not image.tags and version < ApiVersion(1, 43):
        summary["RepoTags"] = ["<none>:<none>"]
        summary["RepoDigests"] = summary["RepoDigests"] or ["<none>@<none>"]
    return summary


def image_details(
    image: ImageRecord, version: ApiVersion, *, driver: str, tagged_at: str
) -> dict[str, Any]:
    """Return the answer to `GET /images/{name}/json`."""
    document = json.loads(image.config.content)
    details = {
        "Id": str(image.id),
        "RepoTags": sorted(each.familiar for each in image.tags),
        "RepoDigests": [each.familiar for each in image.repo_digests],
        "Parent": "",
        "Comment": _last_comment(image),
        "Created": go_time(image.created_at),
        "DockerVersion": str(document.get("docker_version") or ""),
        "Author": image.config.author,
        "Config": image_config(document),
        "Architecture": image.platform.architecture,
        "Os": image.platform.os,
        "Size": image.size,
        "GraphDriver": {"Data": None, "Name": driver},
        "RootFS": {"Type": "layers", "Layers": [str(each) for each in image.config.diff_ids]},
        "Metadata": {"LastTagTime": tagged_at},
    }
    if image.platform.variant:
        details["Variant"] = image.platform.variant
    if version < WITHOUT_VIRTUAL_SIZE:
        details["VirtualSize"] = image.size
    if version < ApiVersion(1, 45):
        details["Container"] = ""
        details["ContainerConfig"] = image_config({})
    return details


def image_config(document: dict[str, Any]) -> dict[str, Any]:
    """Return the `Config` of an image config *document*, with every key that docker gives it."""
    found = document.get("config")
    config = found if isinstance(found, dict) else {}
    shape: dict[str, Any] = {
        "Hostname": "",
        "Domainname": "",
        "User": config.get("User") or "",
        "AttachStdin": False,
        "AttachStdout": False,
        "AttachStderr": False,
        "Tty": False,
        "OpenStdin": False,
        "StdinOnce": False,
        "Env": config.get("Env"),
        "Cmd": config.get("Cmd"),
        "Image": "",
        "Volumes": config.get("Volumes"),
        "WorkingDir": config.get("WorkingDir") or "",
        "Entrypoint": config.get("Entrypoint"),
        "OnBuild": config.get("OnBuild"),
        "Labels": config.get("Labels"),
    }
    optional = ("ExposedPorts", "Healthcheck", "StopSignal", "Shell", "ArgsEscaped")
    return shape | {name: config[name] for name in optional if config.get(name)}


def history_row(row: HistoryRow, tags: list[str] | None) -> dict[str, Any]:
    """Return a row of `GET /images/{name}/history`; *tags* belong to the newest row."""
    return {
        "Comment": row.comment,
        "Created": int(row.created_at.timestamp()) if row.created_at else 0,
        "CreatedBy": row.created_by,
        "Id": row.image,
        "Size": row.size,
        "Tags": tags,
    }


def removal_rows(removal: ImageRemoval) -> list[dict[str, str]]:
    """Return the answer to `DELETE /images/{name}`."""
    untagged = [{"Untagged": each.familiar} for each in removal.untagged]
    return untagged + [{"Deleted": str(each)} for each in removal.deleted]


def _last_comment(image: ImageRecord) -> str:
    return image.config.history[-1].comment if image.config.history else ""
