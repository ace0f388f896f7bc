"""The team's webhooks, for admins; and what a person wants of notifications."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from dashboard import selectors, services
from dashboard.forms.webhooks import WebhookForm
from dashboard.models import NoticeKind
from dashboard.permissions import ROLE_FOR_WEBHOOKS, ROLE_TO_SEE, SignedInRequest, require_role
from dashboard.views.answers import REFUSED, address_of, missing_is_404, render_page

if TYPE_CHECKING:
    from dashboard.models import Webhook


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(ROLE_FOR_WEBHOOKS)
def webhooks(request: SignedInRequest) -> HttpResponse:
    """List the team's webhooks with what became of their last deliveries, and add one."""
    if request.method != "POST":
        return _show(request, WebhookForm())
    form = WebhookForm(request.POST)
    if not form.is_valid():
        return _show(request, form, status=REFUSED)
    saved = services.save_webhook(
        **form.cleaned_data, user=request.user, address=address_of(request)
    )
    messages.success(request, f"{saved.name} is told from now on. Send it a test.")
    return redirect("webhooks")


@require_POST
@require_role(ROLE_FOR_WEBHOOKS)
@missing_is_404
def webhook_change(request: SignedInRequest, webhook_id: int) -> HttpResponse:
    """Send a webhook a test, switch it on or off, or forget it."""
    webhook = selectors.get_webhook(webhook_id)
    if not _change(request, webhook, request.POST.get("action", "")):
        return HttpResponseBadRequest("unknown change")
    return redirect("webhooks")


@require_POST
@require_role(ROLE_TO_SEE)
def notification_test(request: SignedInRequest) -> HttpResponse:
    """Tell whoever asks something, in each way in which they are told things."""
    words = "This is how you are told what happens."
    services.notify(NoticeKind.TEST, services.TEST_TITLE, words, users=[request.user])
    return redirect("notifications")


@require_POST
@require_role(ROLE_TO_SEE)
def notification_mail(request: SignedInRequest) -> HttpResponse:
    """Have what this person is told sent by mail too, or not."""
    services.set_wants_mail(request.user, wants_mail=request.POST.get("mail") == "on")
    return redirect("notifications")


def _change(request: SignedInRequest, webhook: Webhook, action: str) -> bool:
    user, address = request.user, address_of(request)
    if action == "test":
        services.send_test(webhook, user=user)
        messages.success(request, f"A test is on its way to {webhook.name}.")
    elif action in {"on", "off"}:
        services.switch_webhook(webhook, on=action == "on", user=user, address=address)
    elif action == "delete":
        services.delete_webhook(webhook, user=user, address=address)
        messages.success(request, f"{webhook.name} is forgotten.")
    else:
        return False
    return True


def _show(request: SignedInRequest, form: WebhookForm, status: int = 200) -> HttpResponse:
    context = {
        "webhooks": selectors.webhooks(),
        "form": form,
        "sends_mail": settings.SHIPSHAPE_SENDS_MAIL,
    }
    return render_page(request, "webhooks/list", context, status=status)
