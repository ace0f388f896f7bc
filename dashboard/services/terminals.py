"""Terminals: asked for by operators, opened once by the host's agent, written down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from dashboard import audit
from dashboard.errors import TerminalClosed
from dashboard.models import AuditEntry, AuditOutcome, Terminal, TerminalKind
from dashboard.models.terminal import OPEN_WITHIN
from dashboard.permissions import ROLE_FOR_TERMINALS, check_permitted, check_reach
from engine.errors import InvalidSetting
from engine.settings import ContainerSettings, reach_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboard.models import Container, User

MAX_WORDS = 64
MAX_COMMAND = 4096


def request_terminal(
    *,
    container: Container,
    kind: TerminalKind,
    command: Sequence[str],
    user: User,
    run_as: str = "",
    address: str | None = None,
) -> Terminal:
    """
    Return a terminal in *container* that its host may open once, with its audit entry.

    *command* and *run_as* are for a new program; the container's own one has both already.
    """
    check_permitted(user, ROLE_FOR_TERMINALS)
    check_reach(user, terminal_reach(container))
    if kind is TerminalKind.EXEC:
        _check_command(command)
    words = " ".join(command) if kind is TerminalKind.EXEC else "its own program"
    with transaction.atomic():
        entry = audit.record_terminal(
            container, user=user, summary=f"Terminal in {container.name}: {words}", address=address
        )
        return Terminal.objects.create(
            host_id=container.host_id,
            container_id=container.container_id,
            kind=kind,
            command=list(command) if kind is TerminalKind.EXEC else [],
            run_as=run_as[:255],
            requested_by=user,
            entry=entry,
        )


def terminal_reach(container: Container) -> tuple[str, ...]:
    """
    Return the settings by which a terminal in *container* reaches into its host, as far as known.

    The agent, who knows, asks again before it opens one.
    """
    told = container.settings
    return reach_of(ContainerSettings.from_json(told)) if told else ()


def open_terminal(terminal_id: str, *, host: str) -> Terminal:
    """
    Return the terminal, which nobody else opens from now on.

    Raise `TerminalClosed` where there is none of that ID on *host*, where it was opened before or
    asked for too long ago, and `NotPermitted` where the requester may not any more.
    """
    now = timezone.now()
    fresh = Terminal.objects.filter(
        pk=terminal_id, host_id=host, opened_at=None, created_at__gt=now - OPEN_WITHIN
    )
    if not fresh.update(opened_at=now):
        raise TerminalClosed
    terminal = Terminal.objects.select_related("requested_by").get(pk=terminal_id)
    check_permitted(terminal.requested_by, ROLE_FOR_TERMINALS)
    return terminal


def end_terminal(terminal: Terminal, *, exit_code: int | None, message: str = "") -> None:
    """Write down that *terminal* is over, and how its program ended if that is known."""
    code = "" if exit_code is None else f"Exit code {exit_code}."
    Terminal.objects.filter(pk=terminal.pk, ended_at=None).update(
        ended_at=timezone.now(), exit_code=exit_code
    )
    if terminal.entry_id is None:
        return
    AuditEntry.objects.filter(pk=terminal.entry_id, outcome=AuditOutcome.REQUESTED).update(
        outcome=AuditOutcome.FAILED if message else AuditOutcome.SUCCEEDED, message=message or code
    )


def _check_command(command: Sequence[str]) -> None:
    if not command:
        raise InvalidSetting("command", "it is empty", remedy="For example /bin/sh.")
    if len(command) > MAX_WORDS or sum(map(len, command)) > MAX_COMMAND:
        raise InvalidSetting("command", "it is too long")
    if any("\0" in word for word in command):
        raise InvalidSetting("command", "it contains a NUL character")
