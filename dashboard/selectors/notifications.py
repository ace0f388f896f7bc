"""What people were told, as pages list it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q

from dashboard.errors import NotificationNotFound
from dashboard.models import Notification
from dashboard.selectors.lists import Listing, one_of
from dashboard.selectors.pages import Page, page_of

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from dashboard.models import User
    from dashboard.selectors.lists import Chosen

LATEST = 8
UNREAD_COUNTED = 100


def rows() -> QuerySet[Notification]:
    """Return notifications with all that a row shows."""
    return Notification.objects.select_related("notice").order_by("-id")


NOTIFICATIONS = Listing(
    rows, filters={"state": one_of({"unread": Q(read_at=None)})}, orders={"": ("-id",)}
)


def notifications(user: User, chosen: Chosen) -> Page[Notification]:
    """Return a page of what *user* was told, newest first."""
    return page_of(NOTIFICATIONS.matching(chosen).filter(user=user), number=chosen.page)


def latest_notifications(user: User) -> tuple[Notification, ...]:
    """Return the newest of what *user* was told, for the frame of every page."""
    return tuple(rows().filter(user=user)[:LATEST])


def unread_count(user_id: int) -> int:
    """Return how much that person has not read, counted up to `UNREAD_COUNTED`."""
    unread = Notification.objects.filter(user_id=user_id, read_at=None)
    return unread.order_by()[:UNREAD_COUNTED].count()


def get_notification(user: User, notification_id: int) -> Notification:
    """Return one of *user*'s notifications; raise `NotificationNotFound`."""
    found = rows().filter(user=user, pk=notification_id).first()
    if found is None:
        raise NotificationNotFound(notification_id)
    return found


def find_notification(notification_id: int) -> Notification | None:
    """Return one notification with its notice, or None."""
    return rows().filter(pk=notification_id).first()
