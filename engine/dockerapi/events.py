"""The route of what happens on this host."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from engine.dockerapi.answers import stream_from
from engine.dockerapi.lines import json_line
from engine.dockerapi.query import parse_moment_or_age
from engine.dockerapi.refusals import Refusal, without_tag
from engine.dockerapi.routing import Route
from engine.oci.timestamps import nanoseconds
from engine.system.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from aiohttp import web

    from engine.dockerapi.call import Call
    from engine.dockerapi.pipes import Pipe
    from engine.dockerapi.query import Filters
    from engine.events import Event, EventLog

OWN = frozenset({"by", "previous"})


async def events(call: Call) -> web.StreamResponse:
    """
    Answer `GET /events`: from `since` on, or from now; until `until`, or for ever.

    The head goes out at once, so that a client knows that it misses nothing from then on.
    """
    now = SYSTEM_CLOCK.now()
    since, until = (_moment(call.query.text(name), name, now) for name in ("since", "until"))
    if since is not None and until is not None and until < since:
        seconds = [int(each.timestamp()) for each in (since, until)]
        words = "`since` time ({}) cannot be after `until` time ({})"
        raise Refusal(400, words.format(*seconds))
    filters = call.query.filters()
    log = call.engine.events
    is_past = until is not None and until <= now
    # Asked before the head goes out.
    after = 0 if since is not None or is_past else await call.pools.quick(log.last_sequence)

    def write(pipe: Pipe) -> None:
        chosen = _past(log) if is_past else _followed(log, after, until, pipe)
        for event in chosen:
            if until is not None and event.time > until:
                return
            if (since is None or event.time >= since) and matches(event, filters):
                pipe.put(json_line(event_message(event)))

    return await stream_from(call, write)


def _moment(text: str, name: str, now: datetime) -> datetime | None:
    return parse_moment_or_age(text, name, now) if text else None


def _past(log: EventLog) -> Iterator[Event]:
    after = 0
    while found := log.list_since(after):
        yield from found
        after = found[-1].sequence


def _followed(log: EventLog, after: int, until: datetime | None, pipe: Pipe) -> Iterator[Event]:
    def is_over() -> bool:
        return pipe.is_abandoned or (until is not None and SYSTEM_CLOCK.now() > until)

    return log.follow(after, is_stopped=is_over)


async def tell_prune(call: Call, noun: str, freed: int) -> None:
    """Let those who listen know that somebody pruned, and how much came free."""
    record = partial(call.engine.events.record, noun, "prune", "", reclaimed=str(freed))
    await call.pools.quick(record)


def event_message(event: Event) -> dict[str, Any]:
    """Return *event* as docker writes it; the first fields are what old clients read."""
    attributes = {key: value for key, value in event.attributes.items() if key not in OWN}
    old: dict[str, Any] = {}
    if (event.noun, event.action) == ("image", "untag"):
        # Docker has no word for the name that is gone.
        attributes["name"] = event.subject
    if event.noun in {"container", "image"}:
        old = {"status": event.action} | ({"id": event.subject} if event.subject else {})
        if "image" in attributes:
            old["from"] = attributes["image"]
    return {
        **old,
        "Type": event.noun,
        "Action": event.action,
        "Actor": {"ID": event.subject, "Attributes": attributes},
        "scope": "local",
        "time": int(event.time.timestamp()),
        "timeNano": nanoseconds(event.time),
    }


def matches(event: Event, filters: Filters) -> bool:
    """Whether *event* is one that is asked for."""
    return (
        filters.matches("type", event.noun)
        and filters.matches("scope", "local")
        and _matches_action(event, filters)
        and filters.matches_labels(event.attributes)
        and _matches_subject(event, filters, "container", event.attributes.get("name", ""))
        and _matches_subject(event, filters, "volume", event.subject)
        and _matches_subject(event, filters, "network", event.attributes.get("name", ""))
        and _matches_image(event, filters)
        and not any(filters.get(each) for each in _ELSEWHERE)
    )


_ELSEWHERE = ("config", "daemon", "node", "plugin", "secret", "service")


def _matches_action(event: Event, filters: Filters) -> bool:
    wanted = filters.get("event")
    # `exec_start: sh` is meant by `exec_start` too.
    return not wanted or event.action in wanted or event.action.partition(":")[0] in wanted


def _matches_subject(event: Event, filters: Filters, noun: str, name: str) -> bool:
    wanted = filters.get(noun)
    if not wanted:
        return True
    return event.noun == noun and any(
        each.removeprefix("/") == name or (each and event.subject.startswith(each))
        for each in wanted
    )


def _matches_image(event: Event, filters: Filters) -> bool:
    wanted = filters.get("image")
    if not wanted:
        return True
    names = {event.attributes.get("image" if event.noun == "container" else "name", "")}
    names |= {without_tag(each) for each in names}
    if event.noun == "image":
        names.add(event.subject)
    return any(each in names or f"{each}:latest" in names for each in wanted)


ROUTES = (Route("GET", "/events", events),)
