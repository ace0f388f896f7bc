"""What only the host knows of an image: its files, its relatives, its story, told when asked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.utils.dateparse import parse_datetime
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from dashboard import selectors
from dashboard.agents import Question, ask
from dashboard.forms import words_of
from dashboard.models import Image, Role
from dashboard.permissions import SignedInRequest, require_role
from dashboard.views.answers import missing_is_404, render_question
from engine.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MOST_FILE = 5 << 20
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)


@require_safe
@require_role(Role.VIEWER)
@missing_is_404
def image_files(request: SignedInRequest, host: str, image_id: str) -> HttpResponse:
    """Show what each layer added, changed and removed, and what of it nobody sees."""
    image = selectors.image_detail(host, image_id).image
    context = _asked(image, Question.IMAGE_FILES)
    return _part(request, "files", image, context, title="Files")


@require_safe
@require_role(Role.VIEWER)
@missing_is_404
def image_layer_files(
    request: SignedInRequest, host: str, image_id: str, chain_id: str
) -> HttpResponse:
    """Show the paths that one layer touched."""
    image, text = selectors.image_detail(host, image_id).image, request.GET.get("q", "")[:200]
    context = _asked(image, Question.LAYER_FILES, chain_id=f"sha256:{chain_id}", text=text)
    return _part(
        request,
        "layer_files",
        image,
        {**context, "text": text, "chain": chain_id, "most_file": MOST_FILE},
        title="Layer",
    )


@require_safe
@require_role(Role.OPERATOR)
@missing_is_404
def image_layer_file(
    request: SignedInRequest, host: str, image_id: str, chain_id: str
) -> HttpResponse:
    """Give one small file as a layer brought it."""
    image, path = selectors.image_detail(host, image_id).image, request.GET.get("path", "")
    answer = _asked(image, Question.LAYER_FILE, chain_id=f"sha256:{chain_id}", path=path)
    if "error" in answer:
        return HttpResponse(answer["error"], status=404, content_type="text/plain")
    # Whatever it is, a browser only stores it.
    response = HttpResponse(answer["content"], content_type="application/octet-stream")
    name = content_disposition_header(as_attachment=True, filename=path.rpartition("/")[2])
    response["Content-Disposition"] = name or "attachment"
    return response


@require_safe
@require_role(Role.VIEWER)
@missing_is_404
def image_compare(request: SignedInRequest, host: str, image_id: str) -> HttpResponse:
    """Show in what another image of the host differs from this one."""
    image = selectors.image_detail(host, image_id).image
    other = request.GET.get("with", "")
    context: dict[str, Any] = {"candidates": selectors.image_names(host, limit=200)}
    if _DIGEST.fullmatch(other):
        context |= _compared(image, other)
    return _part(request, "compare", image, context, title="Compare")


@require_safe
@require_role(Role.VIEWER)
@missing_is_404
def image_lineage(request: SignedInRequest, host: str, image_id: str) -> HttpResponse:
    """Show the images that this one was built on, and those built on it."""
    image = selectors.image_detail(host, image_id).image
    context = _asked(image, Question.IMAGE_LINEAGE)
    for side in ("bases", "derived"):
        context[side] = _with_moments(context.get(side, ()), "created")
    return _part(request, "lineage", image, context, title="Family")


@require_safe
@require_role(Role.VIEWER)
@missing_is_404
def image_dockerfile(request: SignedInRequest, host: str, image_id: str) -> HttpResponse:
    """Show a Dockerfile that tells about how the image was made."""
    image = selectors.image_detail(host, image_id).image
    return _part(
        request, "dockerfile", image, _asked(image, Question.IMAGE_DOCKERFILE), title="Dockerfile"
    )


@require_safe
@require_role(Role.VIEWER)
@missing_is_404
def image_tags(request: SignedInRequest, host: str, image_id: str) -> HttpResponse:
    """Show what tags came to the image and went from it."""
    image = selectors.image_detail(host, image_id).image
    context = _asked(image, Question.TAG_HISTORY)
    context["moves"] = _with_moments(context.get("moves", ()), "at")
    return _part(request, "tag_history", image, context, title="Tags")


def _compared(image: Image, other: str) -> dict[str, Any]:
    try:
        found = selectors.image_detail(image.host_id, other).image
    except EngineError as error:
        return {"error": words_of(error)}
    answer = _asked(image, Question.IMAGE_COMPARE, other=other)
    for row in answer.get("config", ()):
        row[0] = row[0].replace("_", " ")
    return {**answer, "other": found}


def _asked(image: Image, question: Question, **told: Any) -> dict[str, Any]:
    """Return what the host of *image* answers, or in words why it does not."""
    try:
        answer: dict[str, Any] = ask(
            image.host_id, question, {"image_id": image.image_id, **told}, patience=20.0
        )
    except EngineError as error:
        return {"error": words_of(error)}
    return answer


def _with_moments(rows: Iterable[Mapping[str, Any]], name: str) -> list[dict[str, Any]]:
    return [{**row, name: parse_datetime(row[name]) if row[name] else None} for row in rows]


def _part(
    request: SignedInRequest, part: str, image: Image, context: dict[str, Any], *, title: str
) -> HttpResponse:
    template = f"dashboard/images/_{part}.html"
    return render_question(request, template, {"image": image, **context}, title=title)
