from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cleanup.filters import Filters
from engine.cleanup.rules import Rule, RuleKind, judge
from engine.cleanup.subject import Facts, Standing, Subject, SubjectKind, what_happened
from engine.errors import InvalidSetting

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)

IMAGE = Subject(SubjectKind.IMAGE, "i1", "team/web:1", "ana", NOW - 5 * HOUR, 100)
CONTAINER = Subject(
    SubjectKind.CONTAINER, "c1", "web", "ana", NOW - 2 * HOUR, 10, facts=Facts("exited")
)
VOLUME = Subject(SubjectKind.VOLUME, "volume:db", "db", "ana", NOW - 3 * HOUR, 50)
NETWORK = Subject(SubjectKind.NETWORK, "n1", "team", "ana", NOW - 3 * HOUR, 0)


def taken(kind: RuleKind, *subjects: Subject, **filters: object) -> list[str]:
    rule = Rule(kind, Filters(**filters))  # type: ignore[arg-type]
    return [each.id for each in judge([rule], subjects, NOW)[0]]


def reason(kind: RuleKind, subject: Subject, **filters: object) -> str:
    rule = Rule(kind, Filters(**filters))  # type: ignore[arg-type]
    items, kept = judge([rule], [subject], NOW)
    assert items == ()
    return kept[0].reason


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        (RuleKind.UNTAGGED_IMAGES, IMAGE),
        (RuleKind.UNUSED_IMAGES, replace(IMAGE, facts=Facts(names=("team/web:1",)))),
        (RuleKind.STOPPED_CONTAINERS, CONTAINER),
        (RuleKind.ANONYMOUS_VOLUMES, replace(VOLUME, is_anonymous=True)),
        (RuleKind.UNUSED_VOLUMES, VOLUME),
        (RuleKind.UNUSED_NETWORKS, NETWORK),
        (RuleKind.BUILD_CACHE, replace(VOLUME, kind=SubjectKind.CACHED_STEP)),
        (RuleKind.BUILD_CACHE, replace(VOLUME, kind=SubjectKind.CACHE_MOUNT)),
        (RuleKind.ABANDONED_INGESTS, replace(VOLUME, kind=SubjectKind.INGEST)),
        (RuleKind.OLD_LOGS, replace(VOLUME, kind=SubjectKind.LOG)),
    ],
)
def test_each_rule_takes_what_it_is_for_and_nothing_else(kind: RuleKind, subject: Subject) -> None:
    assert taken(kind, subject) == [subject.id]
    others = {RuleKind.UNTAGGED_IMAGES, RuleKind.UNUSED_IMAGES}
    for other in set(RuleKind) - {kind} - others:
        if not (subject.kind is SubjectKind.VOLUME and other is RuleKind.UNUSED_VOLUMES):
            assert taken(other, subject) == []


@pytest.mark.parametrize(
    ("kind", "subject", "filters", "why"),
    [
        pytest.param(
            RuleKind.UNTAGGED_IMAGES,
            replace(IMAGE, facts=Facts(names=("team/web:1",))),
            {},
            "has a tag: team/web:1",
            id="tagged",
        ),
        pytest.param(
            RuleKind.UNUSED_IMAGES,
            replace(IMAGE, facts=Facts(holders=("web", "db"))),
            {},
            "is used by web, db",
            id="held",
        ),
        pytest.param(
            RuleKind.STOPPED_CONTAINERS,
            replace(CONTAINER, standing=Standing.BUSY, facts=Facts("running")),
            {},
            "is running",
            id="running",
        ),
        pytest.param(
            RuleKind.STOPPED_CONTAINERS,
            replace(CONTAINER, standing=Standing.FRESH),
            {},
            "was created a moment ago",
            id="fresh",
        ),
        pytest.param(
            RuleKind.UNUSED_NETWORKS,
            replace(NETWORK, standing=Standing.FIXED),
            {},
            "is always there",
            id="predefined",
        ),
        pytest.param(
            RuleKind.ANONYMOUS_VOLUMES, VOLUME, {}, "was named by somebody", id="named-volume"
        ),
        pytest.param(
            RuleKind.STOPPED_CONTAINERS,
            replace(CONTAINER, labels={"shipshape.keep": ""}),
            {},
            "is labelled shipshape.keep",
            id="protected-by-label",
        ),
        pytest.param(
            RuleKind.STOPPED_CONTAINERS,
            replace(CONTAINER, is_pinned=True),
            {},
            "is pinned",
            id="pinned",
        ),
        pytest.param(
            RuleKind.UNUSED_IMAGES,
            replace(IMAGE, is_leased=True),
            {},
            "is needed by work at hand",
            id="leased",
        ),
        pytest.param(
            RuleKind.STOPPED_CONTAINERS,
            CONTAINER,
            {"older_than": 2 * HOUR},
            "is younger than 2 hours",
            id="exactly-as-old-is-not-older",
        ),
        pytest.param(
            RuleKind.UNUSED_IMAGES,
            replace(IMAGE, last_used_at=NOW - HOUR),
            {"unused_for": 2 * HOUR},
            "was used in the last 2 hours",
            id="used-lately",
        ),
        pytest.param(
            RuleKind.UNUSED_VOLUMES,
            VOLUME,
            {"labels": ("ci",)},
            "is not labelled ci",
            id="label-missing",
        ),
        pytest.param(
            RuleKind.UNUSED_VOLUMES,
            replace(VOLUME, labels={"env": "prod"}),
            {"without_labels": ("env=prod",)},
            "is labelled env=prod",
            id="label-unwanted",
        ),
        pytest.param(
            RuleKind.UNUSED_VOLUMES, VOLUME, {"names": ("ci-*",)}, "has another name", id="name"
        ),
        pytest.param(
            RuleKind.UNUSED_VOLUMES,
            VOLUME,
            {"keep_names": ("d?",)},
            "is kept by its name",
            id="kept-name",
        ),
        pytest.param(
            RuleKind.UNUSED_VOLUMES, VOLUME, {"owners": ("bob",)}, "belongs to ana", id="owner"
        ),
        pytest.param(
            RuleKind.UNUSED_VOLUMES,
            VOLUME,
            {"larger_than": 50},
            "is no larger than 50 bytes",
            id="as-large-is-not-larger",
        ),
    ],
)
def test_what_stays_says_why(
    kind: RuleKind, subject: Subject, filters: dict[str, object], why: str
) -> None:
    assert reason(kind, subject, **filters) == why


@pytest.mark.parametrize("value", ["false", "No", "0"])
def test_a_label_that_says_no_protects_nothing(value: str) -> None:
    labelled = replace(CONTAINER, labels={"shipshape.keep": value})

    assert taken(RuleKind.STOPPED_CONTAINERS, labelled) == ["c1"]


def test_an_image_goes_with_the_containers_that_go_themselves() -> None:
    image = replace(IMAGE, facts=Facts(names=("team/web:1",), holders=("web",)))
    rules = [Rule(RuleKind.UNUSED_IMAGES), Rule(RuleKind.STOPPED_CONTAINERS)]

    items, kept = judge(rules, [image, CONTAINER], NOW)

    assert [each.id for each in items] == ["c1", "i1"]
    assert kept == ()


def test_the_newest_images_of_each_repository_stay() -> None:
    images = [
        replace(
            IMAGE,
            id=f"{repository}{age}",
            since=NOW,
            created_at=NOW - age * HOUR,
            repositories=(repository,),
        )
        for repository in ("web", "api")
        for age in (1, 2, 3)
    ]

    gone = taken(RuleKind.UNUSED_IMAGES, *images, keep_newest=2)

    assert gone == ["api3", "web3"]


def test_an_image_that_says_it_was_made_in_the_future_outlives_no_other() -> None:
    images = [
        replace(IMAGE, id="liar", since=NOW - 9 * HOUR, created_at=NOW + 9999 * HOUR),
        replace(IMAGE, id="older", since=NOW, created_at=NOW - 8 * HOUR),
        replace(IMAGE, id="newer", since=NOW - 7 * HOUR, created_at=None),
    ]
    images = [replace(each, repositories=("web",)) for each in images]

    assert taken(RuleKind.UNUSED_IMAGES, *images, keep_newest=2) == ["liar"]


def test_an_image_that_one_of_two_rules_means_goes_once() -> None:
    rules = [
        Rule(RuleKind.UNTAGGED_IMAGES, Filters(owners=("bob",))),
        Rule(RuleKind.UNUSED_IMAGES),
        Rule(RuleKind.UNUSED_IMAGES),
    ]

    items, kept = judge(rules, [IMAGE], NOW)

    assert [each.reason for each in items] == ["no container was made from it"]
    assert kept == ()


def test_a_negative_filter_is_refused_by_its_name() -> None:
    with pytest.raises(InvalidSetting) as caught:
        Filters(keep_newest=-1)

    assert caught.value.field == "keep_newest"


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        pytest.param(Facts("exited"), Facts("running"), "was started since", id="started"),
        pytest.param(Facts("exited"), Facts("paused"), "is paused since", id="other-state"),
        pytest.param(Facts(), Facts(holders=("web",)), "is used by web since", id="held"),
        pytest.param(Facts(holders=("web",)), Facts(), "", id="let-go"),
        pytest.param(Facts(), Facts(names=("a:1",)), "was named a:1 since", id="named"),
        pytest.param(Facts(names=("a:1",)), Facts(), "lost a name since", id="untagged"),
        pytest.param(Facts(mark="1"), Facts(mark="2"), "was used or made anew since", id="used"),
        pytest.param(Facts("exited", mark="1"), Facts("exited", mark="1"), "", id="the-same"),
    ],
)
def test_what_happened_meanwhile_has_words(before: Facts, now: Facts, words: str) -> None:
    assert what_happened(before, now) == words


subjects = st.lists(
    st.builds(
        Subject,
        kind=st.sampled_from(SubjectKind),
        id=st.uuids().map(str),
        name=st.sampled_from(["web", "api", "db"]),
        owner=st.sampled_from(["ana", "bob"]),
        since=st.integers(0, 100).map(lambda hours: NOW - hours * HOUR),
        size=st.integers(0, 1000),
        standing=st.sampled_from(Standing),
        facts=st.builds(
            Facts, holders=st.lists(st.sampled_from(["web", "other"]), max_size=2).map(tuple)
        ),
        labels=st.sampled_from([{}, {"shipshape.keep": "yes"}]),
        is_pinned=st.booleans(),
        is_leased=st.booleans(),
    ),
    max_size=12,
    unique_by=lambda each: each.id,
)


@given(subjects, st.lists(st.sampled_from(RuleKind).map(Rule), max_size=3))
def test_whatever_there_is_nothing_protected_goes_and_nothing_is_told_twice(
    found: list[Subject], rules: list[Rule]
) -> None:
    items, kept = judge(rules, found, NOW)

    by_id = {each.id: each for each in found}
    going = {each.id for each in items}
    assert len(going) == len(items)
    assert not going & {each.id for each in kept}
    for item in items:
        subject = by_id[item.id]
        assert not subject.is_pinned
        assert not subject.is_leased
        assert not subject.labels
        assert subject.standing is Standing.IDLE
        containers = [each for each in items if each.kind is SubjectKind.CONTAINER]
        assert set(subject.facts.holders) <= {each.name for each in containers}
