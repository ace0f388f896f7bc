"""What a container changed in its files: to look at, to take out, to undo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpResponse, HttpResponseBadRequest
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_POST, require_safe

from dashboard import selectors, services
from dashboard.agents import Question, ask
from dashboard.errors import ReachesHost
from dashboard.forms import words_of
from dashboard.jobs import JobName
from dashboard.models import Role
from dashboard.permissions import (
    SignedInRequest,
    answer_forbidden,
    check_reach,
    require_role,
)
from dashboard.views.answers import answer_job, missing_is_404, render_question
from dashboard.views.filing import file_job
from dashboard.views.tree import Change, changes_tree, summary_of
from engine.errors import EngineError

if TYPE_CHECKING:
    from dashboard.models import Container

MOST_CHANGES = 3000


@require_safe
@require_role(Role.VIEWER)
@missing_is_404
def container_changes(request: SignedInRequest, host: str, container_id: str) -> HttpResponse:
    """Show the tree of what a container added, changed and deleted, as its host sees it now."""
    container = selectors.container_detail(host, container_id)
    context: dict[str, Any] = {"container": container, "most": MOST_CHANGES}
    try:
        told = {"container_id": container.container_id, "limit": MOST_CHANGES}
        answer = ask(container.host_id, Question.CHANGES, told)
    except EngineError as error:
        context["error"] = words_of(error)
    else:
        changes = [Change(*each) for each in answer["changes"]]
        context |= {
            "tree": changes_tree(changes),
            "summary": summary_of(changes),
            "has_more": answer["has_more"],
        }
    title = f"Changes of {container.name}"
    return render_question(
        request, "dashboard/containers/_changes_found.html", context, title=title
    )


@require_POST
@require_role(Role.OPERATOR)
@missing_is_404
def container_revert(request: SignedInRequest, host: str, container_id: str) -> HttpResponse:
    """Have files of a container as its image has them."""
    container = selectors.container_detail(host, container_id)
    paths = request.POST.getlist("path")
    told = {"container_id": container.container_id, "paths": paths}
    return answer_job(request, file_job(request, JobName.REVERT_FILES, container.host_id, told))


@require_safe
@require_role(Role.OPERATOR)
@missing_is_404
def container_file(request: SignedInRequest, host: str, container_id: str) -> HttpResponse:
    """Give one small file of a container, as it is now; mounts of the host are part of it."""
    container = selectors.container_detail(host, container_id)
    try:
        check_reach(request.user, services.terminal_reach(container))
    except ReachesHost as error:
        return answer_forbidden(request, error)
    path = request.GET.get("path", "")
    if not path.startswith("/") or "\0" in path or len(path) > 4096:
        return HttpResponseBadRequest("not a path")
    content = _content_of(container, path)
    # Whatever it is, a browser only stores it.
    response = HttpResponse(content, content_type="application/octet-stream")
    name = content_disposition_header(as_attachment=True, filename=path.rpartition("/")[2])
    response["Content-Disposition"] = name or "attachment"
    return response


def _content_of(container: Container, path: str) -> bytes:
    told = {"container_id": container.container_id, "path": path}
    content: bytes = ask(container.host_id, Question.FILE, told)["content"]
    return content
