"""Asking the owner: told once, answered once, and good for one removal."""

import pytest
from django.utils import timezone

from dashboard import services
from dashboard.arguments import Thing, parse_arguments
from dashboard.errors import BelongsToAnother, NotPermitted
from dashboard.jobs import JobName
from dashboard.models import (
    Answer,
    AuditEntry,
    Container,
    Notification,
    OwnerQuestion,
    Role,
    Volume,
)
from dashboard.models.question import GRANT_LASTS
from dashboard.selectors.owners import find_owned
from tests.dashboard.conftest import make_user

pytestmark = pytest.mark.django_db

HEX = "c" * 64
THING = Thing("container", HEX)


@pytest.fixture
def ana(db):
    return make_user("ana", Role.OPERATOR)


@pytest.fixture
def hers(host, ana):
    Container.objects.create(host=host, container_id=HEX, name="web", owner="ana")
    return find_owned("alpha", THING)


@pytest.fixture
def question(hers, otto) -> OwnerQuestion:
    services.ask_owner(hers, user=otto, note="Disk is full")
    return OwnerQuestion.objects.get()


def told(user) -> list[str]:
    found = Notification.objects.filter(user=user).order_by("pk")
    return [each.notice.title for each in found]


def remove(request_by, user, name=JobName.REMOVE_CONTAINER):
    told = {"ids": [HEX]} if "trash" in name.value else {"container_id": HEX}
    return request_by(user, name=name, arguments=told)


def test_the_owner_is_told_once(question, hers, ana, otto):
    services.ask_owner(hers, user=otto)

    assert told(ana) == ["otto asks you to let web go"]
    assert Notification.objects.get().notice.body == "Disk is full"
    assert OwnerQuestion.objects.count() == 1


def test_what_belongs_to_nobody_is_asked_of_who_maintains(host, otto, mia):
    Container.objects.create(host=host, container_id=HEX, name="web")

    services.ask_owner(find_owned("alpha", THING), user=otto)

    assert told(mia) == ["otto asks you to let web go"]


def test_a_viewer_asks_for_nothing(hers, vera):
    with pytest.raises(NotPermitted):
        services.ask_owner(hers, user=vera)


def test_an_open_question_and_a_no_permit_nothing(question, request_by, otto, ana):
    with pytest.raises(BelongsToAnother):
        remove(request_by, otto)

    services.answer_owner(question, let_go=False, user=ana)

    assert told(otto) == ["ana keeps web"]
    with pytest.raises(BelongsToAnother):
        remove(request_by, otto)


@pytest.mark.parametrize("name", [JobName.REMOVE_CONTAINER, JobName.TRASH_CONTAINERS])
def test_let_go_permits_whoever_asked_one_removal(question, request_by, otto, ana, name):
    services.answer_owner(question, let_go=True, user=ana)
    assert told(otto) == ["ana lets web go"]

    job = remove(request_by, otto, name)
    services.use_grants(job, parse(job))
    job.__class__.objects.update(state="succeeded")

    with pytest.raises(BelongsToAnother):
        remove(request_by, otto, name)


def parse(job):
    return parse_arguments(JobName(job.name), job.arguments)


def test_let_go_permits_nothing_but_a_removal_and_nobody_else(question, request_by, ana, host):
    services.answer_owner(question, let_go=True, user=ana)
    other = make_user("bob", Role.OPERATOR)

    with pytest.raises(BelongsToAnother):
        remove(request_by, other)
    with pytest.raises(BelongsToAnother):
        request_by(question.asked_by, name=JobName.STOP_CONTAINER, arguments={"container_id": HEX})


def test_let_go_ends_after_a_while_and_with_the_role(question, request_by, otto, ana):
    services.answer_owner(question, let_go=True, user=ana)
    OwnerQuestion.objects.update(answered_at=timezone.now() - GRANT_LASTS)
    with pytest.raises(BelongsToAnother):
        remove(request_by, otto)


def test_what_one_let_go_is_no_permit_for_what_another_has_under_its_name(
    request_by, otto, ana, host
):
    volume = Volume.objects.create(host=host, name="data", owner="otto")
    services.ask_owner(find_owned("alpha", Thing("volume", "data")), user=otto)
    services.answer_owner(OwnerQuestion.objects.get(), let_go=True, user=otto)
    volume.delete()
    Volume.objects.create(host=host, name="data", owner="ana")

    with pytest.raises(BelongsToAnother):
        request_by(otto, name=JobName.REMOVE_VOLUME, arguments={"name": "data"})


def test_only_the_owner_or_who_maintains_answers_and_once(question, otto, ana, mia):
    with pytest.raises(BelongsToAnother):
        services.answer_owner(question, let_go=True, user=otto)

    assert services.answer_owner(question, let_go=False, user=ana)
    assert not services.answer_owner(question, let_go=True, user=mia)

    question.refresh_from_db()
    assert (question.answer, question.answered_by) == (Answer.KEEP, ana)
    actions = list(AuditEntry.objects.order_by("pk").values_list("actor", "action"))
    assert actions == [("otto", "owner.ask"), ("ana", "owner.answer")]
