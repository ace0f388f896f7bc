"""What hosts answer to pages of clean-ups."""

from __future__ import annotations

from collections import Counter
from typing import Any

HTMX = {"HX-Request": "true"}
PLAN_ID = "e" * 32
CONTAINER, IMAGE = "c" * 64, "sha256:" + "a" * 64
KINDS = [
    "untagged-images",
    "unused-images",
    "stopped-containers",
    "anonymous-volumes",
    "unused-volumes",
    "unused-networks",
    "build-cache",
    "abandoned-ingests",
    "old-logs",
]


def row(kind: str, object_id: str, name: str, **values: Any) -> dict[str, Any]:
    return {
        "id": object_id,
        "kind": kind,
        "name": name,
        "names": [],
        "owner": "ana",
        "since": "2026-07-01T12:00:00+00:00",
        "last_used": "",
        "size": 1000,
        "bytes": 1000,
        "reason": "exited with code 1",
        "stays": "",
        "behind": [],
        "is_pinned": False,
        **values,
    }


def section(*rows: dict[str, Any], kept: tuple = ()) -> dict[str, Any]:
    return {
        "rows": list(rows),
        "count": len(rows),
        "bytes": sum(each["bytes"] for each in rows),
        "kept": list(kept),
        "kept_count": len(kept),
    }


def found() -> dict[str, Any]:
    held = row("image", IMAGE, "web:1", stays="is used by old-job", behind=[CONTAINER])
    busy = row("image", "sha256:" + "b" * 64, "db:1", stays="is used by db")
    sections = {kind: section() for kind in KINDS}
    sections["stopped-containers"] = section(row("container", CONTAINER, "old-job"))
    sections["unused-images"] = section(kept=(held, busy))
    return {"sections": sections, "safe": {"kinds": {"container": 1}, "bytes": 1000}}


def plan(**values: Any) -> dict[str, Any]:
    kinds = values.pop("kinds", ["container", "image"])
    lost = {"volume", "network"}
    return {
        "plan_id": PLAN_ID,
        "count": len(kinds),
        "kinds": Counter(kinds),
        "owners": {"ana": len(kinds)},
        "trash_kinds": Counter(each for each in kinds if each not in lost),
        "items": [
            {
                "id": "x",
                "kind": each,
                "name": f"one-{each}",
                "reason": "",
                "owner": "ana",
                "in_trash": each not in lost,
            }
            for each in kinds
        ],
        "kept": [{"id": "y", "kind": "image", "name": "db:1", "reason": "is used by db"}],
        "kept_count": 1,
        "missing": 0,
        "bytes": 3_400_000,
        "bytes_at_once": 0,
        "expires": "2026-07-01T13:00:00+00:00",
        **values,
    }
