"""What tokens are asked for, and good for; driven by hand: no socket, no thread."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from engine.errors import AccessDenied, AuthenticationFailed
from engine.registry.auth import authorised, redirected
from engine.registry.credentials import Credentials
from engine.registry.messages import Payload, Request
from engine.registry.scopes import push_to
from engine.registry.urls import Reach
from engine.registry.wallet import Wallet
from tests.support.auth_flows import (
    ANA,
    BEARER,
    MANIFEST,
    WEB,
    challenged,
    finish,
    response,
    start,
    wallet,
)

if TYPE_CHECKING:
    from engine.registry.messages import Flow
    from engine.registry.scopes import Scopes

# --- Scopes and tokens ------------------------------------------------------------------------


def query_of(request: Request) -> dict[str, list[str]]:
    return parse_qs(urlsplit(request.url).query)


def asked_for(scopes: Scopes, shared: Wallet, challenge: str = BEARER) -> tuple[Flow, Request]:
    flow = authorised(MANIFEST, scopes=scopes, wallet=shared)
    request = next(flow)
    return flow, flow.send(response(request, 401, www_authenticate=challenge))


def test_a_token_is_asked_for_what_will_be_done() -> None:
    _, asked = asked_for(push_to("web", mounting_from="base"), wallet())

    assert query_of(asked)["scope"] == ["repository:base:pull", "repository:web:pull,push"]


def test_what_the_registry_asks_for_besides_is_asked_for_too() -> None:
    challenge = 'Bearer realm="https://tokens.test/",scope="repository:a:pull registry:catalog:*"'

    _, asked = asked_for(WEB, wallet(), challenge)

    assert query_of(asked)["scope"] == [
        "registry:catalog:*",
        "repository:a:pull",
        "repository:web:pull",
    ]


def test_a_token_for_pushing_is_one_for_pulling() -> None:
    shared = wallet()
    shared.keep(push_to("web"), "Bearer abc")

    assert shared.dressed(MANIFEST, WEB).headers["authorization"] == "Bearer abc"


def test_a_token_for_pulling_is_none_for_pushing() -> None:
    shared = wallet()
    shared.keep(WEB, "Bearer abc")

    assert "authorization" not in shared.dressed(MANIFEST, push_to("web")).headers


def test_a_token_is_not_shown_after_its_time() -> None:
    now = [0.0]
    shared = Wallet("images.test", ANA, Reach(), now=lambda: now[0])
    shared.keep(WEB, "Bearer abc", seconds=300)

    now[0] = 289
    assert "authorization" in shared.dressed(MANIFEST, WEB).headers
    now[0] = 291
    assert "authorization" not in shared.dressed(MANIFEST, WEB).headers


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [(600, 600), (5, 60), (None, 60), ("600", 60), (10**9, 86400), (True, 60), (-1, 60)],
)
def test_how_long_a_token_is_good_is_bounded(expires_in: object, seconds: float) -> None:
    now = [0.0]
    shared = Wallet("images.test", ANA, Reach(), now=lambda: now[0])
    flow, asked = asked_for(WEB, shared)
    flow.send(response(asked, body=json.dumps({"token": "a", "expires_in": expires_in}).encode()))

    now[0] = seconds - 11
    assert "authorization" in shared.dressed(MANIFEST, WEB).headers
    now[0] = seconds - 9
    assert "authorization" not in shared.dressed(MANIFEST, WEB).headers


def test_credentials_that_are_too_weak_are_not_called_wrong() -> None:
    flow, asked = asked_for(push_to("web"), wallet())
    again = flow.send(response(asked, body=b'{"token": "abc"}'))

    with pytest.raises(AccessDenied, match="web"):
        flow.send(response(again, 401, www_authenticate=BEARER + ',error="insufficient_scope"'))


def test_basic_credentials_open_every_repository_after_the_first() -> None:
    shared = wallet()
    flow, again = challenged(shared, 'Basic realm="images"')
    finish(flow, response(again))

    other = shared.dressed(MANIFEST, push_to("other"))

    assert other.headers["authorization"] == ANA.basic


def test_a_registry_token_is_shown_as_it_is() -> None:
    _, request = start(wallet(Credentials(registry_token="abc")))

    assert request.headers["authorization"] == "Bearer abc"


def test_nothing_is_shown_to_another_host_and_its_challenge_is_not_answered() -> None:
    shared = wallet()
    shared.keep(None, "Bearer abc")
    flow = authorised(Request("https://blobs.test/upload", {}), scopes=WEB, wallet=shared)
    request = next(flow)

    assert "authorization" not in request.headers
    with pytest.raises(AuthenticationFailed):
        flow.send(response(request, 401, www_authenticate='Basic realm="give it to me"'))


# --- Identity tokens --------------------------------------------------------------------------

IDENTITY = Credentials(identity_token="identity")


def form_of(request: Request) -> dict[str, list[str]]:
    assert request.payload is not None
    return parse_qs(b"".join(request.payload.open()).decode())


def test_an_identity_token_is_exchanged() -> None:
    flow, asked = challenged(wallet(IDENTITY))

    assert (asked.method, asked.url) == ("POST", "https://tokens.test/token")
    assert form_of(asked) == {
        "grant_type": ["refresh_token"],
        "service": ["images.test"],
        "client_id": ["shipshape"],
        "scope": ["repository:web:pull"],
        "refresh_token": ["identity"],
    }
    again = flow.send(response(asked, body=b'{"access_token": "abc"}'))
    assert again.headers["authorization"] == "Bearer abc"


def test_a_renewed_identity_token_is_used_from_then_on() -> None:
    shared = wallet(IDENTITY)
    flow, asked = challenged(shared)
    body = b'{"access_token": "abc", "refresh_token": "renewed"}'
    finish(flow, response(flow.send(response(asked, body=body))))

    _, asked = asked_for(push_to("other"), shared)

    assert form_of(asked)["refresh_token"] == ["renewed"]


def test_a_token_server_that_exchanges_nothing_is_asked_with_the_password() -> None:
    flow, asked = challenged(wallet(Credentials("ana", "secret", "identity")))

    asked = flow.send(response(asked, 404))

    assert (asked.method, asked.headers["authorization"]) == ("GET", ANA.basic)


def test_an_identity_token_that_is_refused_is_a_refusal() -> None:
    flow, asked = challenged(wallet(IDENTITY))

    with pytest.raises(AuthenticationFailed) as caught:
        flow.send(response(asked, 401))
    assert "identity" not in str(caught.value)
    assert "identity" not in repr(asked)


def test_a_see_other_is_followed_by_reading() -> None:
    request = Request("https://images.test/x", {}, "POST", Payload.of(b"secret"))
    flow = redirected(request, wallet=wallet())
    next(flow)

    onward = flow.send(response(request, 303, location="/y"))

    assert (onward.method, onward.payload) == ("GET", None)
