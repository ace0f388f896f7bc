"""From the engine's records of images to the values of their rows, and of their tags and layers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from engine.images.history import HistoryRow
    from engine.images.record import ImageRecord, LayerRecord
    from engine.ledger import Sizes


def image_values(record: ImageRecord, sizes: Sizes) -> dict[str, Any]:
    """Return what the row of *record* should say, but for what never changes and for its story."""
    return {
        "size": sizes.size,
        "shared_size": sizes.shared,
        "unique_size": sizes.unique,
        "document_bytes": sum(each.size for each in record.documents),
        "manifest_digest": str(record.manifest_digest or ""),
        "repo_digests": [str(each) for each in record.repo_digests],
        "added_at": record.added_at,
        "added_by": record.added_by,
        "source": record.source,
        "last_used_at": record.last_used_at,
        "is_dangling": record.is_dangling,
    }


def fixed_values(record: ImageRecord, history: Sequence[HistoryRow]) -> dict[str, Any]:
    """Return what the row of *record* says from the first day to the last: its ID stands for it."""
    return {
        "config": config_json(record),
        "history": [history_json(row) for row in history],
        "created_at": record.created_at,
    }


def config_json(record: ImageRecord) -> dict[str, Any]:
    """Return the image config as the specification writes it, without its history."""
    document: dict[str, Any] = json.loads(record.config.content)
    document.pop("history", None)
    return document


def history_json(row: HistoryRow) -> dict[str, Any]:
    """Return one instruction, as `docker history` shows it."""
    return {
        "id": row.image,
        "created": row.created_at.isoformat() if row.created_at else None,
        "created_by": row.created_by,
        "comment": row.comment,
        "size": row.size,
        "is_empty_layer": row.is_empty_layer,
    }


def layer_values(
    layers: Iterable[LayerRecord], cached: Collection[str] = ()
) -> dict[str, dict[str, Any]]:
    """
    Return what the rows of *layers* should say, by chain ID; each comes once.

    The build cache holds those that *cached* names.
    """
    return {
        str(layer.chain_id): {
            "diff_id": str(layer.diff_id),
            "digest": str(layer.digest),
            "media_type": layer.media_type,
            "size": layer.size,
            "compressed_size": layer.compressed_size,
            "archive_bytes": layer.archive_bytes,
            "is_cached": str(layer.chain_id) in cached,
        }
        for layer in layers
    }


def only_cached_values(cached: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    """Return what the rows of layers should say that the build cache holds and no image does."""
    return {
        chain_id: {
            "diff_id": "",
            "digest": "",
            "media_type": "",
            "size": size,
            "compressed_size": 0,
            "archive_bytes": 0,
            "is_cached": True,
        }
        for chain_id, size in cached.items()
    }


def tag_values(records: Iterable[ImageRecord], pks: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    """Return what the rows of all tags should say, by reference; *pks* are those of the images."""
    return {
        str(reference): {
            "image_id": pks[str(record.id)],
            "repository": reference.familiar_name,
            "tag": reference.tag or "",
        }
        for record in records
        for reference in record.tags
    }
