"""Telling people: one notice, in the inbox of everybody whom it concerns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from dashboard import events
from dashboard.models import Notice, Notification, User
from dashboard.services.deliveries import send_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dashboard.models import NoticeKind, Role


def notify(
    kind: NoticeKind,
    title: str,
    body: str = "",
    link: str = "",
    *,
    users: Iterable[User] = (),
    roles: Iterable[Role] = (),
    data: Mapping[str, Any] | None = None,
    key: str = "",
) -> Notice | None:
    """
    Return the notice, now in the inbox of *users* and of whoever may do what one of *roles* may.

    *link* is a path of ours (`/jobs/…`), *data* what programs may want to know, without secrets.
    Accounts that are shut out are told nothing. A *key* names the occasion: the second notice with
    it is not written and None is returned. May be called inside a transaction, with which it stands
    or falls; open pages show it after the commit, and mail and webhooks follow from a worker.
    """
    try:
        with transaction.atomic():
            notice = Notice.objects.create(
                kind=kind.value,
                title=title[:255],
                body=body,
                link=link[:512],
                data=dict(data or {}),
                key=key or None,
            )
            people = recipients(users=users, roles=roles)
            _put_into_inboxes(notice, people)
            send_out(notice, people)
    except IntegrityError:
        if key and Notice.objects.filter(key=key).exists():
            return None
        raise
    return notice


def recipients(*, users: Iterable[User] = (), roles: Iterable[Role] = ()) -> tuple[User, ...]:
    """Return *users* and whoever may do what one of *roles* may, each once, by name."""
    chosen, wanted = {user.pk for user in users}, tuple(roles)
    return tuple(
        user
        for user in User.objects.filter(is_active=True)
        if user.pk in chosen or any(user.has_role(role) for role in wanted)
    )


def mark_read(notification: Notification) -> None:
    """Have the person know *notification*; that they knew it before is fine."""
    unread = Notification.objects.filter(pk=notification.pk, read_at=None)
    with transaction.atomic():
        if unread.update(read_at=timezone.now()):
            events.publish_notification(notification, is_new=False)


def mark_all_read(user: User) -> None:
    """Have *user* know all that they were told."""
    with transaction.atomic():
        if Notification.objects.filter(user=user, read_at=None).update(read_at=timezone.now()):
            events.publish_all_read(user)


def set_wants_mail(user: User, *, wants_mail: bool) -> None:
    """Have what *user* is told sent by mail too from now on, or not."""
    User.objects.filter(pk=user.pk).update(wants_mail=wants_mail)


def _put_into_inboxes(notice: Notice, people: Iterable[User]) -> None:
    for user in people:
        events.publish_notification(Notification.objects.create(notice=notice, user=user))
