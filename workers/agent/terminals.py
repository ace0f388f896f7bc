"""The engine's execs and attachments, as terminals speak to them."""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

from django.db import connection

from dashboard.errors import TerminalClosed
from dashboard.models import TerminalKind
from dashboard.permissions import check_reach
from dashboard.services import end_terminal, open_terminal
from engine.errors import EngineError, WrongState
from engine.settings import ExecSettings, reach_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from dashboard.models import Terminal
    from engine.containers.attachment import Attachment
    from engine.engine import Engine

    Resize = Callable[[int, int], None]
    End = Callable[[], None]

# What a program gets that draws on a screen of ours.
SCREEN = ("TERM=xterm-256color",)
END_OF_INPUT = b"\x04"
GRACE_SECONDS = 2.0


class EngineTerminals:
    """A `TerminalSource` over the containers of *engine*; each terminal's row is looked at here."""

    def __init__(self, engine: Engine, host: str) -> None:
        self._containers = engine.containers
        self._host = host

    def open(self, terminal_id: str, *, rows: int, columns: int) -> EngineConversation:
        """Begin what the row *terminal_id* asks for, once; raise `EngineError` where it may not."""
        try:
            terminal = open_terminal(str(uuid.UUID(terminal_id)), host=self._host)
            return self._begin(terminal, rows, columns)
        except ValueError as error:
            raise TerminalClosed from error
        finally:
            connection.close()

    def _begin(self, terminal: Terminal, rows: int, columns: int) -> EngineConversation:
        begin = self._attach if terminal.kind == TerminalKind.ATTACH else self._exec
        try:
            container = self._containers.get(terminal.container_id)
            check_reach(terminal.requested_by, reach_of(container.settings))
            attachment, resize, end = begin(terminal)
            resize(rows, columns)
        except EngineError as error:
            end_terminal(terminal, exit_code=None, message=error.message)
            raise
        return EngineConversation(terminal, attachment, resize, end)

    def _exec(self, terminal: Terminal) -> tuple[Attachment, Resize, End]:
        settings = ExecSettings(
            command=tuple(terminal.command),
            user=terminal.run_as,
            env=SCREEN,
            tty=True,
            stdin=True,
        )
        record = self._containers.exec_create(terminal.container_id, settings)
        attachment = self._containers.exec_start(record.id)
        assert attachment is not None
        resize = _resizer(
            lambda rows, columns: self._containers.exec_resize(
                record.id, rows=rows, columns=columns
            )
        )
        return attachment, resize, lambda: self._containers.exec_end(record.id, grace=GRACE_SECONDS)

    def _attach(self, terminal: Terminal) -> tuple[Attachment, Resize, End]:
        container = self._containers.get(terminal.container_id)
        if not container.is_running:
            raise WrongState(f"{container.name} does not run", remedy="Start it first.")
        attachment = self._containers.attach(container.id, stdin=container.settings.open_stdin)
        if not container.settings.tty:
            return attachment, _nothing, _nothing
        resize = _resizer(
            lambda rows, columns: self._containers.resize(container.id, rows=rows, columns=columns)
        )
        return attachment, resize, _nothing


class EngineConversation:
    """
    A `Conversation` over one attachment of the engine.

    *end* ends what was started for it, where something was: nobody could get back to it.
    """

    def __init__(
        self, terminal: Terminal, attachment: Attachment, resize: Resize, end: End
    ) -> None:
        self._terminal = terminal
        self._attachment = attachment
        self._resize = resize
        self._end = end

    def read(self, timeout: float) -> bytes | None:
        """Return what was printed, empty after *timeout* seconds of silence, None at the end."""
        piece = self._attachment.read(timeout)
        return None if piece is None else piece[1]

    def write(self, content: bytes) -> None:
        """Give *content* to the program; returns when it was taken."""
        self._attachment.write(content)

    def resize(self, rows: int, columns: int) -> None:
        """Tell the program how large the screen is."""
        self._resize(rows, columns)

    def end_input(self) -> None:
        """Tell the program that nothing more is typed."""
        self._attachment.close_stdin()

    def close(self) -> str:
        """
        End the conversation; return in words how the program ended, if it did.

        A program that was started for it gets a moment to end by itself, then it is killed.
        """
        code = self._attachment.exit_code
        if code is None and self._terminal.kind == TerminalKind.EXEC:
            self._hang_up()
        self._attachment.close()
        with suppress(EngineError):
            self._end()
        end_terminal(self._terminal, exit_code=code)
        connection.close()
        return "" if code is None else f"It ended with exit code {code}."

    def _hang_up(self) -> None:
        # Nobody types any more. A shell that waits for a line ends by this, instead of staying on.
        with suppress(EngineError, OSError):
            self._attachment.write(END_OF_INPUT)


def _nothing(*_: int) -> None:
    return


def _resizer(resize: Callable[[int, int], None]) -> Resize:
    """Return *resize*, for which a program that has ended meanwhile is no error."""

    def quietly(rows: int, columns: int) -> None:
        try:
            resize(rows, columns)
        except EngineError:
            return

    return quietly
