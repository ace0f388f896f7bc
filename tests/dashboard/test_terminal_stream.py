"""`/ws/terminal/`: who may open a terminal, and how bytes go both ways."""

from __future__ import annotations

from asyncio import wait_for
from datetime import timedelta

import pytest
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.utils import timezone

from dashboard import services
from dashboard.consumers.identity import BAD_MESSAGE, NOT_ALLOWED, SIGNED_OUT, TOO_SLOW
from dashboard.consumers.terminal import MOST_AHEAD, MOST_AT_ONCE
from dashboard.consumers.tickets import StreamAction, create_ticket
from dashboard.errors import NotPermitted, ReachesHost, TerminalClosed
from dashboard.models import AuditEntry, Role, Terminal, TerminalKind, User
from engine.errors import InvalidSetting
from tests.support.sockets import Socket, sign_in

pytestmark = pytest.mark.django_db(transaction=True)

SIZE = {"rows": 30, "columns": 100}


class Agent:
    """What the agent of a host does with its channel."""

    def __init__(self) -> None:
        self.layer = get_channel_layer()

    async def hear(self) -> dict:
        return await wait_for(self.layer.receive("agent.alpha"), 5)

    async def send(self, opened: dict, **message: object) -> None:
        await self.layer.send(opened["reply"], {"stream": opened["stream"], **message})


def make_ticket(user, action=StreamAction.TERMINAL, role="") -> str:
    return create_ticket(
        user=user,
        host="alpha",
        container_id="c" * 64,
        action=action,
        subject="the-row",
        role=role,
    )


@pytest.fixture
def ticket(otto) -> str:
    return make_ticket(otto)


async def open_terminal(user, ticket) -> tuple[Socket, Agent, dict]:
    socket, agent = Socket("/ws/terminal/", session=await sign_in(user)), Agent()
    assert await socket.is_open()
    await socket.say({"ticket": ticket, **SIZE})
    opened = await agent.hear()
    assert (await socket.hear())["type"] == "open"
    return socket, agent, opened


async def test_the_agent_is_told_the_row_and_nothing_that_it_should_do(otto, ticket):
    socket, _, opened = await open_terminal(otto, ticket)

    told = {name: opened[name] for name in ("type", "kind", "terminal", "rows", "columns")}
    assert told == {"type": "stream.open", "kind": "terminal", "terminal": "the-row", **SIZE}
    assert "command" not in opened
    await socket.disconnect()


async def test_bytes_go_both_ways_as_they_are(otto, ticket):
    socket, agent, opened = await open_terminal(otto, ticket)

    await agent.send(opened, type="stream.output", seq=1, content=b"\xff\x00$ ")
    assert await socket.receive_from() == b"\xff\x00$ "
    await socket.send_to(bytes_data=b"ls\r")
    typed = await agent.hear()
    assert (typed["type"], typed["content"]) == ("stream.input", b"ls\r")
    await agent.send(opened, type="stream.took", bytes=3)

    assert await socket.hear() == {"type": "took", "bytes": 3}
    await socket.disconnect()


async def test_sizes_and_ends_of_input_are_passed_on(otto, ticket):
    socket, agent, _ = await open_terminal(otto, ticket)

    await socket.say({"rows": 50, "columns": 132})
    await socket.say({"eof": True})

    resized, ended = await agent.hear(), await agent.hear()
    assert (resized["type"], resized["rows"], resized["columns"]) == ("stream.resize", 50, 132)
    assert ended["type"] == "stream.eof"
    await socket.disconnect()


async def test_who_types_faster_than_the_host_takes_is_closed(otto, ticket):
    socket, _, _ = await open_terminal(otto, ticket)

    for _ in range(MOST_AHEAD // MOST_AT_ONCE + 1):
        await socket.send_to(bytes_data=b"x" * MOST_AT_ONCE)

    assert await socket.close_code() == TOO_SLOW


@pytest.mark.parametrize("message", [{"rows": 0, "columns": 80}, {"rows": 10**6}, {}, {"eof": 1}])
async def test_what_makes_no_sense_closes_it(otto, ticket, message):
    socket, _, _ = await open_terminal(otto, ticket)

    await socket.say(message)

    assert await socket.close_code() == BAD_MESSAGE


@pytest.mark.parametrize("origin", ["http://evil.example", None])
async def test_only_our_own_pages_may_open_one(otto, origin):
    socket = Socket("/ws/terminal/", session=await sign_in(otto), origin=origin)

    assert not await socket.is_open()


async def test_a_viewer_and_a_stranger_are_refused_at_the_door(vera):
    assert not await Socket("/ws/terminal/", session=await sign_in(vera)).is_open()
    assert not await Socket("/ws/terminal/").is_open()


@pytest.mark.parametrize("ticket", ["", "no-such-ticket"])
async def test_without_a_ticket_nothing_is_opened(otto, ticket):
    socket = Socket("/ws/terminal/", session=await sign_in(otto))
    assert await socket.is_open()

    await socket.say({"ticket": ticket})

    assert await socket.close_code() == NOT_ALLOWED


async def test_a_ticket_for_a_log_opens_no_terminal(otto):
    logs = await database_sync_to_async(make_ticket)(otto, StreamAction.LOGS)
    socket = Socket("/ws/terminal/", session=await sign_in(otto))
    assert await socket.is_open()

    await socket.say({"ticket": logs})

    assert await socket.close_code() == NOT_ALLOWED


async def test_a_used_ticket_opens_nothing_more(otto, ticket):
    first, _, _ = await open_terminal(otto, ticket)
    second = Socket("/ws/terminal/", session=await sign_in(otto))
    assert await second.is_open()

    await second.say({"ticket": ticket})

    assert await second.close_code() == NOT_ALLOWED
    await first.disconnect()


async def test_who_loses_the_role_loses_the_terminal(otto, ada, ticket):
    socket, agent, opened = await open_terminal(otto, ticket)

    await database_sync_to_async(services.change_role)(account=otto, role=Role.VIEWER, user=ada)

    assert await socket.close_code() == SIGNED_OUT
    await agent.send(opened, type="stream.output", seq=1, content=b"secret")
    assert await socket.receive_nothing(0.05)


async def test_an_admin_who_becomes_an_operator_loses_what_only_admins_may(ada):
    ticket = await database_sync_to_async(make_ticket)(ada, role=Role.ADMIN)
    socket, _, _ = await open_terminal(ada, ticket)
    other = await database_sync_to_async(User.objects.create_user)("bob", role=Role.ADMIN)

    await database_sync_to_async(services.change_role)(account=ada, role=Role.OPERATOR, user=other)

    assert await socket.close_code() == SIGNED_OUT


# --- the rows ---------------------------------------------------------------------------------


def request(user, container, **changes) -> Terminal:
    told = {"kind": TerminalKind.EXEC, "command": ["/bin/sh"], **changes}
    return services.request_terminal(container=container, user=user, **told)


def test_a_terminal_is_audited_when_it_is_asked_for_and_when_it_ends(otto, container):
    terminal = request(otto, container)
    entry = AuditEntry.objects.get(action="containers.terminal")
    assert (entry.actor, entry.summary) == ("otto", "Terminal in web: /bin/sh")
    assert entry.outcome == "requested"

    services.end_terminal(services.open_terminal(str(terminal.pk), host="alpha"), exit_code=3)

    entry.refresh_from_db()
    assert (entry.outcome, entry.message) == ("succeeded", "Exit code 3.")


def test_a_terminal_opens_once_soon_and_on_its_host(otto, container):
    terminal = request(otto, container)
    with pytest.raises(TerminalClosed):
        services.open_terminal(str(terminal.pk), host="beta")
    services.open_terminal(str(terminal.pk), host="alpha")
    with pytest.raises(TerminalClosed):
        services.open_terminal(str(terminal.pk), host="alpha")

    old = request(otto, container)
    Terminal.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(minutes=2))
    with pytest.raises(TerminalClosed):
        services.open_terminal(str(old.pk), host="alpha")


def test_a_terminal_of_somebody_who_may_not_any_more_is_not_opened(otto, container):
    terminal = request(otto, container)
    otto.role = Role.VIEWER
    otto.save()

    with pytest.raises(NotPermitted):
        services.open_terminal(str(terminal.pk), host="alpha")


def test_a_terminal_in_what_reaches_into_the_host_is_for_who_may_launch_it(otto, ada, container):
    container.settings = {"image": "busybox", "privileged": True}
    with pytest.raises(ReachesHost):
        request(otto, container)
    assert not Terminal.objects.exists()

    request(ada, container)


def test_a_viewer_gets_no_terminal(vera, container):
    with pytest.raises(NotPermitted):
        request(vera, container)
    assert not Terminal.objects.exists()


@pytest.mark.parametrize("command", [[], ["x" * 5000], ["a\0b"], ["x"] * 65])
def test_a_command_that_is_none_is_refused(otto, container, command):
    with pytest.raises(InvalidSetting) as refused:
        request(otto, container, command=command)
    assert refused.value.field == "command"
