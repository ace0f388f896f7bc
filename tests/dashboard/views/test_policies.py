"""The pages of clean-up policies."""

from __future__ import annotations

import pytest
from django.urls import reverse

from dashboard import services
from dashboard.agents import Question
from dashboard.arguments import PolicySchedule, PolicyTerms
from dashboard.errors import AnswerRefused
from dashboard.jobs import JobName
from dashboard.models import CleanupPolicy, Host, Job
from dashboard.services import PolicyWish
from dashboard.views import policies as views

TYPED = {
    "name": "Nightly",
    "on_all_hosts": "on",
    "every_hours": "24",
    "into_trash": "on",
    "unused-images-wanted": "on",
    "unused-images-older_than": "30d",
    "unused-images-keep_names": "prod-* 'with space'",
    "unused-images-larger_than": "100m",
    "stopped-containers-wanted": "on",
    "stopped-containers-older_than": "12h",
    "old-logs-older_than": "1d",
}
STORED = [
    {
        "kind": "unused-images",
        "older_than": 30 * 86_400,
        "keep_names": ["prod-*", "with space"],
        "larger_than": 100 * 2**20,
    },
    {"kind": "stopped-containers", "older_than": 12 * 3600},
]
CHANGES = ("policy_edit", "policy_switch", "policy_run", "policy_delete")


@pytest.fixture
def policy(mess) -> CleanupPolicy:
    terms = PolicyTerms.parse({"name": "Weekly", "rules": STORED})
    wish = PolicyWish(terms, PolicySchedule(every_hours=168))
    return services.save_policy(wish, user=mess.users["ada"])


def page(client, name: str, *arguments: object) -> str:
    return client.get(reverse(name, args=arguments)).content.decode()


def test_without_policies_the_page_says_what_one_is(browse) -> None:
    assert "No policies yet" in page(browse("vera"), "policies")


def test_the_list_says_what_goes_when_and_whether_it_is_on(browse, policy) -> None:
    html = page(browse("vera"), "policies")

    assert "Images no container uses, older than 30 days, not named prod-* or with space" in html
    assert "Every 7 days" in html
    assert ">Off</span>" in html
    assert "Never" in html


def test_a_policy_is_made_as_it_was_typed_and_is_off(browse, mess) -> None:
    response = browse("ada").post(reverse("policy_new"), TYPED)

    made = CleanupPolicy.objects.get()
    assert response["Location"] == made.get_absolute_url()
    assert made.rules == [{**each, "kind": each["kind"]} for each in STORED]
    assert (made.into_trash, made.on_all_hosts, made.every_hours) == (True, True, 24)
    assert not made.is_enabled


def test_changing_one_begins_with_what_it_says(browse, policy) -> None:
    html = page(browse("ada"), "policy_edit", policy.pk)

    for typed in ('value="30d"', 'value="12h"', 'value="100m"', 'value="168"', 'value="Weekly"'):
        assert typed in html
    assert "prod-* &#x27;with space&#x27;" in html
    browse("ada").post(
        reverse("policy_edit", args=(policy.pk,)),
        {
            **TYPED,
            "on_all_hosts": "",
            "hosts": ["harbour"],
            "every_hours": "",
            "crontab": "0 3 * * *",
        },
    )
    policy.refresh_from_db()
    assert [host.name for host in policy.hosts.all()] == ["harbour"]
    assert (policy.name, policy.crontab, policy.every_hours) == ("Nightly", "0 3 * * *", 0)


@pytest.mark.parametrize(
    ("changes", "where", "words"),
    [
        ({"name": ""}, "name", "Give it a name."),
        ({"name": "WEEKLY"}, "name", "There is a policy called WEEKLY. Give it another name."),
        ({"on_all_hosts": ""}, "hosts", "Choose at least one host, or all of them."),
        ({"crontab": "0 3 * * *"}, "every_hours", "write either hours or a crontab line."),
        ({"every_hours": "", "crontab": "never"}, "crontab", "it is no crontab line."),
        ({"high_watermark": "50", "low_watermark": "60"}, "low_watermark", "it is above the mark"),
        ({"most_bytes": "plenty"}, "most_bytes", "Write a number and a unit"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field_and_stays_typed(
    browse, policy, changes, where, words
) -> None:
    response = browse("ada").post(reverse("policy_new"), {**TYPED, **changes})

    assert response.status_code == 422
    assert words in " ".join(response.context["form"].errors[where])
    assert "prod-* &#x27;with space&#x27;" in response.content.decode()
    assert CleanupPolicy.objects.count() == 1


def test_a_wrong_filter_is_refused_at_its_field(browse, mess) -> None:
    response = browse("ada").post(
        reverse("policy_new"), {**TYPED, "unused-images-older_than": "a while"}
    )

    assert response.status_code == 422
    assert "Write a number and a unit: 12h, 30d, 8w." in response.content.decode()


def test_a_policy_that_takes_nothing_is_refused(browse, mess) -> None:
    told = {name: value for name, value in TYPED.items() if not name.endswith("wanted")}

    response = browse("ada").post(reverse("policy_new"), told)

    assert response.status_code == 422
    assert "nothing is chosen to be cleaned up" in response.content.decode()


def test_switching_on_and_off(browse, policy) -> None:
    client, address = browse("ada"), reverse("policy_switch", args=(policy.pk,))

    html = client.post(address, {"to": "on"}, follow=True).content.decode()
    assert "Weekly is on, in your name." in html
    assert "Next run:" in html
    policy.refresh_from_db()
    assert policy.is_enabled
    client.post(address, {"to": "off"})
    policy.refresh_from_db()
    assert not policy.is_enabled
    assert client.post(address, {"to": "sideways"}).status_code == 400


def test_running_now_asks_every_host_and_shows_the_runs(browse, policy) -> None:
    html = browse("ada").post(reverse("policy_run", args=(policy.pk,)), follow=True)

    assert {job.host_id for job in Job.objects.filter(name=JobName.CLEAN_UP_BY_POLICY.value)} == {
        "harbour",
        "lighthouse",
    }
    assert html.content.decode().count("Clean up by policy Weekly</a>") >= 2


def test_a_run_shows_what_became_of_each_thing(browse, policy) -> None:
    browse("ada").post(reverse("policy_run", args=(policy.pk,)))
    results = [
        {"id": "a", "kind": "image", "name": "web:<1>", "became": "trash", "reason": ""},
        {"id": "b", "kind": "image", "name": "db:2", "became": "stayed", "reason": "is used"},
    ]
    outcome = {"message": "Moved 1 image to the trash.", "results": results}
    Job.objects.filter(object_kind="policy").update(state="succeeded", outcome=outcome)

    html = page(browse("vera"), "policy_detail", policy.pk)

    assert "web:&lt;1&gt;" in html
    assert "In the trash" in html
    assert "is used" in html


def test_a_policy_without_a_host_says_so(browse, policy) -> None:
    CleanupPolicy.objects.update(on_all_hosts=False)

    html = browse("ada").post(reverse("policy_run", args=(policy.pk,)), follow=True)

    assert "It has no host to run on." in html.content.decode()


def test_deleting_asks_first(browse, policy) -> None:
    client, address = browse("ada"), reverse("policy_delete", args=(policy.pk,))

    assert "Delete Weekly?" in client.get(address).content.decode()
    assert CleanupPolicy.objects.exists()
    client.post(address)
    assert not CleanupPolicy.objects.exists()


def test_who_vouched_for_it_and_left_is_named(browse, policy, mess) -> None:
    services.switch_policy(policy, on=True, user=mess.users["ada"])
    type(mess.users["ada"]).objects.filter(username="ada").update(is_active=False)

    html = page(browse("vera"), "policy_detail", policy.pk)

    assert "in the name of ada, who may not run policies any more" in html


def test_deciding_is_for_admins_and_by_post(browse, client, policy) -> None:
    for name in CHANGES:
        address = reverse(name, args=(policy.pk,))
        assert browse("otto").post(address, {"to": "on"}).status_code == 403
        assert client.post(address).status_code == 302
    assert browse("otto").get(reverse("policy_new")).status_code == 403
    for name in ("policy_switch", "policy_run"):
        assert browse("ada").get(reverse(name, args=(policy.pk,))).status_code == 405
    for name in ("policy_detail", "policy_rehearsal"):
        assert browse("vera").post(reverse(name, args=(policy.pk,))).status_code == 405
        assert client.get(reverse(name, args=(policy.pk,))).status_code == 302
        assert browse("vera").get(reverse(name, args=(4711,))).status_code == 404
    assert not Job.objects.filter(object_kind="policy").exists()


class TestRehearsal:
    @pytest.fixture
    def asked(self, monkeypatch) -> list[tuple]:
        found: list[tuple] = []

        def ask_all(question, arguments, *, patience):
            found.extend((host, question, told) for host, told in arguments.items())
            answer = {
                "departures": [
                    [
                        "sha256:" + "a" * 64,
                        "web:<186>",
                        "2026-10-01T00:00:00+00:00",
                        "no container was made from it",
                        1000,
                        "2026-10-04T00:00:00+00:00",
                    ],
                    ["c" * 64, "load", "2026-10-02T00:00:00+00:00", "had exited", 0, None],
                ],
                "images": 112,
                "containers": 1,
                "missed": 9,
                "every_hours": 24,
            }
            return dict.fromkeys(arguments, answer)

        monkeypatch.setattr(views, "ask_all", ask_all)
        return found

    def test_it_says_what_would_have_gone_and_been_missed(self, browse, policy, asked) -> None:
        html = page(browse("vera"), "policy_rehearsal", policy.pk)

        words = " ".join(html.replace('<span class="num">', "").replace("</span>", "").split())
        assert "Over 30 days on harbour: 112 images and 1 container, 9 would have been" in words
        assert "web:&lt;186&gt;" in html
        assert "… and 111 more." in html
        # The other host is offline, and not waited for.
        assert [(host, question) for host, question, _ in asked] == [("harbour", Question.REHEARSE)]
        assert asked[0][2] == {
            "terms": PolicyTerms.of(policy).to_json(),
            "days": 30,
            "every_hours": 168,
        }

    def test_the_span_can_be_chosen_from_a_few(self, browse, policy, asked) -> None:
        address = reverse("policy_rehearsal", args=(policy.pk,))

        browse("vera").get(address, {"days": "90"})
        browse("vera").get(address, {"days": "99999"})

        assert [told["days"] for _, _, told in asked] == [90, 30]

    def test_a_host_that_cannot_say_is_shown_as_that(self, browse, policy, monkeypatch) -> None:
        refusal = AnswerRefused({"message": "The disk is away", "remedy": "Look there"})

        def refuse(_question, arguments, **_kwargs):
            return dict.fromkeys(arguments, refusal)

        monkeypatch.setattr(views, "ask_all", refuse)

        html = page(browse("vera"), "policy_rehearsal", policy.pk)

        assert "harbour did not answer" in html
        assert "The disk is away. Look there." in html

    def test_without_a_host_online_there_is_nobody_to_ask(self, browse, policy, asked) -> None:
        Host.objects.update(last_seen_at=None)

        assert "No host to ask" in page(browse("vera"), "policy_rehearsal", policy.pk)
        assert asked == []

    def test_it_changes_nothing(self, browse, policy, asked) -> None:
        before = list(CleanupPolicy.objects.values()), Job.objects.count()

        page(browse("vera"), "policy_rehearsal", policy.pk)

        assert (list(CleanupPolicy.objects.values()), Job.objects.count()) == before
