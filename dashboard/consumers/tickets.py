"""
One-use tickets: the right of one person to open one stream of one object, for half a minute.

A ticket is fetched by an ordinary POST, with all the checks of a view, and redeemed in the first
message on the websocket. Only its digest is kept; redeeming takes it away, so that of two attempts
with the same ticket one gets nothing.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from django.core.cache import cache

if TYPE_CHECKING:
    from dashboard.models import User

LIFETIME = 30
MAX_LENGTH = 128


class StreamAction(StrEnum):
    """What a stream may show or do."""

    LOGS = "logs"
    TERMINAL = "terminal"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a ticket allows: *user_id* may do *action* with this container, or with *subject*."""

    user_id: int
    host: str
    container_id: str
    action: StreamAction
    subject: str = ""
    # Who loses this role loses the stream; empty for the action's own.
    role: str = ""


def create_ticket(
    *,
    user: User,
    host: str,
    container_id: str,
    action: StreamAction = StreamAction.LOGS,
    subject: str = "",
    role: str = "",
) -> str:
    """Return a new ticket for *user*; the caller has checked that the object exists."""
    ticket = secrets.token_urlsafe(32)
    grant = Grant(user.pk, host, container_id, action, subject, role)
    cache.set(_key(ticket), asdict(grant), timeout=LIFETIME)
    return ticket


def redeem_ticket(ticket: str, *, user: User, action: StreamAction) -> Grant | None:
    """
    Return what *ticket* allows and use it up; None if it is unknown, used, too old, another
    person's, or for another action. Whoever presents it, it is gone afterwards.
    """
    if not (ticket.isascii() and 0 < len(ticket) <= MAX_LENGTH):
        return None
    key = _key(ticket)
    stored = cache.get(key)
    # Of several that read it, the one that deleted it has it.
    if stored is None or not cache.delete(key):
        return None
    grant = Grant(**{**stored, "action": StreamAction(stored["action"])})
    return grant if (grant.user_id, grant.action) == (user.pk, action) else None


def _key(ticket: str) -> str:
    return f"ticket:{hashlib.sha256(ticket.encode()).hexdigest()}"
