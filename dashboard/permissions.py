"""
Who may do what: the one place that says so.

A viewer sees everything of the team's; an operator may also ask hosts to do things, cancel that,
and stop, change and remove what is their own; a maintainer may do that with everybody's; an admin
may also decide about people and registry passwords, and launch what reaches into a host.
Views, consumers and workers all ask here, and each asks again at its own door.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeAlias

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render, resolve_url
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.html import format_html

from dashboard.errors import BelongsToAnother, NotPermitted, ReachesHost
from dashboard.jobs import JobName
from dashboard.models import Answer, Job, OwnerQuestion, Role, User
from dashboard.models.question import GRANT_LASTS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from django.contrib.auth.models import AnonymousUser
    from django.db.models import QuerySet

    from dashboard.arguments import Arguments, Thing
    from engine.errors import Denied

P = ParamSpec("P")
# A view takes the request as `SignedInRequest`, which is what this module makes it.
View: TypeAlias = Callable[Concatenate[Any, P], HttpResponse]

ROLE_FOR_JOB: dict[JobName, Role] = dict.fromkeys(JobName, Role.OPERATOR)
ROLE_TO_SEE = Role.VIEWER
ROLE_FOR_TERMINALS = Role.OPERATOR
ROLE_TO_CANCEL = Role.OPERATOR
ROLE_FOR_OTHERS = Role.MAINTAINER
ROLE_FOR_TEAM = Role.ADMIN
ROLE_FOR_CREDENTIALS = Role.ADMIN
ROLE_FOR_TRASH_LIMITS = Role.ADMIN
# A policy takes what is everybody's, also while nobody looks.
ROLE_FOR_POLICIES = Role.MAINTAINER
# Whoever writes an address down has our hosts speak to it.
ROLE_FOR_WEBHOOKS = Role.ADMIN
ROLE_FOR_JOB[JobName.CLEAN_UP_BY_POLICY] = ROLE_FOR_POLICIES

LOGIN = "account_login"
# How the engine names whoever came by its socket: not an account, so nobody's own.
DOCKER_CLI = "docker CLI ("


class SignedInRequest(HttpRequest):
    """A request whose user passed `require_role`: for views to write in their signature."""

    user: User


def is_permitted(user: User | AnonymousUser | None, role: Role) -> bool:
    """Whether *user* is signed in, active and may do what *role* may."""
    return isinstance(user, User) and user.has_role(role)


def check_permitted(user: User | AnonymousUser, role: Role) -> None:
    """Raise `NotPermitted` unless *user* may do what *role* may."""
    if not is_permitted(user, role):
        raise NotPermitted(role.label)


def role_for_reach() -> Role:
    """Return the role that may use settings which reach into the host (`engine.settings.reach`)."""
    return Role(settings.SHIPSHAPE_PRIVILEGED_ROLE)


def check_reach(user: User | AnonymousUser | None, reach: Sequence[str]) -> None:
    """Raise `ReachesHost` where *reach* names any setting, unless *user* may use such."""
    role = role_for_reach()
    if reach and not is_permitted(user, role):
        raise ReachesHost(reach, role.label)


def may_take(user: User | AnonymousUser | None, owner: str) -> bool:
    """
    Whether *user* may stop, change or remove what belongs to *owner*.

    What belongs to nobody, or to whoever used docker's command, is nobody's own.
    """
    if is_permitted(user, ROLE_FOR_OTHERS):
        return True
    is_own = isinstance(user, User) and owner == user.username
    return is_own and is_permitted(user, Role.OPERATOR)


def whose(owner: str) -> str:
    """Return in words why somebody may not take what belongs to *owner*, and whom to ask."""
    if not owner:
        return "belongs to nobody known here: ask a maintainer"
    if owner.startswith(DOCKER_CLI):
        return f"came by {owner}: ask a maintainer"
    return f"belongs to {owner}: ask the owner"


def refusals(
    user: User | None, owners: Mapping[Thing, str], let_go: Collection[Thing] = ()
) -> dict[Thing, str]:
    """
    Return those of the things that *user* may not stop, change or remove, each with why.

    *let_go* are those that their owners let *user* have.
    """
    return {
        thing: whose(owner)
        for thing, owner in owners.items()
        if thing not in let_go and not may_take(user, owner)
    }


def grants(user: User | None, host: str) -> QuerySet[OwnerQuestion]:
    """Return what owners on *host* let *user* remove, and was not removed since."""
    return OwnerQuestion.objects.filter(
        host_id=host,
        asked_by=user,
        answer=Answer.LET_GO,
        used_at=None,
        answered_at__gt=timezone.now() - GRANT_LASTS,
    )


def granted(user: User | None, host: str, owners: Mapping[Thing, str]) -> frozenset[Thing]:
    """
    Return those of the things on *host* that their owners let *user* remove.

    What somebody let go who does not own it now is not among them: another has it under its name.
    """
    if not owners or not is_permitted(user, Role.OPERATOR):
        return frozenset()
    found = grants(user, host).filter(object_id__in=[each.id for each in owners])
    known = set(found.values_list("kind", "object_id", "owner"))
    return frozenset(each for each, whose in owners.items() if (*each, whose) in known)


def check_takes(
    user: User | None, arguments: Arguments, owners: Mapping[Thing, str], *, host: str
) -> None:
    """
    Raise `BelongsToAnother` where a job with *arguments* takes what *user* may not.

    A selection passes as long as anything of it may go. What *owners* does not have is not there;
    whoever does the job says so.
    """
    let_go = granted(user, host, owners) if arguments.is_removal else ()
    refused = refusals(user, owners, let_go)
    if not refused or (arguments.is_selection and len(refused) < len(arguments.takes)):
        return
    thing, why = next(iter(refused.items()))
    raise BelongsToAnother(f"{thing.kind.capitalize()} {thing.short_id}", why)


def requester_of(job: Job) -> User | None:
    """Return who asked for *job*, as the account is at this moment."""
    return User.objects.filter(pk=job.requested_by_id).first()


def job_is_permitted(job: Job) -> bool:
    """
    Whether whoever asked for *job* may have it done at this moment.

    Workers ask before they begin: a message that names no job, an unknown one, or one whose
    requester was deactivated or lost the role gets nothing done.
    """
    try:
        role = ROLE_FOR_JOB[JobName(job.name)]
    except ValueError:
        return False
    requester = requester_of(job)
    return requester is not None and requester.has_role(role)


def require_role(role: Role) -> Callable[[View[P]], View[P]]:
    """
    Return a decorator: only people of *role* reach the view.

    Who is logged out goes to the login page and comes back after it; whose role is too low sees a
    403 page. htmx and JSON clients get the same answers in their own forms.
    """

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(request: Any, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if not request.user.is_authenticated:
                return answer_logged_out(request)
            if not is_permitted(request.user, role):
                return answer_forbidden(request, NotPermitted(role.label))
            response = view(request, *args, **kwargs)
            # Who comes after them at the same browser goes back to nothing.
            patch_cache_control(response, private=True, no_store=True)
            return response

        return guarded

    return decorate


def answer_logged_out(request: HttpRequest) -> HttpResponse:
    """Return what sends the person to the login page, in the form that the client understands."""
    if is_htmx(request):
        return HttpResponse(status=401, headers={"HX-Redirect": resolve_url(LOGIN)})
    if wants_json(request):
        return JsonResponse(
            {"error": {"code": "logged-out", "message": "Sign in first."}}, status=401
        )
    # Only what can be asked for again is worth coming back to.
    back = request.get_full_path() if request.method in {"GET", "HEAD"} else "/"
    return redirect_to_login(back, resolve_url(LOGIN))


def answer_forbidden(request: HttpRequest, error: Denied) -> HttpResponse:
    """Return the refusal in the form that the client understands."""
    if wants_json(request):
        detail = {"code": error.code, "message": error.message, "remedy": error.remedy}
        return JsonResponse({"error": detail}, status=403)
    if is_htmx(request):
        return HttpResponse(format_html("<p>{}. {}</p>", error.message, error.remedy), status=403)
    return render(request, "403.html", {"error": error}, status=403)


def is_htmx(request: HttpRequest) -> bool:
    """Whether htmx asks for a fragment rather than the browser for a page."""
    return request.headers.get("HX-Request") == "true"


def wants_json(request: HttpRequest) -> bool:
    """Whether a script asks for JSON."""
    return "application/json" in request.headers.get("Accept", "")
