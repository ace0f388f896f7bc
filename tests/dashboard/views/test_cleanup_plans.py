"""Plans of clean-ups: shown on a sheet, and carried out as they were shown."""

from __future__ import annotations

import json
import re
from typing import Any

from django.urls import reverse

from dashboard.agents import Question
from dashboard.errors import AnswerRefused
from dashboard.models import Job
from tests.support.cleanup_answers import (
    CONTAINER,
    HTMX,
    IMAGE,
    PLAN_ID,
    found,
    plan,
)


def test_the_sheet_says_what_goes_what_stays_and_until_when_it_can_be_undone(browse, agents):
    agents.answers[Question.CLEANUP_PLAN] = plan()

    html = (
        browse("otto")
        .post(reverse("cleanup_plan"), {"ids": [f"harbour/{CONTAINER}"]}, headers=HTMX)
        .content.decode()
    )

    assert "Move 1 container and 1 image to trash (3.4 MB)" in html
    assert "is used by db" in html
    assert "when the trash is emptied" in html
    assert "for 7 days" in html
    assert "Not only yours: ana 2" in html
    assert f'name="plan" value="harbour/{PLAN_ID}"' in html
    # Of each image, and of nothing else, its registries are asked once somebody looks.
    assert html.count(f'hx-get="{reverse("cleanup_copy", args=["harbour", "x"])}"') == 1


def test_nothing_ticked_does_nothing_and_says_so(browse, agents):
    response = browse("otto").post(reverse("cleanup_plan"), headers=HTMX)

    assert response.status_code == 422
    assert "Nothing is ticked" in json.loads(response["HX-Trigger"])["toast"]["text"]
    assert agents.asked == []


def test_exactly_the_plan_is_carried_out_once_however_often_it_is_sent(browse, agents, both):
    agents.answers[Question.CLEANUP_PLAN] = plan()
    client, told = browse("otto"), {"plan": [f"harbour/{PLAN_ID}", f"lighthouse/{PLAN_ID}"]}

    response = client.post(reverse("cleanup_run"), {**told, "host": "harbour"}, headers=HTMX)
    Job.objects.filter(name="cleanup.run").update(state="succeeded")
    client.post(reverse("cleanup_run"), told, headers=HTMX)

    jobs = Job.objects.filter(name="cleanup.run").order_by("host_id")
    assert [job.host_id for job in jobs] == ["harbour", "lighthouse"]
    assert jobs[0].arguments == {
        "plan_id": PLAN_ID,
        "into_trash": True,
        "about": "1 container and 1 image",
    }
    place = json.loads(response["HX-Location"])["path"]
    assert re.search(r"host=harbour&asked=", place)
    assert all(str(job.pk) in place for job in jobs)
    html = client.get(place).content.decode()
    assert all(job.row_id in html for job in jobs)


def test_for_good_needs_the_names_of_the_hosts(browse, agents):
    agents.answers[Question.CLEANUP_PLAN] = plan()
    client, told = browse("otto"), {"plan": [f"harbour/{PLAN_ID}"], "for_good": "yes"}

    refused = client.post(reverse("cleanup_run"), {**told, "confirm": "x"}, headers=HTMX)
    assert refused.status_code == 422
    assert "That is not the host" in refused.content.decode()
    assert not Job.objects.filter(name="cleanup.run").exists()

    client.post(reverse("cleanup_run"), {**told, "confirm": "harbour"}, headers=HTMX)
    assert "into_trash" not in Job.objects.get(name="cleanup.run").arguments


def test_volumes_that_no_trash_holds_need_the_hosts_name_too(browse, agents):
    agents.answers[Question.CLEANUP_PLAN] = plan(kinds=["image", "volume"])
    client, told = browse("otto"), {"plan": [f"harbour/{PLAN_ID}"]}

    asked = client.post(reverse("cleanup_plan"), {"ids": ["harbour/volume:a"]}, headers=HTMX)
    refused = client.post(reverse("cleanup_run"), told, headers=HTMX)

    assert "Move 1 image to trash, remove 1 volume" in asked.content.decode()
    assert refused.status_code == 422
    assert not Job.objects.filter(name="cleanup.run").exists()


def test_a_plan_that_expired_says_so_and_offers_a_new_one(browse, agents):
    def answer(_: str, told: dict[str, Any]) -> Any:
        if "plan_id" in told:
            return AnswerRefused({"code": "plan-expired", "message": "expired"})
        return plan(plan_id="f" * 32)

    agents.answers[Question.CLEANUP_PLAN] = answer

    response = browse("otto").post(
        reverse("cleanup_run"), {"plan": [f"harbour/{PLAN_ID}"]}, headers=HTMX
    )

    html = response.content.decode()
    assert response.status_code == 422
    assert "had expired, and nothing was done" in html
    assert f'value="harbour/{"f" * 32}"' in html
    assert agents.asked[-1][2] == {"again": PLAN_ID, "owner": "otto"}
    assert not Job.objects.filter(name="cleanup.run").exists()


def test_a_host_that_falls_silent_before_the_run_has_nothing_run(browse, agents):
    response = browse("otto").post(
        reverse("cleanup_run"), {"plan": [f"harbour/{PLAN_ID}"]}, headers=HTMX
    )

    assert "harbour does not answer" in response.content.decode()
    assert not Job.objects.filter(name="cleanup.run").exists()


def test_what_became_of_each_thing_is_shown(browse, agents, harbour, mess):
    agents.answers[Question.CLEANUP_FIND] = found()
    results = [
        {"id": IMAGE, "kind": "image", "name": "web:1", "became": "trash", "reason": ""},
        {
            "id": CONTAINER,
            "kind": "container",
            "name": "x",
            "became": "stayed",
            "reason": "was started since",
        },
    ]
    job = Job.objects.create(
        name="cleanup.run",
        host=harbour,
        requested_by=mess.users["otto"],
        state="succeeded",
        outcome={"message": "Moved.", "results": results},
        dedupe_key="x",
    )

    html = browse("vera").get(reverse("cleanup"), {"asked": f"x,{job.pk}"}).content.decode()

    assert "In the trash" in html
    assert "was started since" in html
