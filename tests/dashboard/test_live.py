"""`/ws/live/`: who gets in, what they hear, and when they are shown out."""

import pytest
from channels.db import database_sync_to_async
from django.conf import settings
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from dashboard import events, services
from dashboard.consumers import identity
from dashboard.consumers.identity import CANNOT_TELL, SIGNED_OUT
from dashboard.consumers.live import LiveConsumer
from dashboard.models import Host, Role, User
from tests.support.sockets import Socket, sign_in

pytestmark = pytest.mark.django_db(transaction=True)


async def open_live(user: User) -> Socket:
    socket = Socket("/ws/live/", session=await sign_in(user))
    assert await socket.is_open()
    return socket


async def test_a_viewer_hears_of_every_host(vera, container):
    socket = await open_live(vera)

    await database_sync_to_async(events.publish_container)(container)

    assert (await socket.hear())["html"] == "<tr>web</tr>"
    await socket.disconnect()


async def test_jobs_are_heard_too(vera, otto, request_by):
    socket = await open_live(vera)

    await database_sync_to_async(request_by)(otto)

    assert (await socket.hear())["type"] == "job"
    await socket.disconnect()


async def test_a_host_that_joins_is_watched_from_then_on(vera):
    socket = await open_live(vera)
    beta = await Host.objects.acreate(name="beta")

    await database_sync_to_async(events.publish_host)(beta)
    assert (await socket.hear())["host"] == "beta"
    assert await socket.receive_nothing(0.05)
    await database_sync_to_async(events.publish_stats)("beta", {})

    assert (await socket.hear())["type"] == "stats"
    await socket.disconnect()


@pytest.mark.parametrize("session", ["", "forged"])
async def test_without_a_login_there_is_no_connection(db, session):
    assert not await Socket("/ws/live/", session=session).is_open()


@pytest.mark.parametrize("origin", [None, "http://evil.example", "http://127.0.0.1:9999"])
async def test_from_another_origin_there_is_no_connection(vera, origin):
    session = await sign_in(vera)

    assert not await Socket("/ws/live/", session=session, origin=origin).is_open()


async def test_a_deactivated_account_does_not_get_in(vera, ada):
    session = await sign_in(vera)
    await database_sync_to_async(services.deactivate_person)(account=vera, user=ada)

    assert not await Socket("/ws/live/", session=session).is_open()


async def test_who_is_deactivated_is_shown_out_at_once(vera, ada):
    socket = await open_live(vera)

    await database_sync_to_async(services.deactivate_person)(account=vera, user=ada)

    assert await socket.close_code() == SIGNED_OUT


async def test_who_keeps_enough_of_a_role_stays(otto, ada, container):
    socket = await open_live(otto)

    await database_sync_to_async(services.change_role)(account=otto, role=Role.VIEWER, user=ada)
    await database_sync_to_async(events.publish_container)(container)

    assert (await socket.hear())["type"] == "row"
    await socket.disconnect()


async def test_a_session_that_ended_is_noticed(vera, monkeypatch):
    monkeypatch.setattr(LiveConsumer, "recheck_seconds", 0.02)
    session = await sign_in(vera)
    socket = Socket("/ws/live/", session=session)
    assert await socket.is_open()

    await database_sync_to_async(_end_session)(session)

    assert await socket.close_code() == SIGNED_OUT


async def test_who_signs_out_hears_no_more_in_any_page_of_that_session(vera):
    session = await sign_in(vera)
    socket = Socket("/ws/live/", session=session)
    elsewhere = await open_live(vera)
    assert await socket.is_open()

    await database_sync_to_async(_sign_out)(session)

    assert await socket.close_code() == SIGNED_OUT
    assert await elsewhere.receive_nothing(0.05)
    await elsewhere.disconnect()


async def test_who_cannot_be_looked_up_any_more_is_shown_no_more(vera, monkeypatch):
    monkeypatch.setattr(LiveConsumer, "recheck_seconds", 0.02)
    socket = await open_live(vera)

    monkeypatch.setattr(identity, "find_user", _fail_to_look)

    assert await socket.close_code() == CANNOT_TELL


async def test_an_address_that_is_none_is_refused_like_any_other(vera):
    assert not await Socket("/ws/nothing/", session=await sign_in(vera)).is_open()


async def test_a_changed_password_ends_the_other_sessions(vera, monkeypatch):
    monkeypatch.setattr(LiveConsumer, "recheck_seconds", 0.02)
    socket = await open_live(vera)

    vera.set_password("another long enough password")
    await vera.asave()

    assert await socket.close_code() == SIGNED_OUT


async def test_what_a_page_says_is_ignored(vera, container):
    socket = await open_live(vera)
    await socket.send_to(text_data="not json")
    await socket.send_to(bytes_data=b"\0")

    await database_sync_to_async(events.publish_container)(container)

    assert (await socket.hear())["type"] == "row"
    await socket.disconnect()


def _end_session(key: str) -> None:
    from django.contrib.sessions.models import Session

    Session.objects.filter(pk=key).delete()


def _sign_out(key: str) -> None:
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = key
    client.post(reverse("account_logout"))


def _fail_to_look(_key: str) -> None:
    raise OperationalError
