"""What can be done with one container: at once, or after a question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.views.decorators.http import require_http_methods, require_POST

from dashboard import selectors
from dashboard.arguments import Thing
from dashboard.forms.containers import (
    CommitForm,
    LimitsForm,
    RemoveContainerForm,
    RenameForm,
    typed_limits,
)
from dashboard.jobs import JobName
from dashboard.models import Role
from dashboard.permissions import SignedInRequest, View, require_role
from dashboard.views.answers import answer_job, missing_is_404
from dashboard.views.asking import answer_sent, render_form, sent
from dashboard.views.filing import file_job
from dashboard.views.others import explain_container
from dashboard.views.trashing import Going, answer_trash

if TYPE_CHECKING:
    from django.forms import Form
    from django.http import HttpResponse

    from dashboard.models import Container, Job


def _at_once(name: JobName) -> View[[str, str]]:
    """Return the view that has the job *name* done with a container."""

    @require_POST
    @require_role(Role.OPERATOR)
    @missing_is_404
    def act(request: SignedInRequest, host: str, container_id: str) -> HttpResponse:
        container = selectors.container_detail(host, container_id)
        told = {"container_id": container.container_id}
        return answer_job(request, file_job(request, name, container.host_id, told))

    return act


container_start = _at_once(JobName.START_CONTAINER)
container_stop = _at_once(JobName.STOP_CONTAINER)
container_kill = _at_once(JobName.KILL_CONTAINER)
container_restart = _at_once(JobName.RESTART_CONTAINER)
container_pause = _at_once(JobName.PAUSE_CONTAINER)
container_unpause = _at_once(JobName.UNPAUSE_CONTAINER)


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.OPERATOR)
@missing_is_404
def container_remove(request: SignedInRequest, host: str, container_id: str) -> HttpResponse:
    """Say what removing a container would lose, and have it removed."""
    container = selectors.container_detail(host, container_id)
    form = RemoveContainerForm(sent(request), container=container, user=request.user)
    told: dict[str, Any] = {"force": container.is_running}
    if form.is_valid():
        told["with_volumes"] = form.cleaned_data["with_volumes"]
    return _answer(request, JobName.REMOVE_CONTAINER, container, form, told, question="remove")


@require_POST
@require_role(Role.OPERATOR)
@missing_is_404
def container_trash(request: SignedInRequest, host: str, container_id: str) -> HttpResponse:
    """Have a container moved to the trash: at once, unless it runs or is somebody else's."""
    container = selectors.container_detail(host, container_id)
    going = Going(
        container,
        Thing("container", container.container_id),
        container.name,
        container.owner,
        JobName.TRASH_CONTAINERS,
        has_effects=container.is_running,
        more={"stop": container.is_running},
    )
    return answer_trash(request, going, {})


@require_POST
@require_role(Role.OPERATOR)
@missing_is_404
def container_keep(request: SignedInRequest, host: str, container_id: str) -> HttpResponse:
    """Have a container kept from clean-ups, or no longer where it is."""
    container = selectors.container_detail(host, container_id)
    told = {"ids": [container.container_id], "let_go": container.is_kept}
    return answer_job(request, file_job(request, JobName.KEEP_THINGS, container.host_id, told))


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.OPERATOR)
@missing_is_404
def container_rename(request: SignedInRequest, host: str, container_id: str) -> HttpResponse:
    """Ask for a new name, and have the container called so."""
    container = selectors.container_detail(host, container_id)
    form = RenameForm(sent(request), initial={"name": container.name})
    told = form.cleaned_data if form.is_valid() else {}
    return _answer(request, JobName.RENAME_CONTAINER, container, form, told, question="rename")


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.OPERATOR)
@missing_is_404
def container_update(request: SignedInRequest, host: str, container_id: str) -> HttpResponse:
    """Ask for new limits, and have the container held to them."""
    container = selectors.container_detail(host, container_id)
    form = LimitsForm(sent(request), initial=typed_limits(container))
    told = form.arguments() if form.is_valid() else {}
    return _answer(request, JobName.UPDATE_CONTAINER, container, form, told, question="update")


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.OPERATOR)
@missing_is_404
def container_commit(request: SignedInRequest, host: str, container_id: str) -> HttpResponse:
    """Ask what to call the image, and have it made of the container."""
    container = selectors.container_detail(host, container_id)
    form = CommitForm(sent(request))
    told = form.arguments() if form.is_valid() else {}
    return _answer(request, JobName.COMMIT_CONTAINER, container, form, told, question="commit")


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.OPERATOR)
@missing_is_404
def container_reset(request: SignedInRequest, host: str, container_id: str) -> HttpResponse:
    """Say what a reset would lose, and have the container as its image made it."""
    container = selectors.container_detail(host, container_id)
    form = RemoveContainerForm(sent(request), container=container, user=request.user)
    form.fields.pop("with_volumes")
    return _answer(request, JobName.RESET_CONTAINER, container, form, {}, question="reset")


def _answer(
    request: SignedInRequest,
    name: JobName,
    container: Container,
    form: Form,
    told: dict[str, Any],
    *,
    question: str,
) -> HttpResponse:
    """Ask the *question*, again where the form or the job refuses, or show the job."""
    needs_owner = name is not JobName.COMMIT_CONTAINER
    is_removal = name is JobName.REMOVE_CONTAINER
    if needs_owner and (answer := explain_container(request, container, is_removal=is_removal)):
        return answer

    def file() -> Job:
        arguments = {"container_id": container.container_id, **told}
        return file_job(request, name, container.host_id, arguments)

    return answer_sent(request, form, file) or render_form(
        request,
        f"dashboard/containers/_{question}.html",
        form,
        {"container": container},
        title=f"{question.capitalize()} {container.name}",
    )
