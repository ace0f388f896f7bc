"""How an event goes to those who watch: after the commit, as one message, and quietly."""

from __future__ import annotations

import json
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction

if TYPE_CHECKING:
    from collections.abc import Callable

    from dashboard.events.shapes import Event

log = logging.getLogger(__name__)

JOBS_GROUP = "live.jobs"
TEAM_GROUP = "live.team"


def host_group(host: str) -> str:
    """Return the group of everyone who watches *host*."""
    return f"live.host.{host}"


def user_group(user_id: int) -> str:
    """Return the group of one person's open pages."""
    return f"live.user.{user_id}"


def send_event(group: str, event: Event) -> None:
    """Send *event* to *group* now, written out once for everybody."""
    send(group, {"type": "live.push", "text": json.dumps(event, cls=DjangoJSONEncoder)})


def send(group: str, message: dict[str, Any]) -> None:
    """Hand *message* to every consumer of *group*."""
    async_to_sync(get_channel_layer().group_send)(group, message)


def after_commit(act: Callable[..., None], *arguments: Any) -> None:
    """Have *act* done with *arguments* once the transaction is committed, if it ever is."""
    transaction.on_commit(partial(_quietly, act, *arguments))


def _quietly(act: Callable[..., None], *arguments: Any) -> None:
    # What is committed stays committed, whatever a template, Redis or the network does here.
    try:
        act(*arguments)
    except Exception:
        log.exception("a live update was lost")
