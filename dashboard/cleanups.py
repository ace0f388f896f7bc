"""What the page of clean-ups is asked for in its address, and what hosts answer, put together."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.dateparse import parse_datetime

from dashboard.forms.texts import parse_memory
from dashboard.selectors.pages import text_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

# What nobody misses: all of it comes back from the trash, or was half a download.
SAFE = ("stopped-containers", "untagged-images", "abandoned-ingests")
KINDS = (
    (
        "stopped-containers",
        "stopped",
        "Stopped containers",
        "They use no CPU and no memory, but their files stay on the disk.",
    ),
    (
        "untagged-images",
        "untagged",
        "Untagged images (dangling)",
        "No tag names them any more, and no container was made from them.",
    ),
    (
        "unused-images",
        "unused",
        "Images no container uses",
        "They have tags, and no container was made from them.",
    ),
    (
        "anonymous-volumes",
        "anonymous",
        "Anonymous volumes no container uses",
        "They were made for a container, and nobody named them. They may hold data.",
    ),
    (
        "unused-volumes",
        "volumes",
        "Named volumes no container uses",
        "Somebody named them. They may hold data that is wanted.",
    ),
    (
        "unused-networks",
        "networks",
        "Networks with nobody in them",
        "They take no bytes, but addresses.",
    ),
    ("build-cache", "cache", "Build cache", "It only makes builds quicker."),
    (
        "abandoned-ingests",
        "downloads",
        "Abandoned downloads",
        "Pulls that were given up; the next pull would go on with them.",
    ),
    ("old-logs", "logs", "Logs of stopped containers", "What they printed. It does not come back."),
)
PAGES = {
    "container": "container_detail",
    "image": "image_detail",
    "volume": "volume_detail",
    "network": "network_detail",
}
SECONDS = {"h": 3600, "d": 86_400, "w": 7 * 86_400}
_SPAN = re.compile(r"(\d{1,4})\s*([hdw])", re.ASCII)


@dataclass(frozen=True, slots=True)
class CleanupFilter:
    """Which of what builds up is meant, as the URL says; what makes no sense there is left out."""

    name: str = ""
    host: str = ""
    older: str = ""
    unused: str = ""
    label: str = ""
    owner: str = ""
    larger: str = ""
    keep: int = 0

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Self:
        """Return the filter in a URL's *query*."""
        keep = text_in(query, "keep")
        return cls(
            name=text_in(query, "q"),
            host=text_in(query, "host"),
            older=_span_in(query, "older"),
            unused=_span_in(query, "unused"),
            label=text_in(query, "label"),
            owner=text_in(query, "owner"),
            larger=_size_in(query, "larger"),
            keep=int(keep) if keep.isdecimal() and len(keep) < 5 else 0,
        )

    @property
    def is_active(self) -> bool:
        """Whether anything is left out."""
        return any((self.name, self.older, self.unused, self.label, self.owner, self.larger))

    def to_question(self) -> dict[str, Any]:
        """Return the filters as hosts are told."""
        told = {
            "older_than": _seconds(self.older),
            "unused_for": _seconds(self.unused),
            "labels": [self.label] if self.label else [],
            "names": [_pattern(self.name)] if self.name else [],
            "owners": [self.owner] if self.owner else [],
            "larger_than": parse_memory(self.larger) or 0,
            "keep_newest": self.keep,
        }
        return {name: value for name, value in told.items() if value}


@dataclass(frozen=True, slots=True)
class Section:
    """One kind of what builds up, over hosts."""

    kind: str
    anchor: str
    title: str
    about: str
    rows: tuple[dict[str, Any], ...]
    count: int
    bytes: int
    kept: tuple[dict[str, Any], ...]
    kept_count: int

    @property
    def more(self) -> int:
        """How many there are beyond the rows."""
        return self.count - sum(not row["stays"] for row in self.rows)

    @property
    def is_of_images(self) -> bool:
        """Whether it may matter that an image is the only copy."""
        return self.kind in {"untagged-images", "unused-images"}


def sections_of(
    answers: Mapping[str, Any],
    stories: Mapping[tuple[str, str], str],
    others: Callable[[str], str] = lambda _: "",
    *,
    most: int,
) -> list[Section]:
    """
    Return what hosts answered, by kind, *most* rows of each; without kinds that there are none of.

    *stories* say by host and ID what untagged images used to be, *others* says of an owner why
    whoever looks may not take what is theirs.
    """
    made = [_section(kind, answers, stories, most) for kind in KINDS]
    found = [each for each in made if each.rows or each.kept]
    for row in (row for each in found for row in each.rows):
        row["others"] = others(row["owner"])
    return found


def untagged_in(answers: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return by host which images without a tag are told of."""
    sections = {host: answer["sections"].get("untagged-images") for host, answer in answers.items()}
    return {
        host: [each["id"] for each in section["rows"]]
        for host, section in sections.items()
        if section
    }


def kind_in(query: Mapping[str, str]) -> str:
    """Return the one kind that a URL asks for, or nothing."""
    kind = text_in(query, "kind")
    return kind if kind in {each for each, *_ in KINDS} else ""


def absent_of(sections: Iterable[Section]) -> list[str]:
    """Return the titles of the kinds of which there is nothing."""
    present = {each.kind for each in sections}
    return [title for kind, _, title, _ in KINDS if kind not in present]


def _section(
    kind: tuple[str, str, str, str],
    answers: Mapping[str, Any],
    stories: Mapping[tuple[str, str], str],
    most: int,
) -> Section:
    sections = {host: answer["sections"].get(kind[0]) for host, answer in answers.items()}
    told = {host: each for host, each in sections.items() if each}
    kept = [_row(host, row) for host, each in told.items() for row in each["kept"]]
    rows = [_row(host, row) for host, each in told.items() for row in each["rows"]]
    rows = sorted(rows, key=lambda row: (-row["bytes"], row["name"]))[:most]
    behind = [row for row in kept if row["behind"]]
    for row in rows:
        row["story"] = stories.get((row["host"], row["id"]), "")
    # What could go with its containers stands with what can go, to be ticked after them.
    return Section(
        *kind,
        rows=(*rows, *behind[:most]),
        count=sum(each["count"] for each in told.values()),
        bytes=sum(each["bytes"] for each in told.values()),
        kept=tuple(row for row in kept if not row["behind"])[:most],
        kept_count=sum(each["kept_count"] for each in told.values()) - len(behind[:most]),
    )


def _row(host: str, told: dict[str, Any]) -> dict[str, Any]:
    name, page = told["id"].rpartition(":")[2], PAGES.get(told["kind"])
    return {
        **told,
        "host": host,
        "value": f"{host}/{told['id']}",
        "short": name[:12],
        "url": reverse(page, args=(host, name)) if page else "",
        "hex": name,
        "since": parse_datetime(told["since"]),
        "last_used": parse_datetime(told["last_used"]) if told["last_used"] else None,
        "behind": " ".join(f"{host}/{each}" for each in told["behind"]),
    }


def _span_in(query: Mapping[str, str], key: str) -> str:
    text = text_in(query, key)
    return text if _SPAN.fullmatch(text) else ""


def _size_in(query: Mapping[str, str], key: str) -> str:
    text = text_in(query, key)
    try:
        return text if parse_memory(text) else ""
    except ValidationError:
        return ""


def _seconds(span: str) -> int:
    match = _SPAN.fullmatch(span)
    return int(match[1]) * SECONDS[match[2]] if match else 0


def _pattern(name: str) -> str:
    return name if any(each in name for each in "*?[") else f"*{name}*"
