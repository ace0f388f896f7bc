"""
Asking the agent of a host something that it can answer at once.

A question is a name and arguments on the channel `agent.<host>`; the answer comes back on a channel
of our own. Questions only look; whatever changes something is a job. What one may leave behind is a
plan of what it saw, which does nothing until a job carries it out. Answers are bounded, and so is
our patience: a host that is away costs a page a few seconds and shows as what it is.
"""

from __future__ import annotations

import asyncio
import uuid
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from asgiref.sync import async_to_sync
from channels.exceptions import ChannelFull
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from dashboard.errors import AnswerRefused, BrokerDown, HostSilent
from engine.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE_SECONDS = 8.0


class Question(StrEnum):
    """What an agent can be asked; the value is how the message calls it."""

    CHANGES = "containers.changes"
    FILE = "containers.file"
    TOP = "containers.top"
    STATS = "containers.stats"
    LOG_PAGE = "containers.log_page"
    LAST_LINES = "containers.last_lines"
    LOG_OPEN = "containers.log_open"
    LOG_READ = "containers.log_read"
    REMOVED_LIST = "containers.removed_list"
    REMOVED_ONE = "containers.removed_one"
    LOSS = "containers.loss"
    HEALTH = "containers.health"
    IMAGE_FILES = "images.files"
    LAYER_FILES = "images.layer_files"
    LAYER_FILE = "images.layer_file"
    IMAGE_COMPARE = "images.compare"
    IMAGE_LINEAGE = "images.lineage"
    IMAGE_DOCKERFILE = "images.dockerfile"
    TAG_HISTORY = "images.tag_history"
    SAVE_OPEN = "images.save_open"
    SAVE_READ = "images.save_read"
    UPLOAD_WRITE = "images.upload_write"
    SEND_OPEN = "images.send_open"
    SEND_TURN = "images.send_turn"
    REHEARSE = "cleanup.rehearse"
    REGISTRY_CHECK = "registries.check"
    REGISTRY_REPOSITORIES = "registries.repositories"
    REGISTRY_TAGS = "registries.tags"
    CLEANUP_FIND = "cleanup.find"
    CLEANUP_WEIGH = "cleanup.weigh"
    CLEANUP_PLAN = "cleanup.plan"
    CLEANUP_COPY = "cleanup.copy"
    TRASH_LIST = "trash.list"


def agent_channel(host: str) -> str:
    """Return the channel on which the agent of *host* listens."""
    return f"agent.{host}"


def ask(
    host: str,
    question: Question,
    arguments: Mapping[str, Any],
    *,
    patience: float = PATIENCE_SECONDS,
) -> Any:
    """
    Return what the agent of *host* answers.

    Raise `HostSilent` where it does not in time, `AnswerRefused` with its words where it cannot,
    `BrokerDown` where nobody can be asked.
    """
    try:
        return async_to_sync(_ask)(host, question, dict(arguments), patience)
    except (RedisError, ChannelFull, OSError) as error:
        raise BrokerDown from error


def ask_all(
    question: Question,
    arguments: Mapping[str, Mapping[str, Any]],
    *,
    patience: float = PATIENCE_SECONDS,
) -> dict[str, Any | EngineError]:
    """Return what each host answers to its *arguments*, or why it does not; all at once."""
    if not arguments:
        return {}
    try:
        return async_to_sync(_ask_all)(question, arguments, patience)
    except (RedisError, ChannelFull, OSError) as error:
        raise BrokerDown from error


async def _ask_all(
    question: Question, arguments: Mapping[str, Mapping[str, Any]], patience: float
) -> dict[str, Any | EngineError]:
    answers = await asyncio.gather(
        *(_answer(host, question, told, patience) for host, told in arguments.items())
    )
    return dict(zip(arguments, answers, strict=True))


async def _answer(
    host: str, question: Question, told: Mapping[str, Any], patience: float
) -> Any | EngineError:
    try:
        return await _ask(host, question, dict(told), patience)
    except EngineError as error:
        return error


async def _ask(host: str, question: Question, arguments: dict[str, Any], patience: float) -> Any:
    layer = get_channel_layer()
    assert layer is not None
    reply, key = await layer.new_channel(), uuid.uuid4().hex
    asked = {"type": "ask", "ask": key, "reply": reply, "question": question.value}
    await layer.send(agent_channel(host), {**asked, "arguments": arguments})
    try:
        async with asyncio.timeout(patience):
            answer = await layer.receive(reply)
            while answer.get("ask") != key:
                answer = await layer.receive(reply)
    except TimeoutError as error:
        raise HostSilent(host) from error
    if "error" in answer:
        raise AnswerRefused(answer["error"])
    return answer["answer"]
