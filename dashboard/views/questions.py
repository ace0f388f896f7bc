"""Asking the owner of something to let it go, and answering."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_POST

from dashboard import services
from dashboard.arguments import Thing
from dashboard.forms.questions import AskOwnerForm
from dashboard.models import OwnerQuestion, Role
from dashboard.permissions import SignedInRequest, may_take, require_role
from dashboard.selectors.owners import find_owned
from dashboard.views.answers import address_of, missing_is_404, render_page
from dashboard.views.others import render_others

if TYPE_CHECKING:
    from django.http import HttpResponse


@require_POST
@require_role(Role.OPERATOR)
@missing_is_404
def owner_ask(request: SignedInRequest, host: str, kind: str, object_id: str) -> HttpResponse:
    """Have the owner of something asked to let it go."""
    owned = find_owned(host, Thing(kind, object_id))
    form = AskOwnerForm(request.POST)
    note = form.cleaned_data["note"] if form.is_valid() else ""
    services.ask_owner(owned, user=request.user, note=note, address=address_of(request))
    return render_others(request, owned)


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.VIEWER)
def owner_question(request: SignedInRequest, question_id: int) -> HttpResponse:
    """Show who asks for what and what the owner says, and take the owner's answer."""
    found = OwnerQuestion.objects.select_related("asked_by", "answered_by", "host")
    question = get_object_or_404(found, pk=question_id)
    if request.method == "POST":
        let_go = request.POST.get("answer") == "let-go"
        address = address_of(request)
        if services.answer_owner(question, let_go=let_go, user=request.user, address=address):
            messages.success(request, f"{question.asked_by.username} is told.")
        return redirect(question)
    context = {
        "question": question,
        "owned": find_owned(question.host_id, Thing(question.kind, question.object_id), miss=True),
        "may_answer": may_take(request.user, question.owner),
    }
    return render_page(request, "questions/detail", context)
