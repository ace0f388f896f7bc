"""
`/ws/logs/`: the log of one container, as `dashboard.consumers.streaming` says.

    server  → {"type": "lines", "seq", "lines", "skipped"}
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from dashboard.consumers.streaming import StreamConsumer
from dashboard.consumers.tickets import Grant, StreamAction
from dashboard.permissions import ROLE_TO_SEE

if TYPE_CHECKING:
    from dashboard.models import Role

TAIL = 500


class LogsConsumer(StreamConsumer):
    """Passes on what a container prints."""

    action: ClassVar[StreamAction] = StreamAction.LOGS
    role: Role = ROLE_TO_SEE

    def _opening(self, grant: Grant, message: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        return {"container_id": grant.container_id, "tail": TAIL}

    async def stream_lines(self, message: dict[str, Any]) -> None:
        """Pass a batch on; one of another stream, or out of turn, is dropped."""
        if self._is_next(message):
            number, skipped = message["seq"], message.get("skipped", 0)
            batch = {"seq": number, "lines": message["lines"], "skipped": skipped}
            await self.send(text_data=json.dumps({"type": "lines", **batch}))
