"""Registries: passwords that nobody sees, and looking at what there is through a host."""

from __future__ import annotations

import pytest
from django.urls import reverse

from dashboard import vault
from dashboard.errors import AnswerRefused
from dashboard.jobs import JobName
from dashboard.models import AuditEntry, Host, RegistryCredential
from dashboard.views import registries as views
from tests.support.site import ANSWERS

ADDRESS = "registry_add"
TYPED = {"registry": "r.example.org:5000", "username": "robot", "password": "s3cret-phrase"}


@pytest.fixture
def asked(monkeypatch) -> list[tuple]:
    found: list[tuple] = []

    def ask(host, question, arguments, *, patience=8.0):
        found.append((host, question.value, arguments))
        return ANSWERS[question.value]

    monkeypatch.setattr(views, "ask", ask)
    return found


@pytest.fixture
def refusing(monkeypatch) -> None:
    def ask(*_args, **_kwargs):
        raise AnswerRefused({"message": "The password is wrong", "remedy": "Type it again"})

    monkeypatch.setattr(views, "ask", ask)


def test_a_password_is_kept_encrypted_tested_and_never_shown(browse, asked):
    client = browse("ada")

    html = client.post(reverse(ADDRESS), TYPED, follow=True).content.decode()

    kept = RegistryCredential.objects.get(registry="r.example.org:5000")
    assert "s3cret-phrase" not in kept.encrypted_password
    assert vault.decrypt(kept.encrypted_password) == "s3cret-phrase"
    assert kept.is_accepted
    assert "s3cret-phrase" not in html
    assert asked == [
        (
            "harbour",
            "registries.check",
            {"registry": "r.example.org:5000", "credentials_id": kept.pk},
        )
    ]
    assert "s3cret" not in str(list(AuditEntry.objects.values()))


def test_a_password_that_is_refused_says_so(browse, refusing):
    html = browse("ada").post(reverse(ADDRESS), TYPED, follow=True).content.decode()

    kept = RegistryCredential.objects.get(registry="r.example.org:5000")
    assert kept.is_accepted is False
    assert "The password is wrong. Type it again." in html


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"registry": ""}, "registry"),
        ({"registry": "no spaces here"}, "registry"),
        ({"registry": "nodot"}, "registry"),
        ({"password": ""}, "password"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field_and_the_password_is_gone(browse, changes, field):
    response = browse("ada").post(reverse(ADDRESS), {**TYPED, **changes})

    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]
    assert "s3cret-phrase" not in response.content.decode()


def test_passwords_are_for_admins(browse, mess):
    known = RegistryCredential.objects.get()
    for address in (
        reverse(ADDRESS),
        reverse("registry_test", args=(known.pk,)),
        reverse("registry_remove", args=(known.pk,)),
    ):
        assert browse("otto").post(address, TYPED).status_code == 403
        assert browse("ada").get(address).status_code == 405
    assert RegistryCredential.objects.get() == known


def test_a_password_is_forgotten(browse, mess):
    known = RegistryCredential.objects.get()

    browse("ada").post(reverse("registry_remove", args=(known.pk,)))

    assert not RegistryCredential.objects.exists()
    assert AuditEntry.objects.filter(action="credentials.delete").exists()


def test_a_registry_is_browsed_through_a_host_and_leads_to_a_pull(browse, asked):
    client = browse("otto")

    html = client.get(reverse("registry_browse"), {"registry": "registry.example.org"})
    assert "team/web" in html.content.decode()
    html = client.get(
        reverse("registry_browse"), {"registry": "registry.example.org", "repository": "team/web"}
    ).content.decode()

    known = RegistryCredential.objects.get()
    address = f"?reference=registry.example.org/team/web:187&amp;credentials_id={known.pk}"
    assert f"{reverse('image_pull')}{address}" in html
    assert asked[-1][1] == "registries.tags"
    assert JobName.PULL_IMAGE


def test_without_a_host_that_answers_the_page_says_so(browse, mess):
    Host.objects.update(last_seen_at=None)

    html = browse("otto").get(reverse("registry_browse"), {"registry": "r.example.org"})

    assert "No host is online" in html.content.decode()


def test_browsing_is_for_operators_who_are_signed_in(browse, client, mess):
    assert browse("vera").get(reverse("registry_browse")).status_code == 403
    assert client.get(reverse("registry_browse")).status_code == 302


@pytest.mark.parametrize("told", [{}, {"registry": "not a registry"}])
def test_without_a_registry_the_page_asks_for_one(browse, asked, told):
    response = browse("otto").get(reverse("registry_browse"), told)

    assert response.status_code == 200
    assert "Which registry?" in response.content.decode()
    assert asked == []
