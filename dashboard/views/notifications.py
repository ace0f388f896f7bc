"""What this person was told, and that they have read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from dashboard import selectors, services
from dashboard.permissions import ROLE_TO_SEE, SignedInRequest, is_htmx, require_role
from dashboard.views.answers import missing_is_404, render_page
from dashboard.views.lists import chips_of, list_context

if TYPE_CHECKING:
    from dashboard.models import Notice

STATES = (("", "All", None), ("unread", "Unread", None))


@require_safe
@require_role(ROLE_TO_SEE)
def notifications(request: SignedInRequest) -> HttpResponse:
    """List what this person was told, newest first."""
    chosen = selectors.NOTIFICATIONS.parse(request.GET.dict())
    page = selectors.notifications(request.user, chosen)
    chips = chips_of(request, "state", STATES)
    context = list_context(
        request,
        "notification",
        chosen,
        page=page,
        chips=chips,
        sends_mail=settings.SHIPSHAPE_SENDS_MAIL,
    )
    return render_page(request, "notifications/list", context)


@require_safe
@require_role(ROLE_TO_SEE)
def notifications_latest(request: SignedInRequest) -> HttpResponse:
    """Show the bell's list as it is now, to a page that begins to listen."""
    context = {
        "latest": selectors.latest_notifications(request.user),
        "unread_count": selectors.unread_count(request.user.pk),
    }
    return render(request, "dashboard/notifications/_latest.html", context)


@require_POST
@require_role(ROLE_TO_SEE)
@missing_is_404
def notification_open(request: SignedInRequest, notification_id: int) -> HttpResponse:
    """Go to what a notification is about, which is read with that."""
    notification = selectors.get_notification(request.user, notification_id)
    services.mark_read(notification)
    return redirect(target_of(notification.notice))


@require_POST
@require_role(ROLE_TO_SEE)
@missing_is_404
def notification_read(request: SignedInRequest, notification_id: int) -> HttpResponse:
    """Have one notification read."""
    services.mark_read(selectors.get_notification(request.user, notification_id))
    return HttpResponse(status=204) if is_htmx(request) else redirect("notifications")


@require_POST
@require_role(ROLE_TO_SEE)
def notifications_read(request: SignedInRequest) -> HttpResponse:
    """Have all notifications read."""
    services.mark_all_read(request.user)
    return redirect("notifications")


def target_of(notice: Notice) -> str:
    """Return where *notice* leads: a page of ours, whatever was written into it."""
    is_ours = url_has_allowed_host_and_scheme(notice.link, allowed_hosts=None)
    return notice.link if is_ours else "notifications"
