"""What this host's engine answers to questions about what builds up on it, and its trash."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from dashboard.agents import Question
from dashboard.models import User
from dashboard.services import reveal_credential
from engine.cleanup.acts import TRASHABLE
from engine.cleanup.filters import Filters
from engine.cleanup.plan import spare_nothing
from engine.cleanup.rules import Rule, RuleKind, judge
from engine.cleanup.subject import Standing, SubjectKind
from engine.errors import InvalidInput, PlanExpired
from engine.system.clock import SYSTEM_CLOCK
from workers.owners import sparing_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from engine.cleanup.look import Look
    from engine.cleanup.plan import Kept, SealedItem, Sparing
    from engine.cleanup.subject import Subject
    from engine.cleanup.trash import TrashItem
    from engine.engine import Engine
    from engine.registry.credentials import Credentials
    from engine.system.clock import Clock
    from workers.agent.questions import Answer

MOST_ROWS = 300
MOST_TRASHED = 100
MOST_ITEMS = 10_000
MOST_TOLD = 500
MOST_HOLDERS = 20


class CleanupAnswers:
    """Answers over *engine*."""

    def __init__(self, engine: Engine, clock: Clock = SYSTEM_CLOCK) -> None:
        self._engine = engine
        self._clock = clock

    def answers(self) -> Mapping[str, Answer]:
        """Return who answers each question."""
        return {
            Question.CLEANUP_FIND.value: self.find,
            Question.CLEANUP_WEIGH.value: self.weigh,
            Question.CLEANUP_PLAN.value: self.plan,
            Question.CLEANUP_COPY.value: self.copy,
            Question.TRASH_LIST.value: self.trash,
        }

    def find(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """
        Return by rule what builds up: counts, exact bytes, and the first *rows*, the largest first.

        What is there and stays comes as rows too, with why. With *only*, of that rule alone.
        """
        look, filters = self._engine.cleanup.look(), filters_of(told)
        rows = Rows(look, min(_number(told, "rows") or MOST_ROWS, MOST_ROWS))
        kinds = [
            kind for kind in RuleKind if kind.value == told.get("only") or not told.get("only")
        ]
        rules = _rules(told.get("safe") or [], filters)
        safe, _ = look.chosen((), rules, sparing=_sparing_of(told))
        return {
            "sections": {kind.value: rows.section(Rule(kind, filters)) for kind in kinds},
            "safe": {
                "kinds": _counted(safe),
                "bytes": look.reclaim.freed(each.id for each in safe),
            },
        }

    def weigh(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return what exactly a selection would free, and what of it stays and why."""
        look = self._engine.cleanup.look()
        items, kept = look.chosen(ids_of(told), _rules_of(told), sparing=_sparing_of(told))
        return {
            "count": len(items),
            "kinds": _counted(items),
            "bytes": look.reclaim.freed(each.id for each in items),
            "kept": [_kept(each) for each in kept[:MOST_TOLD]],
        }

    def plan(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """
        Seal a plan of a selection and return it as a page shows it.

        With *plan_id* it is one that was sealed before, and raises `PlanExpired` where it has; with
        *again* a new one of the things in such a one.
        """
        ids, owner = ids_of(told), str(told.get("owner") or "")[:150]
        if told.get("again"):
            ids = [each.id for each in self._engine.cleanup.plan(str(told["again"])).items]
        if told.get("plan_id"):
            plan = self._engine.cleanup.plan(str(told["plan_id"]))
            if self._clock.now() >= plan.expires_at:
                raise PlanExpired(plan.id)
        else:
            plan = self._engine.cleanup.preview_chosen(
                ids, _rules_of(told), owner=owner, sparing=_sparing(owner)
            )
        known = {each.id for each in plan.items} | {each.id for each in plan.kept}
        return {
            "plan_id": plan.id,
            "count": len(plan.items),
            "kinds": _counted(plan.items),
            "owners": Counter(each.owner for each in plan.items),
            "trash_kinds": _counted(each for each in plan.items if each.kind in TRASHABLE),
            "items": [_item(each) for each in plan.items[:MOST_TOLD]],
            "kept": [_kept(each) for each in plan.kept[:MOST_TOLD]],
            "kept_count": len(plan.kept),
            "missing": len(set(ids) - known),
            "bytes": plan.freed_bytes,
            "bytes_at_once": plan.freed_at_once,
            "expires": plan.expires_at.isoformat(),
        }

    def copy(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return whether an image can be pulled again; its registries are asked now."""
        image = self._engine.images.get(str(told.get("image_id")))
        # A password goes to its own registry only.
        is_alone = {each.registry for each in image.repo_digests} == {told.get("registry")}
        credentials = _credentials(told) if is_alone else None
        found = self._engine.cleanup.find_copy(str(image.id), credentials=credentials)
        return {
            "whereabouts": found.whereabouts.value,
            "name": found.name.familiar if found.name else "",
            "bytes": found.pull_bytes,
            "reason": found.reason,
        }

    def trash(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """
        Return a page of what lies in the trash, the oldest first, and what comes free by all of it.

        *first* says how many are passed over. *until* is when the last came; with an *until*, all
        IDs of what had come by then are returned instead.
        """
        trash = self._engine.cleanup.trash
        items = trash.list()
        if told.get("until"):
            until = _moment(told, "until")
            return {"ids": [each.id for each in items if each.trashed_at <= until][:MOST_ITEMS]}
        first = _number(told, "first")
        shown = items[first : first + MOST_TRASHED]
        freed = trash.freed_by_each(each.id for each in shown)
        return {
            "items": [_trashed(each, freed[each.id]) for each in shown],
            "first": first,
            "count": len(items),
            "bytes": trash.freed_by(each.id for each in items),
            "until": items[-1].trashed_at.isoformat() if items else "",
        }


def filters_of(told: Mapping[str, Any]) -> Filters:
    """Return the filters that a question tells."""
    given = told.get("filters") or {}
    if not isinstance(given, dict):
        raise InvalidInput("filters are names with values", field="filters")
    return Filters(
        older_than=_span(given, "older_than"),
        unused_for=_span(given, "unused_for"),
        labels=_texts(given, "labels"),
        without_labels=_texts(given, "without_labels"),
        names=_texts(given, "names"),
        owners=_texts(given, "owners"),
        larger_than=_number(given, "larger_than"),
        keep_newest=_number(given, "keep_newest"),
    )


def ids_of(told: Mapping[str, Any]) -> list[str]:
    """Return what is chosen one by one."""
    ids = told.get("ids") or []
    if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
        raise InvalidInput("a selection names things", field="ids")
    return list(dict.fromkeys(ids[:MOST_ITEMS]))


def _rules_of(told: Mapping[str, Any]) -> list[Rule]:
    return _rules(told.get("rules") or [], filters_of(told))


def _rules(kinds: Iterable[Any], filters: Filters) -> list[Rule]:
    known = {kind.value: kind for kind in RuleKind}
    try:
        return [Rule(known[str(each)], filters) for each in kinds]
    except KeyError as error:
        raise InvalidInput(f"there is no rule {error}", field="rules") from error


class Rows:
    """A look, told by at most *most* rows of each section."""

    def __init__(self, look: Look, most: int = MOST_ROWS) -> None:
        self._look = look
        self._most = most
        self._subjects = {each.id: each for each in look.subjects}
        self._idle = {
            each.name: each.id
            for each in look.subjects
            if each.kind is SubjectKind.CONTAINER and each.standing is Standing.IDLE
        }

    def section(self, rule: Rule) -> dict[str, Any]:
        """Return what *rule* takes, the largest first, and what it leaves and why."""
        items, kept = judge([rule], self._look.subjects, self._look.at)
        going = [each for each in items if is_told_under(rule.kind, self._subjects[each.id])]
        staying = [each for each in kept if is_wondered_at(rule.kind, self._subjects[each.id])]
        reclaim = self._look.reclaim
        freed = reclaim.freed_each(each.id for each in going)
        largest = sorted(going, key=lambda each: (-freed[each.id], each.name))[: self._most]
        shown = staying[: self._most]
        freed |= reclaim.freed_each(each.id for each in shown)
        return {
            "rows": [self._row(each.id, freed[each.id], reason=each.reason) for each in largest],
            "count": len(going),
            "bytes": reclaim.freed(each.id for each in going),
            "kept": [self._row(each.id, freed[each.id], stays=each.reason) for each in shown],
            "kept_count": len(staying),
        }

    def _row(
        self, subject_id: str, freed: int, *, reason: str = "", stays: str = ""
    ) -> dict[str, Any]:
        subject = self._subjects[subject_id]
        last_used = subject.last_used_at
        return {
            "id": subject.id,
            "kind": subject.kind.value,
            "name": subject.name,
            "names": list(subject.facts.names[:MOST_HOLDERS]),
            "owner": subject.owner,
            "since": subject.since.isoformat(),
            "last_used": last_used.isoformat() if last_used else "",
            "size": subject.size,
            "bytes": freed,
            "reason": reason,
            "stays": stays,
            "behind": self._behind(subject) if stays else [],
            "is_pinned": subject.is_pinned,
        }

    def _behind(self, subject: Subject) -> list[str]:
        """Return the containers with which *subject* could go, where only such hold it."""
        holders = set(subject.facts.holders)
        could = subject.kind in {SubjectKind.IMAGE, SubjectKind.VOLUME} and not subject.is_pinned
        is_free = could and holders <= set(self._idle)
        return sorted(self._idle[each] for each in holders) if is_free else []


def is_told_under(kind: RuleKind, subject: Subject) -> bool:
    """Whether *subject* is told of under *kind*, and not already under a narrower one."""
    if kind is RuleKind.UNUSED_IMAGES:
        return bool(subject.facts.names)
    return kind is not RuleKind.UNUSED_VOLUMES or not subject.is_anonymous


def is_wondered_at(kind: RuleKind, subject: Subject) -> bool:
    """Whether somebody may wonder why *subject* stays; nobody does of a running container."""
    if subject.standing in {Standing.BUSY, Standing.FIXED}:
        return False
    if kind is RuleKind.UNTAGGED_IMAGES:
        return not subject.facts.names
    if kind is RuleKind.ANONYMOUS_VOLUMES:
        return subject.is_anonymous
    return is_told_under(kind, subject)


def _sparing_of(told: Mapping[str, Any]) -> Sparing:
    return _sparing(str(told["owner"])) if told.get("owner") else spare_nothing


def _sparing(owner: str) -> Sparing:
    """Return what leaves alone what *owner*, as the account is at this moment, may not take."""
    return sparing_for(User.objects.filter(username=owner).first())


def _counted(items: Iterable[SealedItem]) -> dict[str, int]:
    """Return how many of each kind there are."""
    return Counter(each.kind.value for each in items)


def _item(item: SealedItem) -> dict[str, Any]:
    return {
        "id": item.id,
        "kind": item.kind.value,
        "name": item.name,
        "reason": item.reason,
        "owner": item.owner,
        "in_trash": item.kind in TRASHABLE,
    }


def _kept(kept: Kept) -> dict[str, str]:
    return {"id": kept.id, "kind": kept.kind.value, "name": kept.name, "reason": kept.reason}


def _trashed(item: TrashItem, freed: int) -> dict[str, Any]:
    return {
        "id": item.id,
        "kind": item.kind.value,
        "names": list(item.names[:MOST_HOLDERS]),
        "owner": item.owner,
        "at": item.trashed_at.isoformat(),
        "by": item.trashed_by,
        "bytes": freed,
    }


def _span(given: Mapping[str, Any], name: str) -> timedelta | None:
    seconds = _number(given, name)
    return timedelta(seconds=seconds) if seconds else None


def _moment(given: Mapping[str, Any], name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(str(given[name]))
    except ValueError as error:
        raise InvalidInput(f"{name} is a moment", field=name) from error
    if moment.tzinfo is None:
        raise InvalidInput(f"{name} is a moment with its time zone", field=name)
    return moment


def _number(given: Mapping[str, Any], name: str) -> int:
    value = given.get(name) or 0
    if not isinstance(value, int) or not 0 <= value < 2**53:
        raise InvalidInput(f"{name} is a whole number", field=name)
    return value


def _texts(given: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value: Sequence[Any] = given.get(name) or []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise InvalidInput(f"{name} are texts", field=name)
    return tuple(value)


def _credentials(told: Mapping[str, Any]) -> Credentials | None:
    from engine.registry.credentials import Credentials

    number, registry = told.get("credentials_id"), str(told.get("registry") or "")
    if not isinstance(number, int) or not registry:
        return None
    revealed = reveal_credential(number, registry=registry)
    return Credentials(revealed.username, revealed.password)
