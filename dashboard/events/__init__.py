"""
The one place that tells open pages what changed.

Each `publish_*` may be called anywhere, also inside a transaction and from workers: it acts after
the commit, renders once, and sends one message that every page receives as it is. Nothing that goes
wrong here undoes or delays the change itself; it is logged, and the page is right after its next
load.

Rows are rendered by the same partials as in pages and know nothing of who looks: they carry their
owner, buttons carry `data-needs`, and what a person may do is decided when they do it.
"""

from dashboard.events.hosts import publish_host, publish_stats
from dashboard.events.jobs import publish_job, publish_job_log
from dashboard.events.people import (
    publish_account_changed,
    publish_all_read,
    publish_notification,
    publish_toast,
)
from dashboard.events.rows import (
    publish_container,
    publish_image,
    publish_network,
    publish_removed,
    publish_volume,
)
from dashboard.events.sending import JOBS_GROUP, TEAM_GROUP, host_group, user_group

__all__ = [
    "JOBS_GROUP",
    "TEAM_GROUP",
    "host_group",
    "publish_account_changed",
    "publish_all_read",
    "publish_container",
    "publish_host",
    "publish_image",
    "publish_job",
    "publish_job_log",
    "publish_network",
    "publish_notification",
    "publish_removed",
    "publish_stats",
    "publish_toast",
    "publish_volume",
    "user_group",
]
