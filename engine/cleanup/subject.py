"""What a clean-up may take, whatever it is, as one value: the rules judge nothing else."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

NOTHING: Mapping[str, str] = MappingProxyType({})


class SubjectKind(enum.StrEnum):
    """What a subject is."""

    IMAGE = "image"
    CONTAINER = "container"
    VOLUME = "volume"
    NETWORK = "network"
    CACHED_STEP = "cached-step"
    CACHE_MOUNT = "cache-mount"
    INGEST = "ingest"
    LOG = "log"


class Standing(enum.StrEnum):
    """Whether a subject could go at all, apart from who holds it."""

    IDLE = "idle"
    BUSY = "busy"
    FRESH = "fresh"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class Facts:
    """
    The state of a subject at one moment: where it is another one later, something happened to it.

    *state* is a word or a phrase that follows "is", *names* are what names it, *holders* who needs
    it, *mark* is whatever else changes when it is used.
    """

    state: str = ""
    names: tuple[str, ...] = ()
    holders: tuple[str, ...] = ()
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """
    One thing that a clean-up may take.

    *since* is when it became what clean-ups look for: a container's exit, else its creation;
    *detail* says how that came.
    *repositories* are those of an image's tags. *size* is what it takes by itself, whoever shares
    it. *is_leased*: work at hand needs it, *is_pinned*: somebody wants it kept.
    """

    kind: SubjectKind
    id: str
    name: str
    owner: str
    since: datetime
    size: int
    standing: Standing = Standing.IDLE
    facts: Facts = field(default_factory=Facts)
    labels: Mapping[str, str] = field(default_factory=lambda: NOTHING, hash=False)
    last_used_at: datetime | None = None
    created_at: datetime | None = None
    repositories: tuple[str, ...] = ()
    detail: str = ""
    is_anonymous: bool = False
    is_leased: bool = False
    is_pinned: bool = False


def what_happened(before: Facts, now: Facts) -> str:
    """
    Return what happened to a subject between two moments, in words; empty for nothing that matters.

    Whoever needed it and does so no more is no reason to keep it.
    """
    gained = [each for each in now.holders if each not in before.holders]
    named = [each for each in now.names if each not in before.names]
    if now.state != before.state:
        return "was started since" if now.state == "running" else f"is {now.state} since"
    if gained:
        return f"is used by {gained[0]} since"
    if named:
        return f"was named {named[0]} since"
    if now.names != before.names:
        return "lost a name since"
    return "was used or made anew since" if now.mark != before.mark else ""
