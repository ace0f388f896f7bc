"""Forms that ask for a job: put, put again with what is wrong, or answered by the job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard.forms import show_refusal
from dashboard.views.answers import REFUSED, answer_in_place, render_question
from engine.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.forms import Form
    from django.http import HttpRequest, HttpResponse, QueryDict

    from dashboard.models import Job


def sent(request: HttpRequest) -> QueryDict | None:
    """Return what a form is bound to: what was sent, or nothing while it is only asked for."""
    return request.POST if request.method == "POST" else None


def answer_sent(
    request: HttpRequest,
    form: Form,
    file: Callable[[], Job],
    *,
    answer: Callable[[HttpRequest, Job], HttpResponse] = answer_in_place,
) -> HttpResponse | None:
    """
    Answer with the job that *file* files for *form*.

    None where *form* was not sent, or cannot be done as it was: it then says why.
    """
    if not _is_sent(request, form) or not form.is_valid():
        return None
    try:
        job = file()
    except EngineError as error:
        show_refusal(form, error)
        return None
    return answer(request, job)


def render_form(
    request: HttpRequest,
    fragment: str,
    form: Form,
    context: Mapping[str, Any] | None = None,
    *,
    title: str,
) -> HttpResponse:
    """Put *form* as a question, as refused where it was sent."""
    values = {**(context or {}), "form": form}
    status = REFUSED if _is_sent(request, form) else 200
    return render_question(request, fragment, values, title=title, status=status)


def _is_sent(request: HttpRequest, form: Form) -> bool:
    # What somebody asked for before fills a form too, when it is looked at again.
    return form.is_bound and request.method == "POST"
