"""Naming images and carrying them: tag, push, copy, download and upload."""

from __future__ import annotations

import uuid
from functools import partial
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse, JsonResponse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard import audit, selectors
from dashboard.agents import Question, ask
from dashboard.forms import words_of
from dashboard.forms.images import CopyForm, PushForm, TagForm, ToHostForm
from dashboard.jobs import JobName
from dashboard.models import Role
from dashboard.permissions import SignedInRequest, require_role
from dashboard.templatetags.words import familiar, render_bytes
from dashboard.views.answers import (
    REFUSED,
    address_of,
    answer_in_place,
    missing_is_404,
    render_question,
)
from dashboard.views.asking import answer_sent, render_form, sent
from dashboard.views.downloads import answer_download
from dashboard.views.filing import file_job
from engine.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.forms import Form

    from dashboard.models import Image, Job
    from dashboard.selectors import TransferTarget

MOST_PIECE = 1 << 20
_TITLES = {
    "tag": "Add a tag",
    "push": "Push",
    "copy": "Copy to another registry",
    "to_host": "Copy to another host",
}


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.OPERATOR)
@missing_is_404
def image_tag(request: SignedInRequest, host: str, image_id: str) -> HttpResponse:
    """Ask for one more name, and have the image get it."""
    image = selectors.image_detail(host, image_id).image
    told = {"image_id": image.image_id}
    return _asked_in_form(request, image, JobName.TAG_IMAGE, TagForm, "tag", told)


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.OPERATOR)
@missing_is_404
def image_push(request: SignedInRequest, host: str, image_id: str) -> HttpResponse:
    """Ask under which of its names to push, and have it pushed."""
    image = selectors.image_detail(host, image_id).image
    names = [(tag.reference, familiar(tag.reference)) for tag in image.tags.all()]
    form = partial(PushForm, references=names, credentials=selectors.credentials())
    told = {"image_id": image.image_id}
    return _asked_in_form(request, image, JobName.PUSH_IMAGE, form, "push", told)


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.OPERATOR)
@missing_is_404
def image_copy(request: SignedInRequest, host: str, image_id: str) -> HttpResponse:
    """Ask from which registry to which other one, and have the host copy."""
    image = selectors.image_detail(host, image_id).image
    first = image.tags.first()
    initial = {"source": familiar(first.reference) if first else ""}
    form = partial(CopyForm, credentials=selectors.credentials(), initial=initial)
    return _asked_in_form(request, image, JobName.COPY_IMAGE, form, "copy", {})


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.OPERATOR)
@missing_is_404
def image_to_host(request: SignedInRequest, host: str, image_id: str) -> HttpResponse:
    """Ask to which other host an image goes, and have that one fetch it."""
    image = selectors.image_detail(host, image_id).image
    names = [(tag.reference, familiar(tag.reference)) for tag in image.tags.all()]
    targets = [(each.host.name, _target(each)) for each in selectors.transfer_targets(image)]
    form = ToHostForm(request.POST or None, references=names, hosts=targets)

    def file() -> Job:
        told = {
            "source": image.host_id,
            "image_id": image.image_id,
            "reference": form.cleaned_data["reference"],
        }
        return file_job(request, JobName.FETCH_IMAGE, form.cleaned_data["to"], told)

    return answer_sent(request, form, file) or _question(request, image, form, "to_host")


def _target(target: TransferTarget) -> str:
    missing = render_bytes(target.missing_bytes) if target.missing_bytes else "nothing"
    away = "" if target.host.is_online else ", offline: the job will wait"
    return f"{target.host.name} ({missing} to send{away})"


@require_safe
@require_role(Role.OPERATOR)
@missing_is_404
def image_save(request: SignedInRequest, host: str, image_id: str) -> HttpResponse:
    """
    Give an archive of the image with all its tags, as its host writes it.

    The pieces come over Redis one by one, each when the browser has taken the one before.
    """
    image = selectors.image_detail(host, image_id).image
    references = [tag.reference for tag in image.tags.all()] or [image.image_id]
    try:
        opened = ask(host, Question.SAVE_OPEN, {"references": references})
    except EngineError as error:
        return HttpResponse(words_of(error), status=503, content_type="text/plain")
    audit.record_change(
        "images.save",
        user=request.user,
        object_kind="image",
        object_id=image.image_id,
        summary=f"Download {_file_name(image)} from {host}"[:255],
        address=address_of(request),
    )
    read = partial(ask, host, Question.SAVE_READ)
    name = f"{_file_name(image)}.tar"
    return answer_download(read, opened["saving"], name=name, content_type="application/x-tar")


@require_safe
@require_role(Role.OPERATOR)
def image_load(request: SignedInRequest) -> HttpResponse:
    """Ask for an archive to load."""
    context = {
        "hosts": selectors.hosts(),
        "chosen_host": request.GET.get("host", ""),
        "upload": uuid.uuid4().hex,
        "piece": MOST_PIECE,
    }
    return render_question(request, "dashboard/images/_load.html", context, title="Load images")


@require_POST
@require_role(Role.OPERATOR)
def image_upload(request: SignedInRequest, host: str, upload: str) -> HttpResponse:
    """Hand one piece of an archive to the host; the browser sends one after the other."""
    offset = request.headers.get("X-Offset", "")
    if not offset.isdecimal() or len(request.body) > MOST_PIECE:
        return JsonResponse({"error": "that is no piece of an upload"}, status=400)
    told = {"upload": upload, "offset": int(offset), "content": request.body}
    try:
        return JsonResponse(ask(host, Question.UPLOAD_WRITE, told))
    except EngineError as error:
        return JsonResponse({"error": words_of(error)}, status=REFUSED)


@require_POST
@require_role(Role.OPERATOR)
@missing_is_404
def image_uploaded(request: SignedInRequest, host: str, upload: str) -> HttpResponse:
    """Have the host load what was uploaded."""
    told = {"upload": upload, "name": request.POST.get("name", "")[:255]}
    return answer_in_place(request, file_job(request, JobName.LOAD_IMAGES, host, told))


def _asked_in_form(
    request: SignedInRequest,
    image: Image,
    name: JobName,
    form_class: Callable[..., Any],
    part: str,
    told: Mapping[str, Any],
) -> HttpResponse:
    form = form_class(sent(request))

    def file() -> Job:
        return file_job(request, name, image.host_id, {**told, **form.arguments()})

    return answer_sent(request, form, file) or _question(request, image, form, part)


def _question(request: SignedInRequest, image: Image, form: Form, part: str) -> HttpResponse:
    title = _TITLES[part]
    return render_form(
        request,
        f"dashboard/images/_{part}.html",
        form,
        {"image": image, "title": title},
        title=title,
    )


def _file_name(image: Image) -> str:
    first = image.tags.first()
    name = familiar(first.reference) if first else image.short_id
    return name.replace("/", "_").replace(":", "-")
