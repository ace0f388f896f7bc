"""The trash, seen and asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.urls import reverse

from dashboard.agents import Question
from dashboard.errors import HostSilent
from dashboard.models import AuditEntry, Host, Job

HTMX = {"HX-Request": "true"}
WEB = {
    "id": "trash:" + "c" * 64,
    "kind": "container",
    "names": ["web-old"],
    "owner": "ana",
    "at": "2026-07-01T12:00:00+00:00",
    "by": "otto",
    "bytes": 4_000_000,
}
IMAGE = {**WEB, "id": "trash:sha256:" + "a" * 64, "kind": "image", "names": ["web:1", "web:2"]}
LIMITS = {"days": "7", "max_bytes": "", "watermark": "95", "log_hours": "48", "log_max_bytes": "1g"}
UNTIL = "2026-07-01T12:00:00.000001+00:00"
VALUE = f"harbour/{WEB['id']}"


@pytest.fixture
def filled(agents):
    agents.answers[Question.TRASH_LIST] = {
        "items": [WEB, IMAGE],
        "first": 0,
        "count": 2,
        "bytes": 5_000_000,
        "until": UNTIL,
    }
    return agents


def test_it_says_what_lies_there_of_whom_until_when_and_what_comes_free(browse, filled):
    html = browse("vera").get(reverse("trash")).content.decode()

    assert "web-old" in html
    assert "web:2" in html
    assert "by otto" in html
    assert "2026-07-08 12:00:00" in html
    assert "5.0 MB" in html
    assert [asked[:2] for asked in filled.asked] == [("harbour", "trash.list")]


def test_a_host_that_does_not_answer_is_no_error(browse, agents):
    agents.answers[Question.TRASH_LIST] = HostSilent("harbour")

    response = browse("vera").get(reverse("trash"))

    assert response.status_code == 200
    assert "harbour does not answer" in response.content.decode()


def test_what_is_ticked_is_brought_back_by_one_job_per_host(browse):
    ids = [VALUE, f"harbour/{IMAGE['id']}", f"lighthouse/{WEB['id']}"]

    response = browse("otto").post(reverse("trash_restore"), {"ids": ids}, headers=HTMX)

    jobs = Job.objects.filter(name="trash.restore").order_by("host_id")
    assert response.status_code == 204
    assert [job.arguments["ids"] for job in jobs] == [
        sorted([WEB["id"], IMAGE["id"]]),
        [WEB["id"]],
    ]


@pytest.mark.parametrize("ids", [[], ["no-slash"], ["harbour/x"], ["nowhere/" + WEB["id"]]])
def test_what_makes_no_sense_is_refused_and_nothing_is_asked(browse, ids):
    response = browse("otto").post(reverse("trash_restore"), {"ids": ids}, headers=HTMX)

    assert response.status_code == 422
    assert not Job.objects.filter(name="trash.restore").exists()


def test_other_names_are_asked_for_and_taken(browse):
    client, url = browse("otto"), reverse("trash_restore_as", args=("harbour", WEB["id"]))

    asked = client.get(f"{url}?name=web-old-restored").content.decode()
    client.post(url, {"names": "web-new"})

    assert "web-old-restored</textarea>" in asked
    assert Job.objects.get(name="trash.restore").arguments == {
        "ids": [WEB["id"]],
        "names": ["web-new"],
    }


def test_nothing_is_deleted_for_good_without_the_hosts_name(browse):
    client, url = browse("otto"), reverse("trash_empty")

    question = client.post(url, {"ids": [VALUE]}, headers=HTMX)
    wrong = client.post(url, {"ids": [VALUE], "confirm": "habour"}, headers=HTMX)

    assert "Type the name of the host" in question.content.decode()
    assert wrong.status_code == 422
    assert not Job.objects.filter(name="trash.empty").exists()

    client.post(url, {"ids": [VALUE], "confirm": "harbour"}, headers=HTMX)

    assert Job.objects.get(name="trash.empty").arguments == {"ids": [WEB["id"]]}


def test_many_things_are_shown_by_pages_of_one_host(browse, agents):
    def answer(host: str, told: dict[str, Any]) -> dict[str, Any]:
        first = told["first"]
        items = [{**WEB, "id": f"trash:{number:064x}"} for number in range(first, first + 100)]
        return {"items": items, "first": first, "count": 250, "bytes": 1, "until": UNTIL}

    agents.answers[Question.TRASH_LIST] = answer
    client, url = browse("otto"), reverse("trash")

    first = client.get(f"{url}?first=100").content.decode()
    second = client.get(f"{url}?host=harbour&first=100").content.decode()

    assert "1\u2013100 of 250" in first
    assert "?host=harbour&amp;first=100" in first
    assert "101\u2013200 of 250" in second
    assert "?host=harbour&amp;first=0" in second
    assert "?host=harbour&amp;first=200" in second


def test_all_of_it_goes_that_had_come_when_the_page_was_made(browse, filled):
    client, url = browse("otto"), reverse("trash_empty")
    page = client.get(reverse("trash")).content.decode()
    filled.answers[Question.TRASH_LIST] = {"ids": [WEB["id"], IMAGE["id"]]}
    told = {"host": "harbour", "until": UNTIL}

    question = client.post(url, told, headers=HTMX).content.decode()
    client.post(url, {**told, "confirm": "harbour"}, headers=HTMX)

    assert f'name="until" value="{UNTIL}"' in page
    assert f'name="until" value="{UNTIL}"' in question
    assert '<b class="num">2</b> things' in question
    assert filled.asked[-1] == ("harbour", "trash.list", {"until": UNTIL})
    job = Job.objects.get(name="trash.empty")
    assert job.arguments == {"ids": sorted([WEB["id"], IMAGE["id"]])}


@pytest.mark.parametrize("host", ["", "nowhere"])
def test_the_trash_of_no_host_is_not_emptied(browse, filled, host):
    told = {"host": host, "until": UNTIL, "confirm": host}

    response = browse("otto").post(reverse("trash_empty"), told, headers=HTMX)

    assert response.status_code == 422
    assert not Job.objects.filter(name="trash.empty").exists()


def test_two_hosts_are_not_emptied_at_once(browse):
    ids = [VALUE, f"lighthouse/{WEB['id']}"]

    response = browse("otto").post(reverse("trash_empty"), {"ids": ids}, headers=HTMX)

    assert "one host at a time" in response["HX-Trigger"]


def test_undoing_a_move_brings_all_of_it_back(browse, harbour, mess):
    moved = Job.objects.create(
        name="cleanup.run",
        host=harbour,
        requested_by=mess.users["otto"],
        state="succeeded",
        outcome={"trashed": [WEB["id"], IMAGE["id"]]},
        dedupe_key="x",
    )
    client = browse("otto")

    page = client.get(moved.get_absolute_url()).content.decode()
    response = client.post(reverse("trash_undo", args=(moved.pk,)), headers=HTMX)

    assert reverse("trash_undo", args=(moved.pk,)) in page
    assert response.status_code == 204
    assert Job.objects.get(name="trash.restore").arguments["ids"] == sorted(
        [WEB["id"], IMAGE["id"]]
    )


def test_undoing_what_moved_nothing_says_so(browse, harbour, mess):
    job = Job.objects.create(
        name="cleanup.run", host=harbour, requested_by=mess.users["otto"], dedupe_key="x"
    )

    response = browse("otto").post(reverse("trash_undo", args=(job.pk,)), headers=HTMX)

    assert response.status_code == 422


def test_an_admin_says_how_long_things_stay(browse):
    client, url = browse("ada"), reverse("trash_limits", args=("harbour",))

    assert "7" in client.get(url).content.decode()
    client.post(url, {**LIMITS, "days": "30", "max_bytes": "20g", "watermark": "90"})

    host = Host.objects.get(name="harbour")
    assert (host.trash_days, host.trash_max_bytes, host.trash_watermark) == (30, 20 * 2**30, 90)
    assert (host.removed_log_hours, host.removed_log_max_bytes) == (48, 2**30)
    assert AuditEntry.objects.get(action="trash.limit").actor == "ada"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("days", "-1"),
        ("watermark", "101"),
        ("max_bytes", "big"),
        ("log_hours", "-1"),
        ("log_max_bytes", ""),
    ],
)
def test_limits_that_mean_nothing_are_refused_at_their_field(browse, field, value):
    told = {**LIMITS, field: value}

    response = browse("ada").post(reverse("trash_limits", args=("harbour",)), told)

    assert response.status_code == 422
    assert f'id="id_{field}_error"' in response.content.decode()
    assert Host.objects.get(name="harbour").trash_days == 7


def test_operators_do_not_decide_about_limits(browse):
    url = reverse("trash_limits", args=("harbour",))

    assert browse("otto").get(url).status_code == 403
    assert browse("ada").put(url).status_code == 405


class TestMovingOneThing:
    def test_ones_own_stopped_container_goes_at_once(self, browse, stopped):
        stopped.owner = "otto"
        stopped.save()
        url = reverse("container_trash", args=("harbour", stopped.container_id))

        response = browse("otto").post(url, headers=HTMX)

        assert response.status_code == 204
        assert "on its way" in json.loads(response["HX-Trigger"])["toast"]["text"]
        job = Job.objects.get(name="containers.trash")
        assert job.arguments == {"ids": [stopped.container_id]}
        assert job.object_id == stopped.container_id

    def test_a_running_one_is_asked_about_and_stopped_first(self, browse, web):
        web.owner = "otto"
        web.save()
        url = reverse("container_trash", args=("harbour", web.container_id))

        question = browse("otto").post(url, headers=HTMX)
        browse("otto").post(url, {"sure": "yes"}, headers=HTMX)

        assert question["HX-Retarget"] == "#dialog-content"
        assert "It is stopped first" in question.content.decode()
        assert Job.objects.get(name="containers.trash").arguments["stop"] is True

    def test_somebody_elses_needs_the_hosts_name(self, browse, stopped):
        stopped.owner = "ana"
        stopped.save()
        url = reverse("container_trash", args=("harbour", stopped.container_id))

        wrong = browse("mia").post(url, {"sure": "yes", "confirm": "x"}, headers=HTMX)
        assert wrong.status_code == 422
        assert not Job.objects.filter(name="containers.trash").exists()

        browse("mia").post(url, {"sure": "yes", "confirm": "harbour"}, headers=HTMX)
        assert Job.objects.filter(name="containers.trash").exists()

    def test_somebody_elses_is_not_for_operators(self, browse, stopped):
        stopped.owner = "ana"
        stopped.save()
        url = reverse("container_trash", args=("harbour", stopped.container_id))

        answer = browse("otto").post(url, {"sure": "yes", "confirm": "harbour"}, headers=HTMX)

        assert answer.status_code == 403
        assert "belongs to ana: ask the owner" in answer.content.decode()
        assert not Job.objects.filter(name="containers.trash").exists()

    def test_what_is_ticked_goes_by_one_job_per_host_and_what_runs_stays(self, browse, mess, web):
        ids = [f"harbour/{web.container_id}"]
        for host in mess.hosts.values():
            ids += [
                f"{host.name}/{each.container_id}"
                for each in host.containers.filter(state="exited")
            ]
        url = reverse("containers_bulk")

        running = browse("mia").post(url, {"verb": "trash", "ids": ids[:1]}, headers=HTMX)
        browse("mia").post(url, {"verb": "trash", "ids": ids}, headers=HTMX)

        assert "stop them first" in running["HX-Trigger"]
        jobs = Job.objects.filter(name="containers.trash").order_by("host_id")
        assert [job.host_id for job in jobs] == ["harbour", "lighthouse"]
        told = [f"{job.host_id}/{each}" for job in jobs for each in job.arguments["ids"]]
        assert sorted(told) == sorted(ids[1:])

    def test_an_image_in_use_is_not_offered_to_go(self, browse, web_image):
        url = reverse("image_trash", args=("harbour", web_image.hex))

        html = browse("otto").post(url, headers=HTMX).content.decode()

        assert "cannot go while a container" in html
        assert not Job.objects.filter(name="images.trash").exists()

    def test_an_unused_image_of_ones_own_goes_at_once(self, browse, harbour):
        image = harbour.images.filter(container_count=0, added_by="otto").first()
        url = reverse("image_trash", args=("harbour", image.hex))

        browse("otto").post(url, headers=HTMX)

        assert Job.objects.get(name="images.trash").arguments == {"ids": [image.image_id]}

    def test_an_unused_volume_of_ones_own_goes_at_once(self, browse, harbour):
        harbour.volumes.create(name="mine", owner="otto")
        page = browse("otto").get(reverse("volume_detail", args=("harbour", "mine")))
        url = reverse("volume_trash", args=("harbour", "mine"))

        response = browse("otto").post(url, headers=HTMX)

        assert url in page.content.decode()
        assert response.status_code < 300
        assert Job.objects.get(name="volumes.trash").arguments == {"ids": ["mine"]}

    def test_somebody_else_s_volume_asks_for_the_name_of_its_host(self, browse):
        url = reverse("volume_trash", args=("harbour", "old-uploads"))

        asked = browse("ada").post(url, headers=HTMX)
        wrong = browse("ada").post(url, {"sure": "yes", "confirm": "x"}, headers=HTMX)
        right = browse("ada").post(url, {"sure": "yes", "confirm": "harbour"}, headers=HTMX)

        assert "come back with all that it holds" in asked.content.decode()
        assert (wrong.status_code, right.status_code) == (422, 200)
        assert Job.objects.get(name="volumes.trash").arguments == {"ids": ["old-uploads"]}

    def test_a_volume_in_use_is_not_offered_to_go(self, browse, harbour):
        url = reverse("volume_trash", args=("harbour", "web-cache"))

        html = browse("mia").post(url, headers=HTMX).content.decode()

        assert "cannot go while a container has it" in html
        assert not Job.objects.filter(name="volumes.trash").exists()

    def test_keeping_a_container_and_letting_it_go(self, browse, stopped):
        url = reverse("container_keep", args=("harbour", stopped.container_id))

        browse("otto").post(url, headers=HTMX)
        stopped.is_kept = True
        stopped.save()
        browse("otto").post(url, headers=HTMX)

        told = [job.arguments for job in Job.objects.filter(name="cleanup.keep")]
        ids = [stopped.container_id]
        assert sorted(told, key=len) == [{"ids": ids}, {"ids": ids, "let_go": True}]
        cards = browse("vera").get(reverse("containers"), {"state": "stopped"}).content.decode()
        assert "Kept" in cards
