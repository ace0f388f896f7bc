"""Who a websocket belongs to, asked of the database and not of what was true when it opened."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

from channels.db import database_sync_to_async
from channels.exceptions import ChannelFull, StopConsumer
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.db import DatabaseError
from django.utils.crypto import constant_time_compare
from redis.exceptions import RedisError

from dashboard.models import Role, User
from dashboard.permissions import is_permitted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from channels.generic.websocket import AsyncWebsocketConsumer

# Application close codes: pages know by them whether coming back makes sense.
SIGNED_OUT = 4401
NOT_ALLOWED = 4403
BAD_MESSAGE = 4400
TOO_SLOW = 4408
# Whether they still may cannot be found out at this moment; the page comes back and is asked anew.
CANNOT_TELL = 1013

LOOK_FAILED = (DatabaseError, RedisError, ChannelFull, OSError)


def find_user(session_key: str | None) -> User | None:
    """Return the active account that this session is signed in as, as of now, or None."""
    store = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    data: Mapping[str, Any] = store.load() if session_key else {}
    if BACKEND_SESSION_KEY not in data or SESSION_KEY not in data:
        return None
    user = User.objects.filter(pk=data[SESSION_KEY], is_active=True).first()
    if user is None:
        return None
    # A changed password ends all other sessions, as it does for pages.
    is_current = constant_time_compare(data.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash())
    return user if is_current else None


@database_sync_to_async  # type: ignore[untyped-decorator]
def identify(scope: Mapping[str, Any]) -> User | None:
    """Return whom the connection *scope* belongs to at this moment, or None."""
    session = scope.get("session")
    return find_user(session.session_key if session is not None else None)


async def refuse(consumer: AsyncWebsocketConsumer) -> NoReturn:
    """Answer a connection that was not accepted yet with 403, and end its consumer."""
    await consumer.close()
    # A server need not report a disconnect after a refusal; waiting for one would be for ever.
    raise StopConsumer


async def identify_permitted(scope: Mapping[str, Any], role: Role) -> User | None:
    """Return whom *scope* belongs to if they may do what *role* may, or None."""
    user = await identify(scope)
    return user if user is not None and is_permitted(user, role) else None
