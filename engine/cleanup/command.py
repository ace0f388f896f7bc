"""`engine cleanup` and `engine trash`: plans and the trash from the shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.cleanup.rules import Rule, RuleKind

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from engine.cleanup.housekeeper import Housekeeper
    from engine.cleanup.plan import CleanupReport, SealedPlan

Row = tuple[object, ...]
RULES = tuple(each.value for each in RuleKind)


def declare_cleanup(parser: argparse.ArgumentParser) -> None:
    """Declare the words of `engine cleanup`."""
    verbs = parser.add_subparsers(required=True, dest="verb", metavar="VERB")
    preview = verbs.add_parser("preview", help="make a plan and show it")
    preview.add_argument("rules", nargs="+", choices=RULES, metavar="RULE", help=", ".join(RULES))
    show = verbs.add_parser("show", help="show a plan that was made")
    show.add_argument("plan")
    run = verbs.add_parser("run", help="carry a plan out, exactly as it was shown")
    run.add_argument("plan")
    run.add_argument("--trash", action="store_true", help="put what can be there into the trash")


def declare_trash(parser: argparse.ArgumentParser) -> None:
    """Declare the words of `engine trash`."""
    verbs = parser.add_subparsers(required=True, dest="verb", metavar="VERB")
    verbs.add_parser("list", help="what is in the trash")
    restore = verbs.add_parser("restore", help="bring one thing back")
    restore.add_argument("item")
    restore.add_argument("--name", action="append", help="call it so")
    empty = verbs.add_parser("empty", help="remove things of the trash for good, or all")
    empty.add_argument("items", nargs="*")


def cleanup(housekeeper: Housekeeper, options: argparse.Namespace, *, owner: str) -> Iterable[Row]:
    """Do what *options* ask for and return what is to be told."""
    if options.verb == "preview":
        rules = [Rule(RuleKind(each)) for each in options.rules]
        return _plan(housekeeper.preview(rules, owner=owner))
    if options.verb == "show":
        return _plan(housekeeper.plan(options.plan))
    return _report(housekeeper.run(options.plan, into_trash=options.trash, owner=owner))


def trash(housekeeper: Housekeeper, options: argparse.Namespace, *, owner: str) -> Iterable[Row]:
    """Do what *options* ask for and return what is to be told."""
    place = housekeeper.trash
    if options.verb == "restore":
        place.restore(options.item, names=options.name, owner=owner)
        return [("Restored:", options.item)]
    items = place.list()
    if options.verb == "empty":
        return _report(place.empty(options.items or [each.id for each in items]))
    return [
        (each.id, each.kind, " ".join(each.names), each.trashed_at.isoformat(), each.trashed_by)
        for each in items
    ]


def _plan(plan: SealedPlan) -> Iterator[Row]:
    yield "plan", plan.id
    yield from (("goes", each.kind, each.id, each.name, each.reason) for each in plan.items)
    yield from (("stays", each.kind, each.id, each.name, each.reason) for each in plan.kept)
    yield "frees", plan.freed_bytes
    yield "frees at once, with the rest in the trash", plan.freed_at_once


def _report(report: CleanupReport) -> Iterator[Row]:
    yield from (("went", each) for each in report.removed)
    yield from (("stayed", each.id, each.reason) for each in report.skipped)
    yield "freed", report.freed_bytes
