"""Who may do what, at each of the doors that ask."""

import json

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.test import RequestFactory

from dashboard import services
from dashboard.jobs import JobName
from dashboard.models import Job, Role, User
from dashboard.permissions import ROLE_FOR_JOB, is_permitted, job_is_permitted, require_role

pytestmark = pytest.mark.django_db

ORDER = [Role.VIEWER, Role.OPERATOR, Role.MAINTAINER, Role.ADMIN]


@require_role(Role.OPERATOR)
def view(request):
    return HttpResponse("done")


def ask(user, *, method: str = "get", **headers: str) -> HttpResponse:
    request = getattr(RequestFactory(headers=headers), method)("/images/?page=2")
    request.user = user
    return view(request)


@pytest.mark.parametrize("has", ORDER)
@pytest.mark.parametrize("needs", ORDER)
def test_each_role_includes_the_ones_before_it(has, needs):
    user = User(username="x", role=has)

    assert is_permitted(user, needs) == (ORDER.index(has) >= ORDER.index(needs))


@pytest.mark.parametrize("needs", ORDER)
def test_nobody_and_the_deactivated_may_nothing(needs):
    assert not is_permitted(AnonymousUser(), needs)
    assert not is_permitted(User(role=Role.ADMIN, is_active=False), needs)


def test_operators_and_admins_reach_the_view(otto, ada):
    assert ask(otto).content == ask(ada).content == b"done"


def test_who_is_logged_out_comes_back_after_the_login():
    answer = ask(AnonymousUser())

    assert (answer.status_code, answer["Location"]) == (
        302,
        "/account/login/?next=/images/%3Fpage%3D2",
    )


def test_a_form_of_who_is_logged_out_leads_back_to_the_first_page():
    assert ask(AnonymousUser(), method="post")["Location"] == "/account/login/?next=/"


def test_htmx_is_told_to_go_to_the_login():
    answer = ask(AnonymousUser(), **{"HX-Request": "true"})

    assert (answer.status_code, answer["HX-Redirect"]) == (401, "/account/login/")


def test_scripts_are_told_in_json():
    logged_out = ask(AnonymousUser(), Accept="application/json")
    too_low = ask(User(username="x", role=Role.VIEWER), Accept="application/json")

    assert logged_out.status_code == 401
    assert too_low.status_code == 403
    assert json.loads(too_low.content)["error"]["message"] == "This needs the role Operator"


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["page", "htmx"])
def test_too_low_a_role_sees_why(vera, headers):
    answer = ask(vera, **headers)

    assert answer.status_code == 403
    assert b"This needs the role Operator" in answer.content


@pytest.mark.parametrize("name", JobName)
def test_every_job_needs_a_role_above_viewer(name):
    assert ROLE_FOR_JOB[name] != Role.VIEWER


@pytest.mark.parametrize("name", JobName)
def test_a_job_is_permitted_as_long_as_its_requester_is(name, host, otto):
    User.objects.filter(pk=otto.pk).update(role=ROLE_FOR_JOB[name])
    job = Job.objects.create(name=name, host=host, requested_by=otto, dedupe_key=name)
    assert job_is_permitted(job)

    User.objects.filter(pk=otto.pk).update(role=Role.VIEWER)
    assert not job_is_permitted(job)

    User.objects.filter(pk=otto.pk).update(role=ROLE_FOR_JOB[name], is_active=False)
    assert not job_is_permitted(job)


def test_a_row_of_an_unknown_name_is_not_permitted(host, ada):
    job = Job.objects.create(name="hosts.destroy", host=host, requested_by=ada, dedupe_key="x")

    assert not job_is_permitted(job)


def test_a_demotion_after_the_request_stops_the_job(request_by, otto, ada):
    job = request_by(otto)

    services.change_role(account=otto, role=Role.VIEWER, user=ada)

    assert not job_is_permitted(job)
