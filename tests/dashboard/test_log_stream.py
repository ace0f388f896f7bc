"""`/ws/logs/`: tickets, flow control, and an agent at the other end."""

from asyncio import wait_for

import pytest
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.db import OperationalError
from django.utils import timezone

from dashboard import services
from dashboard.consumers import identity
from dashboard.consumers.identity import BAD_MESSAGE, CANNOT_TELL, NOT_ALLOWED, SIGNED_OUT
from dashboard.consumers.logs import LogsConsumer
from dashboard.consumers.tickets import create_ticket
from dashboard.models import Host, User
from tests.support.sockets import Socket, sign_in

pytestmark = pytest.mark.django_db(transaction=True)

LINE = {"t": "2026-01-01T00:00:00Z", "s": "stdout", "m": "hello"}


class Agent:
    """What the agent of a host does with its channel."""

    def __init__(self) -> None:
        self.layer = get_channel_layer()

    async def hear(self) -> dict:
        return await wait_for(self.layer.receive("agent.alpha"), 5)

    async def send(self, opened: dict, **message: object) -> None:
        await self.layer.send(opened["reply"], {"stream": opened["stream"], **message})

    async def send_lines(self, opened: dict, seq: int, **more: object) -> None:
        await self.send(opened, type="stream.lines", seq=seq, lines=[LINE], **more)


@pytest.fixture
def ticket(vera) -> str:
    return create_ticket(user=vera, host="alpha", container_id="c" * 64)


async def connect(user: User) -> Socket:
    socket = Socket("/ws/logs/", session=await sign_in(user))
    assert await socket.is_open()
    return socket


async def open_stream(user: User, ticket: str) -> tuple[Socket, Agent, dict]:
    socket, agent = await connect(user), Agent()
    await socket.say({"ticket": ticket})
    opened = await agent.hear()
    assert (await socket.hear()) == {"type": "open", "stream": opened["stream"]}
    return socket, agent, opened


async def test_the_agent_is_asked_for_the_container_of_the_ticket(vera, ticket):
    socket, _, opened = await open_stream(vera, ticket)

    asked = {name: opened[name] for name in ("type", "container_id", "tail", "window")}
    assert asked == {"type": "stream.open", "container_id": "c" * 64, "tail": 500, "window": 8}
    await socket.disconnect()


async def test_lines_reach_the_page_and_acknowledgements_the_agent(vera, ticket):
    socket, agent, opened = await open_stream(vera, ticket)

    await agent.send_lines(opened, 1, skipped=1204)
    assert await socket.hear() == {"type": "lines", "seq": 1, "lines": [LINE], "skipped": 1204}
    await socket.say({"ack": 1})

    heard = await agent.hear()
    sender = {"stream": opened["stream"], "reply": opened["reply"]}
    assert heard == {"type": "stream.ack", "ack": 1, **sender}
    await socket.disconnect()


async def test_when_the_page_goes_the_agent_is_told(vera, ticket):
    socket, agent, opened = await open_stream(vera, ticket)

    await socket.disconnect()

    heard = await agent.hear()
    assert (heard["type"], heard["stream"]) == ("stream.close", opened["stream"])


async def test_the_end_is_said_with_its_reason(vera, ticket):
    socket, agent, opened = await open_stream(vera, ticket)

    await agent.send(opened, type="stream.end", reason="the container was removed")

    end = {"type": "end", "reason": "the container was removed", "retry": False}
    assert await socket.hear() == end
    assert await socket.close_code() == 1000


async def test_a_stream_that_a_new_agent_does_not_know_ends_and_can_be_retried(
    vera, ticket, container, monkeypatch
):
    await Host.objects.aupdate(last_seen_at=timezone.now())
    monkeypatch.setattr(LogsConsumer, "recheck_seconds", 0.02)
    socket, agent, opened = await open_stream(vera, ticket)

    reminder = await agent.hear()
    assert (reminder["type"], reminder["ack"]) == ("stream.ack", 0)
    await agent.send(reminder, type="stream.end", reason="the agent restarted", retry=True)

    assert (await socket.hear())["retry"]
    assert await socket.close_code() == 1000
    assert reminder["stream"] == opened["stream"]


async def test_a_stream_from_a_host_that_went_offline_ends(vera, ticket, container, monkeypatch):
    monkeypatch.setattr(LogsConsumer, "recheck_seconds", 0.02)
    socket, _, _ = await open_stream(vera, ticket)

    assert await socket.hear() == {"type": "end", "reason": "alpha is offline.", "retry": True}
    assert await socket.close_code() == 1000


async def test_batches_of_another_stream_or_out_of_turn_are_dropped(vera, ticket):
    socket, agent, opened = await open_stream(vera, ticket)

    await agent.send_lines({**opened, "stream": "other"}, 1)
    await agent.send_lines(opened, 1)
    await agent.send_lines(opened, 1)
    await agent.send_lines(opened, 2)

    assert [(await socket.hear())["seq"] for _ in range(2)] == [1, 2]
    assert await socket.receive_nothing(0.05)
    await socket.disconnect()


@pytest.mark.parametrize("ack", [0, 2, -1, "1", None])
async def test_a_page_cannot_acknowledge_what_it_never_got(vera, ticket, ack):
    socket, agent, opened = await open_stream(vera, ticket)
    await agent.send_lines(opened, 1)
    await socket.hear()

    await socket.say({"ack": ack})

    assert await socket.close_code() == BAD_MESSAGE


async def test_a_ticket_opens_one_stream(vera, ticket):
    first, _, _ = await open_stream(vera, ticket)
    second = await connect(vera)

    await second.say({"ticket": ticket})

    assert await second.close_code() == NOT_ALLOWED
    await first.disconnect()


async def test_anothers_ticket_opens_nothing(otto, ticket):
    socket = await connect(otto)

    await socket.say({"ticket": ticket})

    assert await socket.close_code() == NOT_ALLOWED


@pytest.mark.parametrize(
    "text", ["{", "[]", '"x"', '{"ticket": 1}', "{}", '{"ticket": "' + "x" * 2000 + '"}']
)
async def test_what_makes_no_sense_closes_the_connection(vera, text):
    socket = await connect(vera)

    await socket.send_to(text_data=text)

    assert await socket.close_code() == BAD_MESSAGE


async def test_who_brings_no_ticket_is_shown_out(vera, monkeypatch):
    monkeypatch.setattr(LogsConsumer, "ticket_seconds", 0.02)
    socket = await connect(vera)

    assert await socket.close_code() == NOT_ALLOWED


async def test_a_ticket_in_the_url_counts_for_nothing(vera, ticket, monkeypatch):
    monkeypatch.setattr(LogsConsumer, "ticket_seconds", 0.02)
    socket = Socket(f"/ws/logs/?ticket={ticket}", session=await sign_in(vera))
    assert await socket.is_open()

    assert await socket.close_code() == NOT_ALLOWED


async def test_who_cannot_be_looked_up_any_more_reads_no_further(vera, ticket, monkeypatch):
    def fail_to_look(_key: str) -> None:
        raise OperationalError

    monkeypatch.setattr(LogsConsumer, "recheck_seconds", 0.02)
    socket, _, _ = await open_stream(vera, ticket)

    monkeypatch.setattr(identity, "find_user", fail_to_look)

    assert await socket.close_code() == CANNOT_TELL


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param('{"ticket": "\\ud800"}', NOT_ALLOWED, id="no-text-that-can-be-written"),
        pytest.param("[" * 1000, BAD_MESSAGE, id="deeper-than-a-parser-goes"),
    ],
)
async def test_a_first_message_made_to_trip_us_is_only_refused(vera, text, code):
    socket = await connect(vera)

    await socket.send_to(text_data=text)

    assert await socket.close_code() == code


async def test_without_a_login_there_is_no_connection(db):
    assert not await Socket("/ws/logs/").is_open()


async def test_from_another_origin_there_is_no_connection(vera):
    session = await sign_in(vera)

    assert not await Socket("/ws/logs/", session=session, origin="http://evil.example").is_open()


async def test_who_is_deactivated_reads_no_further(vera, ada, ticket):
    socket, agent, _ = await open_stream(vera, ticket)

    await database_sync_to_async(services.deactivate_person)(account=vera, user=ada)

    assert await socket.close_code() == SIGNED_OUT
    await socket.disconnect()
    assert (await agent.hear())["type"] == "stream.close"
