"""The conversation about credentials, driven by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.registry.auth import authorised
from engine.registry.credentials import Credentials
from engine.registry.messages import Request, Response
from engine.registry.scopes import pull_from
from engine.registry.urls import Reach
from engine.registry.wallet import Wallet

if TYPE_CHECKING:
    from engine.registry.messages import Flow

ANA = Credentials("ana", "secret")


WEB = pull_from("web")


MANIFEST = Request("https://images.test/v2/web/manifests/1", {"accept": "*/*"})


BEARER = (
    'Bearer realm="https://tokens.test/token",service="images.test",scope="repository:web:pull"'
)


def response(request: Request, status: int = 200, body: bytes = b"", **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(request.url, status, named, [body])


def wallet(credentials: Credentials | None = ANA, *plain_http: str) -> Wallet:
    return Wallet("images.test", credentials, Reach(frozenset(plain_http)))


def finish(flow: Flow, last: Response) -> Response:
    with pytest.raises(StopIteration) as end:
        flow.send(last)
    value: Response = end.value.value
    return value


def start(wallet: Wallet) -> tuple[Flow, Request]:
    flow = authorised(MANIFEST, scopes=WEB, wallet=wallet)
    return flow, next(flow)


def challenged(wallet: Wallet, challenge: str = BEARER) -> tuple[Flow, Request]:
    flow, request = start(wallet)
    return flow, flow.send(response(request, 401, www_authenticate=challenge))
