"""The page of clean-ups: what hosts answer is shown and weighed."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from dashboard.agents import Question
from dashboard.errors import HostSilent
from dashboard.models import Host, Image, Job, RegistryCredential
from tests.support.cleanup_answers import (
    CONTAINER,
    HTMX,
    IMAGE,
    KINDS,
    found,
    plan,
    row,
    section,
)


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
