"""What people are told, one of them or all, and that somebody may see something else now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from django.template.loader import render_to_string

from dashboard import selectors
from dashboard.events.sending import TEAM_GROUP, after_commit, send, send_event, user_group

if TYPE_CHECKING:
    from dashboard.events.shapes import NotificationEvent, ToastEvent
    from dashboard.models import Notification, User


def publish_toast(text: str, *, level: Literal["info", "success", "error"] = "info") -> None:
    """Show *text* to everyone who has a page open."""
    event: ToastEvent = {"type": "toast", "level": level, "text": text}
    after_commit(send_event, TEAM_GROUP, event)


def publish_notification(notification: Notification, *, is_new: bool = True) -> None:
    """Show *notification* on every open page of the person whom it tells something."""
    after_commit(_send_notification, notification.pk, is_new)


def publish_all_read(user: User) -> None:
    """Show on every open page of *user* that they have read everything."""
    after_commit(_send_unread, user.pk)


def publish_account_changed(user: User) -> None:
    """Have every open page of *user* check again who they are and what they may see."""
    after_commit(send, user_group(user.pk), {"type": "account.changed"})


def _send_notification(pk: int, is_new: bool) -> None:  # noqa: FBT001  (see after_commit)
    notification = selectors.find_notification(pk)
    if notification is None:
        return
    html = render_to_string("dashboard/notifications/_row.html", {"notification": notification})
    event: NotificationEvent = {
        "type": "notification",
        "key": notification.row_id,
        "title": notification.notice.title,
        "link": notification.notice.link,
        "tone": notification.notice.tone,
        "is_new": is_new,
        "unread": selectors.unread_count(notification.user_id),
        "html": html,
    }
    send_event(user_group(notification.user_id), event)


def _send_unread(user_id: int) -> None:
    event: NotificationEvent = {
        "type": "notification",
        "key": "",
        "title": "",
        "link": "",
        "tone": "",
        "is_new": False,
        "unread": selectors.unread_count(user_id),
        "html": "",
    }
    send_event(user_group(user_id), event)
