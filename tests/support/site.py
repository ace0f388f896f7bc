"""The web process in a thread of the test, which thus can say what happens on the hosts."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import uvicorn
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.db import connections

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Sequence
    from concurrent.futures import Future

    from channels.layers import BaseChannelLayer

START_SECONDS = 30
CLOSE_SECONDS = 3


NOTHING = {"rows": [], "count": 0, "bytes": 0, "kept": [], "kept_count": 0}
OTHER_KINDS = (
    "unused-images",
    "anonymous-volumes",
    "unused-volumes",
    "unused-networks",
    "build-cache",
    "abandoned-ingests",
    "old-logs",
    "untagged-images",
)
ANSWERS = {
    "containers.changes": {
        "changes": [
            ["C", "/etc", 0, True],
            ["C", "/etc/motd", 120, False],
            ["A", "/var/log/app", 0, True],
            ["A", "/var/log/app/error.log", 48_200, False],
            ["A", "/var/log/app/<b>odd</b>.log", 12, False],
            ["C", "/usr", 0, True],
            ["C", "/usr/lib", 0, True],
            ["C", "/usr/lib/locale", 0, True],
            ["D", "/usr/lib/locale/C.utf8", 0, False],
        ],
        "has_more": False,
    },
    "containers.top": {
        "titles": ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"],
        "rows": [["root", "4711", "1", "0", "14:02", "?", "00:00:01", "gunicorn web:app"]],
    },
    "containers.stats": {
        "private": 40 * 2**20,
        "cache": 12 * 2**20,
        "pids": 3,
        "received": 1000,
        "sent": 2000,
        "read": 4096,
        "written": 8192,
    },
    "containers.loss": {
        "files": 31,
        "bytes": 48_300_000,
        "log_bytes": 120_000,
        "mounts": [
            {
                "kind": "volume",
                "source": "orders-data",
                "target": "/data",
                "goes": False,
                "others": 1,
            },
            {"kind": "bind", "source": "/srv/web", "target": "/web", "goes": False, "others": 0},
            {"kind": "volume", "source": "f" * 64, "target": "/cache", "goes": True, "others": 0},
        ],
    },
    "containers.health": {
        "status": "unhealthy",
        "failing_streak": 3,
        "checks": [
            {
                "at": "2026-07-01T12:00:00+00:00",
                "seconds": 30.0,
                "exit_code": -1,
                "output": "Health check exceeded timeout (30s)",
            },
            {
                "at": "2026-07-01T11:59:00+00:00",
                "seconds": 0.04,
                "exit_code": 7,
                "output": "curl: (7) Failed to connect to <b>localhost</b> port 80",
            },
            {
                "at": "2026-07-01T11:58:00+00:00",
                "seconds": 0.01,
                "exit_code": 0,
                "output": "",
            },
        ],
    },
    "containers.last_lines": {
        "lines": [
            {"t": "2026-07-01T12:00:00+00:00", "s": "stdout", "m": "listening on :8080"},
            {"t": "2026-07-01T12:00:01+00:00", "s": "stderr", "m": "panic: <b>no room</b>"},
        ]
    },
    "containers.file": {"content": b"hello\n"},
    "images.files": {
        "layers": [
            {
                "chain_id": "sha256:" + "c" * 64,
                "added": 7184,
                "changed": 12,
                "removed": 3,
                "brought_bytes": 74_000_000,
                "wasted_bytes": 2_100_000,
            }
        ],
        "wasted_bytes": 2_100_000,
        "wasted": [["/var/cache/apt/pkgcache.bin", 2_100_000]],
    },
    "images.layer_files": {
        "files": [
            ["A", "/usr/lib/x86_64-linux-gnu/libcrypto.so.3", "file", 4_700_000],
            ["D", "/etc/<b>odd</b>", "whiteout", 0],
        ],
        "has_more": False,
    },
    "images.lineage": {
        "bases": [
            {
                "image_id": "sha256:" + "d" * 64,
                "names": ["registry.example.org/team/base:12"],
                "layers": 1,
                "size": 74_000_000,
                "created": "2026-05-01T12:00:00+00:00",
            }
        ],
        "derived": [],
    },
    "cleanup.find": {
        "sections": {
            **dict.fromkeys(OTHER_KINDS, NOTHING),
            "stopped-containers": {
                "rows": [
                    {
                        "id": "c" * 64,
                        "kind": "container",
                        "name": "load-<b>test</b>",
                        "names": [],
                        "owner": "ana",
                        "since": "2026-07-01T12:00:00+00:00",
                        "last_used": "",
                        "size": 48_300_000,
                        "bytes": 48_300_000,
                        "reason": "exited with code 3",
                        "stays": "",
                        "behind": [],
                        "is_pinned": False,
                    }
                ],
                "count": 1,
                "bytes": 48_300_000,
                "kept": [],
                "kept_count": 0,
            },
        },
        "safe": {"kinds": {"container": 1}, "bytes": 48_300_000},
    },
    "cleanup.weigh": {"count": 1, "kinds": {"container": 1}, "bytes": 48_300_000, "kept": []},
    "trash.list": {
        "first": 0,
        "until": "2026-07-01T12:00:00+00:00",
        "items": [
            {
                "id": "trash:" + "d" * 64,
                "kind": "container",
                "names": ["old-<b>web</b>"],
                "owner": "ana",
                "at": "2026-07-01T12:00:00+00:00",
                "by": "otto",
                "bytes": 4_000_000,
            }
        ],
        "count": 1,
        "bytes": 4_000_000,
    },
    "registries.check": {},
    "registries.repositories": {"names": ["team/api", "team/web"], "has_more": False},
    "registries.tags": {"names": ["187", "186", "latest"], "has_more": False},
}


class Site:
    """The dashboard on a loopback port, with an agent that writes as many lines as it is told."""

    def __init__(self, agents: Sequence[str] = ("harbour",)) -> None:
        from dashboard.asgi import application

        config = uvicorn.Config(
            application,
            port=0,
            log_level="error",
            lifespan="off",
            ws="websockets-sansio",
            timeout_graceful_shutdown=CLOSE_SECONDS,
        )
        self._server = uvicorn.Server(config)
        self._started = threading.Event()
        self._agents = tuple(agents)
        self._thread = threading.Thread(target=self._serve, name="site", daemon=True)
        self.lines_per_second = 0
        # What the agent answers to a question: a value, or what makes one of the arguments.
        self.answers: dict[str, Any] = dict(ANSWERS)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(START_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()

    @property
    def url(self) -> str:
        port = self._server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    def do(self, act: Callable[[], Any]) -> Any:
        """Return what *act* returns, called where the site runs, as a worker would publish."""
        return asyncio.run_coroutine_threadsafe(_in_thread(act), self._loop).result(START_SECONDS)

    def start(self, work: Coroutine[Any, Any, None]) -> Future[None]:
        """Have *work* done beside the site, until it is cancelled."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _serve(self) -> None:
        # Pages that still wait for an answer are given up with it, and their threads end.
        asyncio.run(self._main())
        # Whoever waited on a channel did so in a loop that is closed: the next site must not find
        # what it left, nor send to it.
        asyncio.run(_channel_layer().flush())

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        agents = [asyncio.create_task(self._agent(each)) for each in self._agents]
        watch = asyncio.create_task(self._watch())
        await self._server.serve()
        for task in (*agents, watch):
            task.cancel()
        await asyncio.gather(*agents, watch, return_exceptions=True)

    async def _watch(self) -> None:
        while not self._server.started:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)
        self._started.set()

    def _answer(self, message: dict[str, Any]) -> dict[str, Any]:
        answer = {"type": "answer", "ask": message["ask"]}
        known = self.answers.get(message["question"])
        if known is None:
            return {**answer, "error": {"code": "x", "message": "Nobody knows", "remedy": ""}}
        return {**answer, "answer": known(message["arguments"]) if callable(known) else known}

    async def _agent(self, host: str) -> None:
        layer = _channel_layer()
        streams: dict[str, Writer] = {}
        try:
            while True:
                message = await layer.receive(f"agent.{host}")
                if message["type"] == "ask":
                    await layer.send(message["reply"], self._answer(message))
                    continue
                stream = message["stream"]
                if message["type"] == "stream.open":
                    streams[stream] = Writer(stream, message["reply"], self.lines_per_second)
                    streams[stream].start()
                elif message["type"] == "stream.ack":
                    streams[stream].acknowledged = message["ack"]
                elif stream in streams:
                    streams.pop(stream).stop()
        finally:
            for writer in streams.values():
                writer.stop()


class Writer:
    """Sends lines at a rate, eight batches ahead at most, and skips what it cannot keep up with."""

    def __init__(self, stream: str, reply: str, rate: int) -> None:
        self.stream, self.reply, self.rate = stream, reply, rate
        self.acknowledged = self.sent = self.written = 0

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._write())

    def stop(self) -> None:
        self._task.cancel()

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            due = max(3, int((loop.time() - began) * self.rate)) if self.rate else 3
            if self.sent - self.acknowledged >= 8 or self.written >= due:
                await asyncio.sleep(0.01)
                continue
            skipped = max(0, due - self.written - 20_000)
            self.written += skipped
            await self._send(min(500, due - self.written), skipped)

    async def _send(self, count: int, skipped: int) -> None:
        self.sent += 1
        numbers = range(self.written + 1, self.written + count + 1)
        self.written += count
        await _channel_layer().send(
            self.reply,
            {
                "type": "stream.lines",
                "stream": self.stream,
                "seq": self.sent,
                "lines": [line(number) for number in numbers],
                "skipped": skipped,
            },
        )


def line(number: int) -> dict[str, str]:
    """Return line *number*, coloured as programs do; the third one is an error."""
    is_error = number % 40 == 3
    text = f"\x1b[1;31merror\x1b[0m <b>{number}</b>" if is_error else f"line {number}"
    source = "stderr" if is_error else "stdout"
    return {"t": "2026-01-02T03:04:05.678Z", "s": source, "m": text}


async def _in_thread(act: Callable[[], Any]) -> Any:
    return await sync_to_async(_closing(act))()


def _closing(act: Callable[[], Any]) -> Callable[[], Any]:
    def run() -> Any:
        try:
            return act()
        finally:
            connections.close_all()

    return run


@contextmanager
def running_site(agents: Sequence[str] = ("harbour",)) -> Iterator[Site]:
    """Serve the dashboard during the block, and answer for the hosts *agents*."""
    with Site(agents) as site:
        yield site


def _channel_layer() -> BaseChannelLayer:
    layer = get_channel_layer()
    assert layer is not None
    return layer
