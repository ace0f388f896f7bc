"""Images: the list, one of them, and taking them in and away."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard import selectors
from dashboard.arguments import Thing
from dashboard.forms import PullForm, RemoveImageForm, show_failure, show_refusal
from dashboard.jobs import JobName
from dashboard.models import Role
from dashboard.permissions import SignedInRequest, require_role
from dashboard.templatetags.words import familiar
from dashboard.views.again import asked_before
from dashboard.views.answers import (
    REFUSED,
    answer_in_place,
    answer_job,
    missing_is_404,
    render_page,
    render_question,
)
from dashboard.views.asking import answer_sent, render_form
from dashboard.views.details import tab_of
from dashboard.views.filing import file_job
from dashboard.views.inspection import history_of, inspect_image
from dashboard.views.lists import chips_of, hosts_about, list_context, offline
from dashboard.views.others import explain_owner
from dashboard.views.trashing import Going, answer_trash
from engine.errors import EngineError

if TYPE_CHECKING:
    from django.forms import Form
    from django.http import HttpResponse

    from dashboard.models import Image, Job
    from dashboard.selectors import ImageDetail

STARTER = "shipshape/starter"
TABS = (
    ("overview", "Overview"),
    ("files", "Files"),
    ("compare", "Compare"),
    ("family", "Family"),
    ("dockerfile", "Dockerfile"),
    ("tags", "Tags"),
    ("config", "Config"),
)


@require_safe
@require_role(Role.VIEWER)
def images(request: SignedInRequest) -> HttpResponse:
    """List images with their sizes, shared and not."""
    chosen = selectors.IMAGES.parse(request.GET.dict())
    hosts = hosts_about(chosen.host)
    totals = selectors.Totals.of(hosts)
    options = (
        ("", "All", totals.images),
        ("dangling", "Untagged", totals.dangling),
        ("used", "In use", None),
        ("unused", "No container uses", None),
    )
    page = selectors.IMAGES.page(chosen)
    context = list_context(
        request,
        "image",
        chosen,
        page=page,
        totals=totals,
        offline=offline(hosts),
        has_starter=any(STARTER in tag.repository for image in page for tag in image.tags.all()),
        chips=chips_of(request, "show", options),
    )
    return render_page(request, "images/list", context)


@require_safe
@require_role(Role.VIEWER)
@missing_is_404
def image_detail(request: SignedInRequest, host: str, image_id: str) -> HttpResponse:
    """Show one image, by parts; what only its host knows is asked for by the part itself."""
    found = selectors.image_detail(host, image_id)
    image = found.image
    context = {
        "tabs": TABS,
        "tab": tab_of(request, TABS),
        "compare_with": request.GET.get("with", ""),
        "image": image,
        "name": _name_of(image),
        "launch_as": _launch_name(image),
        "layers": found.layers,
        "way": selectors.way_of_image(image, found.containers),
        "containers": found.containers,
        "history": history_of(image),
        "config": inspect_image(image),
        "offline": offline([image.host]),
    }
    return render_page(request, "images/detail", context)


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.OPERATOR)
def image_pull(request: SignedInRequest) -> HttpResponse:
    """Ask what to pull, and show it being pulled."""
    form_with = partial(PullForm, hosts=selectors.hosts(), credentials=selectors.credentials())
    if request.method != "POST":
        job = asked_before(request, JobName.PULL_IMAGE)
        form = form_with(_as_asked_before(job)) if job else form_with(initial=_initial(request))
        if job and form.is_valid():
            show_failure(form, job)
        return _ask_what_to_pull(request, form)
    form = form_with(request.POST)

    def file() -> Job:
        host = form.cleaned_data["host"]
        return file_job(request, JobName.PULL_IMAGE, host, form.arguments())

    return answer_sent(request, form, file) or _ask_what_to_pull(request, form)


@require_POST
@require_role(Role.OPERATOR)
@missing_is_404
def image_starter(request: SignedInRequest) -> HttpResponse:
    """Have the starter image made, on the host named or on the first one."""
    known = selectors.hosts()
    host = request.POST.get("host", "") or (known[0].name if known else "")
    return answer_job(request, file_job(request, JobName.MAKE_STARTER_IMAGE, host, {}))


@require_http_methods(["GET", "HEAD", "POST"])
@require_role(Role.OPERATOR)
@missing_is_404
def image_remove(request: SignedInRequest, host: str, image_id: str) -> HttpResponse:
    """Say what removing an image or one of its tags would free, and have it removed."""
    found = selectors.image_detail(host, image_id)
    thing = Thing("image", found.image.image_id)
    if answer := explain_owner(request, found.image.added_by, host=host, thing=thing):
        return answer
    data = request.POST if request.method == "POST" else request.GET
    form = RemoveImageForm(data)
    if request.method != "POST" or not form.is_valid():
        return _ask_to_remove(request, found, form)
    try:
        told = _removal(found.image, form.cleaned_data["reference"])
        job = file_job(request, JobName.REMOVE_IMAGE, host, told)
    except EngineError as error:
        show_refusal(form, error)
        return _ask_to_remove(request, found, form)
    return answer_in_place(request, job)


@require_POST
@require_role(Role.OPERATOR)
@missing_is_404
def image_trash(request: SignedInRequest, host: str, image_id: str) -> HttpResponse:
    """Have an image moved to the trash: at once, unless it is in use or somebody else's."""
    found = selectors.image_detail(host, image_id)
    image = found.image
    going = Going(
        image,
        Thing("image", image.image_id),
        _name_of(image),
        image.added_by,
        JobName.TRASH_IMAGES,
        is_held=bool(found.containers),
    )
    return answer_trash(request, going, {"containers": found.containers})


def _initial(request: SignedInRequest) -> dict[str, str]:
    return {name: request.GET.get(name, "") for name in ("host", "reference", "credentials_id")}


def _as_asked_before(job: Job) -> dict[str, Any]:
    told = {"host": job.host_id, "reference": familiar(job.arguments["reference"])}
    return {**told, "credentials_id": job.arguments.get("credentials_id")}


def _removal(image: Image, reference: str) -> dict[str, Any]:
    if reference:
        return {"image_id": image.image_id, "reference": reference}
    # The page names all tags that go, so whoever sends it means all of them.
    return {"image_id": image.image_id, "force": len(image.tags.all()) > 1}


def _ask_what_to_pull(request: SignedInRequest, form: PullForm) -> HttpResponse:
    return render_form(request, "dashboard/images/_pull.html", form, title="Pull image")


def _ask_to_remove(request: SignedInRequest, found: ImageDetail, form: Form) -> HttpResponse:
    image, reference = found.image, str(form["reference"].value() or "")
    others = [tag for tag in image.tags.all() if tag.reference != reference]
    is_untag_only = bool(reference and others)
    name = familiar(reference) if reference else _name_of(image)
    question = f"Untag {name}?" if is_untag_only else f"Remove {name}?"
    context = {
        "image": image,
        "reference": reference,
        "is_untag_only": is_untag_only,
        "other_tags": others,
        "containers": found.containers,
        "question": question,
        "form": form,
    }
    status = REFUSED if request.method == "POST" else 200
    return render_question(
        request, "dashboard/images/_remove.html", context, title=question, status=status
    )


def _name_of(image: Image) -> str:
    for tag in image.tags.all():
        return f"{familiar(tag.repository)}:{tag.tag}"
    return image.short_id


def _launch_name(image: Image) -> str:
    for tag in image.tags.all():
        return tag.reference
    return image.hex
