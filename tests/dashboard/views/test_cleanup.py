"""The page of clean-ups: what hosts answer is shown, weighed, planned and carried out."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest
from django.urls import reverse

from dashboard.agents import Question
from dashboard.errors import AnswerRefused, HostSilent
from dashboard.models import Host, Image, Job, RegistryCredential

HTMX = {"HX-Request": "true"}
PLAN_ID = "e" * 32
CONTAINER, IMAGE = "c" * 64, "sha256:" + "a" * 64
KINDS = [
    "untagged-images",
    "unused-images",
    "stopped-containers",
    "anonymous-volumes",
    "unused-volumes",
    "unused-networks",
    "build-cache",
    "abandoned-ingests",
    "old-logs",
]


def row(kind: str, object_id: str, name: str, **values: Any) -> dict[str, Any]:
    return {
        "id": object_id,
        "kind": kind,
        "name": name,
        "names": [],
        "owner": "ana",
        "since": "2026-07-01T12:00:00+00:00",
        "last_used": "",
        "size": 1000,
        "bytes": 1000,
        "reason": "exited with code 1",
        "stays": "",
        "behind": [],
        "is_pinned": False,
        **values,
    }


def section(*rows: dict[str, Any], kept: tuple = ()) -> dict[str, Any]:
    return {
        "rows": list(rows),
        "count": len(rows),
        "bytes": sum(each["bytes"] for each in rows),
        "kept": list(kept),
        "kept_count": len(kept),
    }


def found() -> dict[str, Any]:
    held = row("image", IMAGE, "web:1", stays="is used by old-job", behind=[CONTAINER])
    busy = row("image", "sha256:" + "b" * 64, "db:1", stays="is used by db")
    sections = {kind: section() for kind in KINDS}
    sections["stopped-containers"] = section(row("container", CONTAINER, "old-job"))
    sections["unused-images"] = section(kept=(held, busy))
    return {"sections": sections, "safe": {"kinds": {"container": 1}, "bytes": 1000}}


def plan(**values: Any) -> dict[str, Any]:
    kinds = values.pop("kinds", ["container", "image"])
    lost = {"volume", "network"}
    return {
        "plan_id": PLAN_ID,
        "count": len(kinds),
        "kinds": Counter(kinds),
        "owners": {"ana": len(kinds)},
        "trash_kinds": Counter(each for each in kinds if each not in lost),
        "items": [
            {
                "id": "x",
                "kind": each,
                "name": f"one-{each}",
                "reason": "",
                "owner": "ana",
                "in_trash": each not in lost,
            }
            for each in kinds
        ],
        "kept": [{"id": "y", "kind": "image", "name": "db:1", "reason": "is used by db"}],
        "kept_count": 1,
        "missing": 0,
        "bytes": 3_400_000,
        "bytes_at_once": 0,
        "expires": "2026-07-01T13:00:00+00:00",
        **values,
    }


@pytest.fixture
def both(mess) -> None:
    Host.objects.update(last_seen_at="2100-01-01T00:00Z")


def test_the_page_shows_what_each_host_found(browse, agents):
    agents.answers[Question.CLEANUP_FIND] = found()

    html = browse("mia").get(reverse("cleanup")).content.decode()

    assert "old-job" in html
    assert "exited with code 1" in html
    assert "1.0 kB" in html
    assert f'data-behind="harbour/{CONTAINER}" disabled title="It is used by old-job' in html
    assert "db:1 cannot be ticked: it is used by db" in html
    assert "Nothing of: Untagged images" in html
    assert "Safe to clean up" in html


def plenty(host: str, told: dict[str, Any]) -> dict[str, Any]:
    """Answer as a host that holds ten thousand things, as much as it is asked for."""
    most = told["rows"]
    held = [
        row("image", f"sha256:{number:064x}", "api:1", stays="is used by old", behind=[CONTAINER])
        for number in range(most)
    ]
    rows = [row("image", f"sha256:{number:064x}", f"web:{number}") for number in range(most)]
    full = {**section(*rows, kept=tuple(held)), "count": 2_000, "kept_count": 2_000}
    kinds = [told["only"]] if told["only"] else KINDS
    return {
        "sections": dict.fromkeys(kinds, full),
        "safe": {"kinds": {"image": 10_000}, "bytes": 1000},
    }


@pytest.mark.parametrize("query", ["", "?kind=untagged-images"])
def test_a_page_about_ten_thousand_things_is_no_longer_than_one_can_read(
    browse, agents, both, django_assert_max_num_queries, query
):
    agents.answers[Question.CLEANUP_FIND] = plenty
    harbour = Host.objects.get(name="harbour")
    Image.objects.bulk_create(
        Image(
            host=harbour,
            image_id=f"sha256:{number:064x}",
            size=1000,
            is_dangling=True,
            story=f"was web:{number}",
        )
        for number in range(5_000)
    )
    client = browse("mia")

    with django_assert_max_num_queries(12):
        html = client.get(reverse("cleanup") + query).content.decode()

    assert len(html) < 1_000_000
    assert "was web:0" in html
    assert "20,000 images" in html
    shown = 200 if query else 30
    assert html.count('data-row="found-untagged-images') == 2 * shown
    assert f"also the {4_000 - shown} not listed" in html
    assert ("kind=unused-images" in html) == (not query)


def test_what_is_anothers_cannot_be_ticked_by_an_operator(browse, agents):
    agents.answers[Question.CLEANUP_FIND] = found()

    html = browse("otto").get(reverse("cleanup")).content.decode()

    assert f'value="harbour/{CONTAINER}" disabled title="It belongs to ana: ask the owner"' in html
    assert agents.asked[0][2]["owner"] == "otto"


def test_filters_in_the_address_reach_the_hosts_and_stand_as_chips(browse, agents):
    agents.answers[Question.CLEANUP_FIND] = found()
    query = {
        "q": "web",
        "older": "7d",
        "unused": "30d",
        "label": "team=web",
        "owner": "ana",
        "larger": "10m",
        "keep": "3",
        "host": "harbour",
    }

    html = browse("otto").get(reverse("cleanup"), query).content.decode()

    ((host, _, told),) = agents.asked
    assert host == "harbour"
    assert told["filters"] == {
        "names": ["*web*"],
        "older_than": 7 * 86400,
        "unused_for": 30 * 86400,
        "labels": ["team=web"],
        "owners": ["ana"],
        "larger_than": 10 * 2**20,
        "keep_newest": 3,
    }
    for chip in ("Owner: ana", "Not used for: 30d", "Label: team=web", "Larger than: 10m"):
        assert chip in html


def test_filters_that_make_no_sense_are_left_out(browse, agents):
    browse("otto").get(
        reverse("cleanup"), {"older": "soon", "larger": "big", "keep": "-1", "unused": "7"}
    )

    assert agents.asked[0][2]["filters"] == {}


def test_a_host_that_is_silent_is_said_so_and_the_others_show(browse, agents, both):
    agents.answers[Question.CLEANUP_FIND] = lambda host, _: (
        found() if host == "harbour" else HostSilent(host)
    )

    html = browse("otto").get(reverse("cleanup")).content.decode()

    assert "lighthouse does not answer" in html
    assert "old-job" in html


def test_what_is_ticked_is_weighed_by_its_hosts(browse, agents, both):
    agents.answers[Question.CLEANUP_WEIGH] = {
        "count": 1,
        "kinds": {"container": 1},
        "bytes": 1500,
        "kept": [{"id": "y", "kind": "image", "name": "web:1", "reason": "is used by x"}],
    }
    ids = [f"harbour/{CONTAINER}", f"lighthouse/{CONTAINER}", f"harbour/{IMAGE}"]

    html = browse("otto").post(reverse("cleanup_weigh"), {"ids": ids}).content.decode()

    assert 'data-cleanup-bytes="3000"' in html
    assert "2 containers" in html
    assert "web:1 stays: is used by x" in html
    assert {host: told["ids"] for host, _, told in agents.asked} == {
        "harbour": [CONTAINER, IMAGE],
        "lighthouse": [CONTAINER],
    }


def test_rules_are_for_all_hosts_that_are_online_with_the_filters(browse, agents, both):
    agents.answers[Question.CLEANUP_PLAN] = plan()

    browse("otto").post(
        reverse("cleanup_plan"), {"rules": ["untagged-images"], "older": "7d"}, headers=HTMX
    )

    assert [host for host, _, _ in agents.asked] == ["harbour", "lighthouse"]
    assert agents.asked[0][2]["rules"] == ["untagged-images"]
    assert agents.asked[0][2]["filters"] == {"older_than": 7 * 86400}
    assert agents.asked[0][2]["owner"] == "otto"


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


@pytest.mark.parametrize(
    ("copy", "words"),
    [
        ({"whereabouts": "at-registry", "bytes": 412_000_000}, "can be pulled again"),
        ({"whereabouts": "only-here", "bytes": 0}, "Only copy"),
        ({"whereabouts": "unknown", "bytes": 0, "reason": "x"}, "registry did not answer"),
    ],
)
def test_it_says_whether_an_image_is_anywhere_else(browse, agents, web_image, copy, words):
    agents.answers[Question.CLEANUP_COPY] = {"name": "web:1", "reason": "", **copy}

    url = reverse("cleanup_copy", args=("harbour", web_image.hex))

    assert words in browse("vera").get(url).content.decode()


def test_what_another_host_has_is_not_the_only_copy(browse, agents, web_image):
    agents.answers[Question.CLEANUP_COPY] = {"name": "", "reason": "", "whereabouts": "only-here"}
    Image.objects.create(host_id="lighthouse", image_id=web_image.image_id)

    html = browse("vera").get(reverse("cleanup_copy", args=("harbour", web_image.hex))).content

    assert b"also on lighthouse" in html
    assert b"Only copy" not in html


def test_an_image_that_went_meanwhile_is_no_error(browse):
    response = browse("vera").get(reverse("cleanup_copy", args=("harbour", "f" * 64)))

    assert (response.status_code, "gone" in response.content.decode()) == (200, True)


def test_a_password_goes_to_its_own_registry_only(browse, agents, web_image):
    known = RegistryCredential.objects.get(registry="registry.example.org")
    web_image.repo_digests = ["registry.example.org/web@sha256:" + "1" * 64]
    web_image.save()
    url = reverse("cleanup_copy", args=("harbour", web_image.hex))

    browse("vera").get(url)
    web_image.repo_digests.append("other.example.org/web@sha256:" + "1" * 64)
    web_image.save()
    browse("vera").get(url)

    assert [told.get("credentials_id") for _, _, told in agents.asked] == [known.pk, None]


def test_ticked_volumes_go_by_a_job_of_their_own(browse):
    browse("otto").post(reverse("cleanup_volumes"), {"ids": ["harbour/old-uploads"]})

    assert Job.objects.get(name="volumes.trash").arguments == {"ids": ["old-uploads"]}
