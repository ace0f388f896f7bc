"""What a registry is asked and answers."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading


EVERYWHERE = "*"


@dataclass(frozen=True)
class Received:
    """One request as it came in; header names are in lower case."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes = b""

    @property
    def authorization(self) -> str:
        return self.headers.get("authorization", "")


@dataclass(frozen=True)
class Reply:
    """
    What to answer.

    With *drop_after* the connection breaks after so many bytes of the body; with *gate* the second
    half of the body waits for it. With *drip* so many bytes come at a time, each after *pause*; the
    headers do as well if it *drips_head*.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    drop_after: int | None = None
    gate: threading.Event | None = None
    drip: int = 0
    pause: float = 0.0
    drips_head: bool = False


def basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def refusal(status: int, code: str) -> Reply:
    body = {"errors": [{"code": code, "message": code.replace("_", " ").lower()}]}
    return Reply(status, json.dumps(body).encode(), {"Content-Type": "application/json"})


def lying_about_length(content: bytes, *, claimed: int) -> Reply:
    """Return a reply whose `Content-Length` is not the length of its body."""
    return replace(Reply(body=content), headers={"Content-Length": str(claimed)})
