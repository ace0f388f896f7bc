"""Containers that were removed lately: their list, their pages, and who may read."""

from __future__ import annotations

import asyncio
import re

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from dashboard.agents import Question
from dashboard.errors import AnswerRefused, HostSilent
from dashboard.models import AuditEntry, AuditOutcome
from dashboard.views import logs
from tests.dashboard.views.test_changes import joined

HTMX = {"HX-Request": "true"}
ID, OTHER = "d" * 64, "e" * 64
GONE = {
    "id": ID,
    "name": "old-web",
    "image": "docker.io/library/web:187",
    "owner": "ana",
    "exit_code": 137,
    "at": "2026-07-01T12:00:00+00:00",
    "by": "",
    "bytes": 4_000_000,
    "in_trash": False,
}
TRASHED = {**GONE, "id": OTHER, "name": "old-db", "by": "mia", "in_trash": True, "exit_code": 0}
KEEPING = {"seconds": 24 * 3600, "most_bytes": 256 << 20}
ARGS = ("harbour", ID)
READING = ["container_detail", "log_page", "log_download"]


@pytest.fixture
def remembered(agents):
    known = {each["id"]: each for each in (GONE, TRASHED)}
    agents.answers[Question.REMOVED_LIST] = {"removed": [GONE, TRASHED], **KEEPING}
    agents.answers[Question.REMOVED_ONE] = lambda _, told: {
        "removed": known.get(told["container_id"]),
        **KEEPING,
    }
    return agents


def text_of(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", response.content.decode()))


def removed_by(user, **more) -> None:
    told = {"object_id": ID, "outcome": AuditOutcome.SUCCEEDED, **more}
    AuditEntry.objects.create(
        user=user,
        actor=user.username,
        action="containers.remove",
        host_name="harbour",
        object_kind="container",
        **told,
    )


def test_the_list_says_what_went_when_by_whom_and_until_when_it_is_kept(browse, mess, remembered):
    removed_by(mess.users["otto"])
    removed_by(mess.users["ada"], outcome=AuditOutcome.FAILED)

    response = browse("vera").get(reverse("container_removed"))

    text = text_of(response)
    for said in ("old-web", "Exited (137)", "by otto", "4.0 MB", "2026-07-02 12:00:00", "ana"):
        assert said in text
    assert "by mia" in text
    assert "2026-07-08 12:00:00" in text
    assert "by ada" not in text
    assert reverse("container_detail", args=ARGS) in response.content.decode()


def test_the_list_of_containers_leads_there(browse):
    html = browse("vera").get(reverse("containers"), {"host": "harbour"}).content.decode()

    assert reverse("container_removed") + "?host=harbour" in html


@pytest.mark.parametrize(
    ("typed", "shown"),
    [("WEB", True), ("ddd", True), ("ana", True), ("187", True), ("nothing-like-it", False)],
)
def test_it_can_be_searched(browse, remembered, typed, shown):
    page = browse("vera").get(reverse("container_removed"), {"q": typed}, headers=HTMX)

    assert ("old-web" in text_of(page)) == shown
    assert ("No removed container matches" in text_of(page)) == (not shown)


def test_a_host_that_does_not_answer_is_no_error(browse, agents):
    agents.answers[Question.REMOVED_LIST] = HostSilent("harbour")

    response = browse("vera").get(reverse("container_removed"))

    assert response.status_code == 200
    assert "harbour does not answer" in text_of(response)


def test_a_fragment_is_part_of_the_page(browse, remembered):
    client, url = browse("vera"), reverse("container_removed")

    page, fragment = client.get(url), client.get(url, headers=HTMX)

    assert b"<html" not in fragment.content
    assert b"old-web" in fragment.content
    assert b"<html" in page.content


def test_its_page_says_what_became_of_it_and_shows_what_it_printed(browse, mess, remembered):
    removed_by(mess.users["otto"])

    response = browse("vera").get(reverse("container_detail", args=ARGS))

    text = text_of(response)
    assert "Removed at 2026-07-01 12:00:00" in text
    assert "by otto" in text
    assert "its log is kept until 2026-07-02 12:00:00" in text
    html = response.content.decode()
    for name in ("stream_ticket", "log_page", "log_download"):
        assert reverse(name, args=ARGS) in html
    assert reverse("container_start", args=ARGS) not in html


def test_one_in_the_trash_says_how_it_comes_back(browse, remembered):
    response = browse("vera").get(reverse("container_detail", args=("harbour", OTHER)))

    assert "Moved to the trash at 2026-07-01 12:00:00" in text_of(response)
    assert "It can come back until 2026-07-08 12:00:00" in text_of(response)
    assert reverse("trash") + "?host=harbour" in response.content.decode()


def test_the_trash_leads_to_what_a_container_printed(browse, agents):
    item = {**TRASHED, "id": f"trash:{OTHER}", "kind": "container", "names": ["old-db"]}
    shown = {"items": [item], "first": 0, "count": 1, "bytes": 1, "until": ""}
    agents.answers[Question.TRASH_LIST] = shown

    html = browse("vera").get(reverse("trash")).content.decode()

    assert reverse("container_detail", args=("harbour", OTHER)) in html


def test_whoever_may_see_containers_gets_a_ticket_for_what_it_printed(browse, remembered):
    response = browse("vera").post(reverse("stream_ticket", args=ARGS), {"action": "logs"})

    assert response.status_code == 200
    assert response.json()["ticket"]
    cache.clear()


def test_lines_and_all_of_them_are_given_as_of_one_that_is_there(browse, remembered, monkeypatch):
    monkeypatch.setattr(logs, "ask", remembered.ask)
    line = {"t": "2026-07-01T11:00:00+00:00", "s": "stdout", "m": "hello"}
    remembered.answers[Question.LOG_PAGE] = {"lines": [line], "is_full": False}
    remembered.answers[Question.LOG_OPEN] = {"saving": "key"}
    pieces = iter([b"hello\n", b""])
    remembered.answers[Question.LOG_READ] = lambda *_: {"content": next(pieces)}
    client = browse("vera")

    page = client.get(reverse("log_page", args=ARGS), {"until": "2026-07-02T00:00:00+00:00"})
    whole = client.get(reverse("log_download", args=ARGS))

    assert page.json()["lines"] == [line]
    assert asyncio.run(joined(whole)) == b"hello\n"
    assert "old-web.log" in whole["Content-Disposition"]


@pytest.mark.parametrize("name", READING)
@pytest.mark.parametrize(
    ("host", "container_id"),
    [
        pytest.param("harbour", "f" * 64, id="forgotten"),
        pytest.param("harbour", ID[:12], id="not-whole"),
        pytest.param("lighthouse", ID, id="host-away"),
        pytest.param("nowhere", ID, id="no-such-host"),
    ],
)
def test_what_nobody_remembers_is_not_there(browse, remembered, name, host, container_id):
    response = browse("vera").get(reverse(name, args=(host, container_id)))

    assert response.status_code == 404


@pytest.mark.parametrize("error", [HostSilent("harbour"), AnswerRefused({"message": "no"})])
def test_a_host_that_cannot_say_remembers_nothing(browse, agents, error):
    agents.answers[Question.REMOVED_ONE] = error

    response = browse("vera").get(reverse("container_detail", args=ARGS))

    assert response.status_code == 404


@pytest.mark.parametrize("name", ["container_removed", *READING])
def test_without_an_account_there_is_nothing_to_read(db, remembered, name):
    url = reverse(name, args=() if name == "container_removed" else ARGS)

    response = Client().get(url)

    assert response.status_code == 302
    assert remembered.asked == []


def test_it_is_only_looked_at(browse):
    assert browse("ada").post(reverse("container_removed")).status_code == 405
