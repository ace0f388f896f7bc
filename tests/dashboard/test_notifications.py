"""Telling people: whom, once, and at once on their open pages."""

import json
from asyncio import wait_for

import pytest
from channels.layers import get_channel_layer
from django.db import transaction

from dashboard import selectors, services
from dashboard.models import Notice, NoticeKind, Notification, Role
from tests.support.sockets import database_sync_to_async

RUN = NoticeKind.POLICY_RUN


def told(notice: Notice) -> set[str]:
    return {each.user.username for each in notice.notifications.select_related("user")}


def test_whom_a_notice_concerns_has_it_in_the_inbox(vera, otto, ada):
    notice = services.notify(RUN, "12 images went", users=[vera], roles=[Role.ADMIN])

    assert told(notice) == {"vera", "ada"}
    assert selectors.unread_count(ada.pk) == 1
    assert selectors.unread_count(otto.pk) == 0


def test_a_role_is_whoever_may_do_what_it_may(vera, otto, ada):
    assert told(services.notify(RUN, "12 images went", roles=[Role.OPERATOR])) == {"otto", "ada"}


def test_who_is_shut_out_is_told_nothing(vera, ada):
    vera.is_active = False
    vera.save()

    assert told(services.notify(RUN, "12 images went", users=[vera], roles=[Role.ADMIN])) == {"ada"}


def test_one_person_is_told_once(ada):
    assert told(services.notify(RUN, "x", users=[ada, ada], roles=[Role.ADMIN])) == {"ada"}


def test_one_occasion_is_told_once(ada):
    first = services.notify(RUN, "12 images went", users=[ada], key="job-1")

    assert services.notify(RUN, "12 images went", users=[ada], key="job-1") is None
    assert list(Notice.objects.all()) == [first]
    assert services.notify(RUN, "another", users=[ada]) is not None


def test_a_notice_falls_with_its_transaction(ada):
    with transaction.atomic():
        services.notify(RUN, "12 images went", users=[ada])
        transaction.set_rollback(True)

    assert not Notification.objects.exists()


def test_reading_changes_nobody_elses_inbox(vera, ada):
    notice = services.notify(RUN, "12 images went", users=[vera, ada])

    services.mark_read(notice.notifications.get(user=vera))
    services.mark_read(notice.notifications.get(user=vera))

    assert (selectors.unread_count(vera.pk), selectors.unread_count(ada.pk)) == (0, 1)


@pytest.mark.django_db(transaction=True)
async def test_open_pages_of_one_person_show_it_at_once(vera, ada):
    layer = get_channel_layer()
    hers, other = await layer.new_channel(), await layer.new_channel()
    await layer.group_add(f"live.user.{ada.pk}", hers)
    await layer.group_add(f"live.user.{vera.pk}", other)

    await database_sync_to_async(services.notify)(RUN, "<b>12</b>", users=[ada], link="/jobs/")

    event = json.loads((await wait_for(layer.receive(hers), 20))["text"])
    assert (event["type"], event["is_new"], event["unread"]) == ("notification", True, 1)
    assert "&lt;b&gt;12&lt;/b&gt;" in event["html"]
    await database_sync_to_async(services.mark_all_read)(ada)
    event = json.loads((await wait_for(layer.receive(hers), 20))["text"])
    assert (event["is_new"], event["unread"], event["key"]) == (False, 0, "")
    assert other not in layer.channels or layer.channels[other].empty()
