"""Asking an owner and answering, on the pages."""

from __future__ import annotations

import pytest
from django.urls import reverse

from dashboard.jobs import JobName
from dashboard.models import Job, OwnerQuestion

HTMX = {"HX-Request": "true"}


@pytest.fixture
def hers(harbour):
    return harbour.containers.get(name="nightly-import")


@pytest.fixture
def ask_url(hers) -> str:
    return reverse("owner_ask", args=("harbour", "container", hers.container_id))


@pytest.fixture
def remove_url(hers) -> str:
    return reverse("container_remove", args=("harbour", hers.container_id))


@pytest.fixture
def question(browse, ask_url) -> OwnerQuestion:
    browse("otto").post(ask_url, {"note": "Disk is full"}, headers=HTMX)
    return OwnerQuestion.objects.get()


def answer(browse, question, name: str, said: str):
    return browse(name).post(question.get_absolute_url(), {"answer": said})


def test_where_it_would_be_removed_the_owner_is_asked(browse, remove_url, ask_url):
    before = browse("otto").get(remove_url, headers=HTMX).content.decode()
    after = browse("otto").post(ask_url, headers=HTMX).content.decode()

    assert "Ask the owner" in before
    assert "you will be told of the answer" in after
    assert "Ask the owner" not in after


def test_the_owner_sees_who_asks_and_why_and_answers(browse, question):
    url = question.get_absolute_url()
    html = browse("ada").get(url).content.decode()
    assert "Disk is full" in html
    assert "Let it go" in html
    assert 'value="let-go"' not in browse("otto").get(url).content.decode()
    assert 'value="let-go"' not in browse("vera").get(url).content.decode()

    answered = answer(browse, question, "ada", "keep")

    assert answered.status_code == 302
    shown = browse("otto").get(url).content.decode()
    assert "Keep it" in shown
    assert 'value="keep"' not in browse("ada").get(url).content.decode()


def test_a_no_is_shown_where_it_would_be_removed(browse, question, remove_url):
    answer(browse, question, "ada", "keep")

    html = browse("otto").get(remove_url, headers=HTMX).content.decode()

    assert "Keep it" in html
    assert "Ask the owner" in html


def test_let_go_opens_the_way_to_one_removal(browse, question, remove_url):
    answer(browse, question, "mia", "let-go")

    page = browse("otto").get(question.get_absolute_url()).content.decode()
    dialog = browse("otto").get(remove_url, headers=HTMX).content.decode()
    browse("otto").post(remove_url, {"confirm": "harbour"}, headers=HTMX)

    assert remove_url in page
    assert "Will be lost" in dialog or "Remove nightly-import?" in dialog
    assert Job.objects.filter(name=JobName.REMOVE_CONTAINER).count() == 1


def test_nobody_else_answers(browse, question):
    for name in ("otto", "vera"):
        assert answer(browse, question, name, "let-go").status_code == 403
    question.refresh_from_db()
    assert question.answer == "open"


def test_viewers_and_who_is_logged_out_do_not_ask(browse, ask_url, client):
    assert browse("vera").post(ask_url).status_code == 403
    assert client.post(ask_url).status_code == 302
    assert browse("otto").get(ask_url).status_code == 405


@pytest.mark.parametrize("kind", ["container", "nonsense"])
def test_what_is_not_there_is_not_found(browse, mess, kind):
    url = reverse("owner_ask", args=("harbour", kind, "f" * 64))

    assert browse("otto").post(url).status_code == 404
    assert browse("ada").get(reverse("owner_question", args=(4711,))).status_code == 404
