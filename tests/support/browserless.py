"""A person without a browser: signs in over HTTP and listens to what pages are told."""

from __future__ import annotations

import json
import re
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import httpx
from websockets.sync.client import ClientConnection, connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.stack import Stack

PASSWORD = "correct horse battery"
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
WAIT_SECONDS = 30.0


@dataclass
class Person:
    """Somebody signed in; `post` sends a form as a page would."""

    client: httpx.Client
    url: str

    @classmethod
    def first(cls, stack: Stack, name: str = "ana") -> Self:
        """Make the first account with the token that `up` printed."""
        person = cls(httpx.Client(base_url=stack.url, follow_redirects=True), stack.url)
        page = person.client.get(stack.first_url)
        token = re.search(r"token=([^&\s]+)", stack.first_url)
        assert token, stack.first_url
        form = {"token": token[1], "username": name}
        answer = person.post(
            "/setup/", {**form, "password": PASSWORD, "password_again": PASSWORD}, page=page.text
        )
        assert "/setup/" not in str(answer.url), answer.text
        return person

    def post(self, path: str, form: dict[str, str], *, page: str | None = None) -> httpx.Response:
        """Send *form*; *page* is where its CSRF token is taken from, by default the overview."""
        found = TOKEN.search(page or self.client.get("/").text)
        cookie = self.client.cookies.get("csrftoken") or ""
        token = found[1] if found else cookie
        return self.client.post(
            path, data={**form, "csrfmiddlewaretoken": token}, headers={"Referer": self.url + path}
        )

    @contextmanager
    def listening(self) -> Iterator[Ear]:
        """Hear what every open page is told."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.client.cookies.items())
        address = self.url.replace("http", "ws", 1) + "/ws/live/"
        with connect(
            address, additional_headers={"Cookie": cookies, "Origin": self.url}, max_size=None
        ) as socket:
            yield Ear(socket)


@dataclass
class Ear:
    """One open websocket; *heard* is everything so far, with the time at which it came."""

    socket: ClientConnection
    heard: list[tuple[float, dict[str, Any]]] = field(default_factory=list)

    def wait_for(self, is_it: Callable[[dict[str, Any]], bool]) -> tuple[float, dict[str, Any]]:
        """Return the first message from now on that *is_it*, and when it came (`time.time`)."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            text = self.socket.recv(timeout=max(0.0, deadline - time.monotonic()))
            message = (time.time(), json.loads(text))
            self.heard.append(message)
            if is_it(message[1]):
                return message
