"""
What beat asks for on its own.

Beat writes these entries into its tables when it starts, once and by name, and an admin may disable
them there. They go to the queue `team`, which any host's worker serves.
"""

from __future__ import annotations

from typing import Any

PURGE_HISTORY = "team.purge_history"
HOUR = 3600.0

BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "Forget old jobs and audit entries": {
        "task": PURGE_HISTORY,
        "schedule": HOUR,
        "options": {"queue": "team", "expires": HOUR},
    },
}
