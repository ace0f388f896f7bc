"""What people were told, as pages list it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from dashboard.errors import NotificationNotFound
from dashboard.models import Notification
from dashboard.selectors.pages import Page, choice_in, page_in, page_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import QuerySet

    from dashboard.models import User

LATEST = 8
UNREAD_COUNTED = 100


@dataclass(frozen=True, slots=True)
class NotificationFilter:
    """Which notifications a list shows, as its URL says."""

    state: str = ""
    page: int = 1

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Self:
        """Return the filter in a URL's *query*; what makes no sense there is left out."""
        return cls(state=choice_in(query, "state", ("unread",), ""), page=page_in(query))

    @property
    def is_active(self) -> bool:
        """Whether anything is left out of the list."""
        return bool(self.state)


def rows() -> QuerySet[Notification]:
    """Return notifications with all that a row shows."""
    return Notification.objects.select_related("notice").order_by("-id")


def notifications(user: User, chosen: NotificationFilter) -> Page[Notification]:
    """Return a page of what *user* was told, newest first."""
    found = rows().filter(user=user)
    return page_of(found.filter(read_at=None) if chosen.state else found, number=chosen.page)


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
