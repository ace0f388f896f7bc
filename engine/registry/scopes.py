"""What a token allows: actions on resources (distribution's token specification, "scope")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_SCOPES = 32


@dataclass(frozen=True, slots=True)
class Scope:
    """*actions* on *resource*, which is written with its kind: `repository:team/web`."""

    resource: str
    actions: frozenset[str]

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the scope that *text* spells, or None."""
        resource, colon, actions = text.rpartition(":")
        return cls(resource, frozenset(actions.split(","))) if colon and resource else None

    def covers(self, other: Scope) -> bool:
        """Return whether who has this has *other*."""
        return self.resource == other.resource and self.actions >= other.actions

    def __str__(self) -> str:
        return f"{self.resource}:{','.join(sorted(self.actions))}"


Scopes = frozenset[Scope]
CATALOG: Scopes = frozenset({Scope("registry:catalog", frozenset({"*"}))})
NO_SCOPES: Scopes = frozenset()


def pull_from(repository: str) -> Scopes:
    """Return what reading *repository* takes."""
    return frozenset({Scope(f"repository:{repository}", frozenset({"pull"}))})


def push_to(repository: str, *, mounting_from: str = "") -> Scopes:
    """Return what writing to *repository* takes, and mounting blobs of another one there."""
    scopes = frozenset({Scope(f"repository:{repository}", frozenset({"pull", "push"}))})
    return scopes | pull_from(mounting_from) if mounting_from else scopes


def parse_scopes(text: str) -> Scopes:
    """Return the scopes in *text*, which blanks set apart; what is none is passed over."""
    found = (Scope.parse(each) for each in text.split()[:MAX_SCOPES])
    return frozenset(each for each in found if each is not None)


def joined(scopes: Iterable[Scope]) -> list[str]:
    """Return *scopes* as they are asked for: each resource once, in a settled order."""
    actions: dict[str, frozenset[str]] = {}
    for each in scopes:
        actions[each.resource] = actions.get(each.resource, frozenset()) | each.actions
    return [str(Scope(resource, actions[resource])) for resource in sorted(actions)]


def cover(held: Scopes, wanted: Scopes) -> bool:
    """Return whether *held* allows all that is *wanted*."""
    return all(any(each.covers(want) for each in held) for want in wanted)
