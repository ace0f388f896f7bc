"""
What beat asks for on its own.

Beat writes these entries into its tables when it starts, once and by name, and an admin may disable
them there. They go to the queue `team`, which any host's worker serves.
"""

from __future__ import annotations

from typing import Any

PURGE_HISTORY = "team.purge_history"
RESEND_DELIVERIES = "team.resend_deliveries"
TEND_LEASES = "team.tend_leases"
HOUR = 3600.0
FIVE_MINUTES = 300.0
MINUTE = 60.0

BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "Forget old jobs and audit entries": {
        "task": PURGE_HISTORY,
        "schedule": HOUR,
        "options": {"queue": "team", "expires": HOUR},
    },
    "Send again mail and webhooks that were lost": {
        "task": RESEND_DELIVERIES,
        "schedule": FIVE_MINUTES,
        "options": {"queue": "team", "expires": FIVE_MINUTES},
    },
    "Tell of leases that end, and end them": {
        "task": TEND_LEASES,
        "schedule": MINUTE,
        "options": {"queue": "team", "expires": MINUTE},
    },
}
