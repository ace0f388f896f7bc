from __future__ import annotations

import json
import re
from html import unescape

from django.urls import reverse

from dashboard.models import Image, Job
from dashboard.selectors import dangling_images
from dashboard.selectors.selection import selection_ledger

HTMX = {"HX-Request": "true"}


def ids_in(html: str, form: str) -> list[str]:
    return re.findall(rf'name="ids" form="{form}" value="([^"]+)"', html)


def test_the_button_states_how_many_and_how_much(browse):
    html = browse("otto").get(reverse("cleanup"), {"host": "harbour"}).content.decode()

    assert "Remove 14 images (147 MB)" in html
    assert "Remove 6 containers (1.1 GB)" in html


def test_exactly_what_was_shown_goes_by_one_job_per_host(browse):
    client = browse("otto")
    shown = ids_in(client.get(reverse("cleanup")).content.decode(), "cleanup-images")

    response = client.post(reverse("cleanup_images"), {"ids": shown}, headers=HTMX, follow=True)

    jobs = Job.objects.filter(name="cleanup.images", state="queued")
    asked = {f"{job.host_id}/{each[7:]}" for job in jobs for each in job.arguments["ids"]}
    assert asked == set(shown)
    assert jobs.count() == 2
    assert all(job.row_id in response.content.decode() for job in jobs)


def test_a_full_page_of_ticks_is_not_too_much(browse):
    ids = [f"harbour/{number:064x}" for number in range(1000)] + [
        f"lighthouse/{number:064x}" for number in range(1000)
    ]

    browse("otto").post(reverse("cleanup_containers"), {"ids": ids})

    jobs = Job.objects.filter(name="cleanup.containers", state="queued")
    assert sorted(len(job.arguments["ids"]) for job in jobs)[-2:] == [1000, 1000]


def test_the_address_names_the_jobs_so_that_loading_again_asks_nothing(browse, stopped):
    client, value = browse("otto"), f"harbour/{stopped.container_id}"

    response = client.post(reverse("cleanup_containers") + "?host=harbour", {"ids": [value]})

    job = Job.objects.get(name="cleanup.containers")
    assert job.arguments == {"ids": [stopped.container_id]}
    assert response.url == f"{reverse('cleanup')}?asked={job.pk}&host=harbour"
    for _ in range(2):
        html = client.get(response.url).content.decode()
        assert job.row_id in html
        assert "It is being removed" in html
    assert Job.objects.filter(name="cleanup.containers").count() == 1


def test_an_address_with_nonsense_for_jobs_shows_the_page(browse):
    response = browse("vera").get(
        reverse("cleanup"), {"asked": "x,,00000000-0000-0000-0000-000000000000"}
    )

    assert response.status_code == 200


def test_nothing_ticked_does_nothing_and_says_so(browse):
    response = browse("otto").post(reverse("cleanup_images"), headers=HTMX)

    assert response.status_code == 422
    assert "Nothing is ticked" in response.content.decode()
    assert not Job.objects.filter(name="cleanup.images", state="queued").exists()


def test_what_is_no_id_is_refused_and_the_ticks_stay(browse):
    client = browse("otto")
    shown = ids_in(client.get(reverse("cleanup")).content.decode(), "cleanup-images")

    for wrong in ("harbour/../../etc", "no-slash", "nowhere/" + "a" * 64):
        response = client.post(reverse("cleanup_images"), {"ids": [shown[0], wrong]}, headers=HTMX)
        assert response.status_code == 422, wrong
        assert response.content.decode().count(" checked aria-label") <= 2 + 6 + 6


def test_images_behind_containers_stay_and_the_page_says_why(browse):
    html = browse("vera").get(reverse("cleanup"), {"host": "harbour"}).content.decode()

    assert "Stay, and why: 1 untagged image behind containers" in html


def test_the_ledger_that_the_page_carries_adds_up_to_the_servers_bytes(browse, harbour):
    client = browse("otto")
    html = client.get(reverse("cleanup"), {"host": "harbour"}).content.decode()
    ledger = json.loads(unescape(re.search(r'data-ledger="([^"]*)"', html)[1]))
    held = [row.split() for row in re.findall(r'data-layers="([^"]*)"', html)]

    ticked = [layer for row in held for layer in row]
    freed = sum(size for layer, (size, all_) in ledger.items() if ticked.count(layer) == all_)

    assert freed == dangling_images("harbour")[0].bytes


def test_a_layer_with_a_holder_outside_the_selection_counts_all_holders(harbour):
    dangling = list(Image.objects.filter(host=harbour, is_dangling=True, container_count=0))

    ledger = selection_ledger(dangling)

    base = harbour.layers.get(size=117 * 10**6)
    assert ledger.layers[base.pk] == (117 * 10**6, 20)
