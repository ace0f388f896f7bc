from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from dashboard.models import AuditEntry, User
from dashboard.services import create_setup_token
from tests.support.mess import PASSWORD

FIRST = {"username": "nora", "password": PASSWORD, "password_again": PASSWORD}


@pytest.fixture
def token(db) -> str:
    return create_setup_token()


def test_the_link_with_the_token_opens_the_form_and_the_token_travels_in_it(token):
    html = Client().get(reverse("setup"), {"token": token}).content.decode()

    assert "Make the first account" in html
    assert f'name="token" value="{token}"' in html
    assert "no default password" in html


def test_the_first_account_is_an_admin_and_signed_in(token):
    client = Client()

    response = client.post(reverse("setup"), {**FIRST, "token": token})

    assert response.url == reverse("overview")
    assert User.objects.get().role == "admin"
    assert "Three things to do first" in client.get(reverse("overview")).content.decode()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"username": ""}, "username", id="no-name"),
        pytest.param({"username": "a b!"}, "username", id="bad-name"),
        pytest.param({"password_again": "other"}, "password_again", id="mismatch"),
        pytest.param({"password": "short", "password_again": "short"}, "password", id="too-short"),
    ],
)
def test_a_refused_first_account_keeps_the_name_and_the_token(token, changes, field):
    client = Client()

    response = client.post(reverse("setup"), {**FIRST, "token": token, **changes})

    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]
    assert f'name="token" value="{token}"' in response.content.decode()
    assert not User.objects.exists()
    assert client.post(reverse("setup"), {**FIRST, "token": token}).status_code == 302


@pytest.mark.parametrize("wrong", ["", "guess"])
def test_a_wrong_token_opens_nothing_and_says_what_to_do(token, wrong):
    html = Client().get(reverse("setup"), {"token": wrong}).content.decode()

    assert "does not work" in html
    assert "./shipshape up" in html
    assert "<form" not in html


def test_the_token_works_once(token):
    Client().post(reverse("setup"), {**FIRST, "token": token})

    again = Client().post(reverse("setup"), {**FIRST, "username": "mallory", "token": token})

    assert again.status_code == 403
    assert not User.objects.filter(username="mallory").exists()


def test_sign_in_and_out(mess):
    client = Client()

    assert "Sign in" in client.get(reverse("account_login")).content.decode()
    wrong = client.post(reverse("account_login"), {"login": "otto", "password": "wrong"})
    assert 'value="otto"' in wrong.content.decode()
    signed_in = client.post(reverse("account_login"), {"login": "otto", "password": PASSWORD})
    assert signed_in.url == "/"
    client.post(reverse("account_logout"))
    assert client.get("/").status_code == 302


def test_an_admin_adds_a_person(browse):
    typed = {"username": "nora", "email": "", "password": PASSWORD, "role": "operator"}

    assert browse("ada").post(reverse("team"), typed).status_code == 302

    assert User.objects.get(username="nora").role == "operator"
    assert AuditEntry.objects.filter(action="accounts.add").exists()


def test_a_name_that_is_taken_is_refused_at_the_name(browse):
    typed = {"username": "otto", "email": "", "password": PASSWORD, "role": "viewer"}

    response = browse("ada").post(reverse("team"), typed)

    assert response.status_code == 422
    assert "username" in response.context["form"].errors


def test_roles_change_and_people_are_shut_out_and_let_in_again(browse, mess):
    client, otto = browse("ada"), mess.users["otto"]
    address = reverse("team_change", args=(otto.pk,))

    client.post(address, {"action": "role", "role": "viewer"})
    otto.refresh_from_db()
    assert otto.role == "viewer"

    client.post(address, {"action": "deactivate"})
    otto.refresh_from_db()
    assert not otto.is_active

    client.post(address, {"action": "reactivate"})
    otto.refresh_from_db()
    assert otto.is_active


def test_the_last_admin_stays_one_and_the_page_says_why(browse, mess):
    ada = mess.users["ada"]

    response = browse("ada").post(
        reverse("team_change", args=(ada.pk,)), {"action": "role", "role": "viewer"}, follow=True
    )

    ada.refresh_from_db()
    assert ada.role == "admin"
    assert "the last active admin" in response.content.decode()


@pytest.mark.parametrize("change", [{}, {"action": "role", "role": "king"}, {"action": "delete"}])
def test_a_change_that_makes_no_sense_is_refused(browse, mess, change):
    address = reverse("team_change", args=(mess.users["otto"].pk,))

    assert browse("ada").post(address, change).status_code == 400


def test_an_operator_changes_nobody(browse, mess):
    address = reverse("team_change", args=(mess.users["vera"].pk,))

    assert browse("otto").post(address, {"action": "role", "role": "admin"}).status_code == 403


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_chosen_theme_is_drawn_by_the_server(browse, theme):
    client = browse("vera")
    client.cookies["theme"] = theme

    assert f'<html lang="en" data-theme="{theme}">' in client.get("/").content.decode()


def test_a_theme_that_we_do_not_have_is_ignored(browse):
    client = browse("vera")
    client.cookies["theme"] = '"><script>'

    assert '<html lang="en">' in client.get("/").content.decode()
