"""The conversation about credentials, driven by hand: no socket, no thread."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import AuthenticationFailed, LimitExceeded, RegistryError
from engine.registry.auth import MAX_REDIRECTS, redirected
from engine.registry.challenges import Challenge, parse_challenges
from engine.registry.messages import Request, redacted
from engine.registry.scopes import pull_from
from tests.support.auth_flows import ANA, MANIFEST, WEB, challenged, finish, response, start, wallet


def test_who_is_not_asked_shows_nothing() -> None:
    flow, request = start(wallet())

    assert "authorization" not in request.headers
    assert finish(flow, response(request, body=b"ok")).status == 200


def test_a_basic_challenge_is_answered_with_the_credentials() -> None:
    flow, again = challenged(wallet(), 'Basic realm="images"')

    assert again.url == MANIFEST.url
    assert again.headers["authorization"] == ANA.basic
    assert finish(flow, response(again)).status == 200


def test_a_basic_challenge_without_credentials_is_a_refusal() -> None:
    with pytest.raises(AuthenticationFailed):
        challenged(wallet(None), 'Basic realm="images"')


def test_a_bearer_challenge_leads_to_the_realm_with_the_credentials() -> None:
    _, asked = challenged(wallet())

    assert asked.url.startswith("https://tokens.test/token?service=images.test&scope=repository")
    assert asked.headers["authorization"] == ANA.basic


def test_a_token_is_asked_for_without_credentials_where_there_are_none() -> None:
    _, asked = challenged(wallet(None))

    assert "authorization" not in asked.headers


@pytest.mark.parametrize("field", ["token", "access_token"])
def test_the_token_opens_the_request(field: str) -> None:
    flow, asked = challenged(wallet())
    again = flow.send(response(asked, body=json.dumps({field: "abc"}).encode()))

    assert again.url == MANIFEST.url
    assert again.headers["authorization"] == "Bearer abc"
    assert finish(flow, response(again)).status == 200


def test_the_next_request_uses_the_token_at_once() -> None:
    shared = wallet()
    flow, asked = challenged(shared)
    again = flow.send(response(asked, body=b'{"token": "abc"}'))
    finish(flow, response(again))

    _, request = start(shared)

    assert request.headers["authorization"] == "Bearer abc"


def test_a_token_that_ran_out_is_replaced() -> None:
    shared = wallet()
    shared.keep(WEB, "Bearer old")
    flow, asked = challenged(shared)
    again = flow.send(response(asked, body=b'{"token": "new"}'))

    assert again.headers["authorization"] == "Bearer new"


def test_a_token_for_one_repository_is_not_shown_for_another() -> None:
    shared = wallet()
    shared.keep(pull_from("other"), "Bearer abc")

    _, request = start(shared)

    assert "authorization" not in request.headers


def test_a_second_refusal_is_final() -> None:
    flow, again = challenged(wallet(), 'Basic realm="images"')

    with pytest.raises(AuthenticationFailed) as caught:
        flow.send(response(again, 401, www_authenticate='Basic realm="images"'))
    assert caught.value.registry == "images.test"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_token_server_that_refuses_is_a_refusal(status: int) -> None:
    flow, asked = challenged(wallet())

    with pytest.raises(AuthenticationFailed):
        flow.send(response(asked, status))


@pytest.mark.parametrize(
    "realm",
    [
        pytest.param("http://tokens.test/token", id="plain-http"),
        pytest.param("file:///etc/shadow", id="file"),
        pytest.param("//tokens.test/token", id="no-scheme"),
        pytest.param("", id="empty"),
        pytest.param("https://ana:x@tokens.test/", id="credentials"),
    ],
)
def test_a_realm_that_cannot_be_trusted_gets_nothing(realm: str) -> None:
    with pytest.raises(RegistryError):
        challenged(wallet(), f'Bearer realm="{realm}",service="s"')


def test_a_configured_plain_realm_may_be_asked() -> None:
    _, asked = challenged(wallet(ANA, "tokens.test"), 'Bearer realm="http://tokens.test/token"')

    assert asked.url.startswith("http://tokens.test/token")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[]", id="list"),
        pytest.param(b"{}", id="no-token"),
        pytest.param(b'{"token": 5}', id="number"),
        pytest.param(b'{"token": "a\\r\\nX: y"}', id="header-injection"),
        pytest.param(b"[" * 60_000, id="deep"),
    ],
)
def test_what_is_no_token_is_said_to_be_the_registrys_error(body: bytes) -> None:
    flow, asked = challenged(wallet())

    with pytest.raises(RegistryError, match="no token"):
        flow.send(response(asked, body=body))


def test_a_token_answer_is_bounded() -> None:
    flow, asked = challenged(wallet())

    with pytest.raises(LimitExceeded):
        flow.send(response(asked, body=b" " * 70_000))


@pytest.mark.parametrize("challenge", ["", "Negotiate", "Digest realm=x", "====", ",,,"])
def test_an_unknown_way_to_log_in_is_a_refusal(challenge: str) -> None:
    with pytest.raises(AuthenticationFailed):
        challenged(wallet(), challenge)


def test_a_redirect_to_the_same_place_keeps_the_credentials() -> None:
    request = MANIFEST.with_header("authorization", "Bearer abc")
    flow = redirected(request, wallet=wallet())
    next(flow)

    onward = flow.send(response(request, 307, location="/elsewhere"))

    assert onward.url == "https://images.test/elsewhere"
    assert onward.headers["authorization"] == "Bearer abc"


@pytest.mark.parametrize(
    "location",
    [
        pytest.param("https://blobs.test/x", id="other-host"),
        pytest.param("https://images.test:8443/x", id="other-port"),
        pytest.param("//blobs.test/x", id="scheme-relative"),
    ],
)
def test_a_redirect_elsewhere_takes_no_credentials_along(location: str) -> None:
    request = MANIFEST.with_header("authorization", "Bearer abc")
    flow = redirected(request, wallet=wallet())
    next(flow)

    onward = flow.send(response(request, 307, location=location))

    assert "authorization" not in onward.headers
    assert onward.headers["accept"] == "*/*"


def test_credentials_do_not_come_back_after_a_detour() -> None:
    request = MANIFEST.with_header("authorization", "Bearer abc")
    flow = redirected(request, wallet=wallet())
    next(flow)
    away = flow.send(response(request, 307, location="https://blobs.test/x"))

    back = flow.send(response(away, 307, location=MANIFEST.url))

    assert "authorization" not in back.headers


@pytest.mark.parametrize(
    "location", ["http://images.test/x", "file:///etc/passwd", "https://[::1", "gopher://x/"]
)
def test_a_redirect_to_where_nothing_may_be_asked_is_refused(location: str) -> None:
    flow = redirected(MANIFEST, wallet=wallet())
    next(flow)

    with pytest.raises(RegistryError):
        flow.send(response(MANIFEST, 302, location=location))


def test_redirects_end() -> None:
    flow = redirected(MANIFEST, wallet=wallet())
    request = next(flow)
    for _ in range(MAX_REDIRECTS):
        request = flow.send(response(request, 302, location="/again"))

    with pytest.raises(RegistryError, match="circle"):
        flow.send(response(request, 302, location="/again"))


def test_a_login_asked_for_by_where_a_redirect_led_is_not_given() -> None:
    flow, request = start(wallet())
    onward = flow.send(response(request, 307, location="https://blobs.test/x"))

    with pytest.raises(AuthenticationFailed):
        flow.send(response(onward, 401, www_authenticate='Basic realm="give it to me"'))


@pytest.mark.parametrize(
    ("header", "challenges"),
    [
        pytest.param("Basic", (Challenge("basic", {}),), id="bare"),
        pytest.param('basic realm="a"', (Challenge("basic", {"realm": "a"}),), id="lower-case"),
        pytest.param(
            'Bearer realm="https://x/y?a=b,c",service=s',
            (Challenge("bearer", {"realm": "https://x/y?a=b,c", "service": "s"}),),
            id="comma-inside",
        ),
        pytest.param(
            'Bearer realm="a\\"b"', (Challenge("bearer", {"realm": 'a"b'}),), id="escaped-quote"
        ),
        pytest.param(
            'Basic realm="a", Bearer realm="b"',
            (Challenge("basic", {"realm": "a"}), Challenge("bearer", {"realm": "b"})),
            id="two",
        ),
        pytest.param("", (), id="nothing"),
    ],
)
def test_challenges_are_read(header: str, challenges: tuple[Challenge, ...]) -> None:
    assert parse_challenges(header) == challenges


@given(st.text(max_size=300))
def test_reading_challenges_always_ends(header: str) -> None:
    assert isinstance(parse_challenges(header), tuple)


def test_a_header_made_of_blanks_costs_no_more_time_than_its_length() -> None:
    blanks = " " * 50_000
    began = time.process_time()

    parse_challenges(f"Bearer a=b{blanks}=")
    parse_challenges(f"Bearer a=b,{blanks}!{blanks}")

    # It took a minute when every way to share the blanks out was tried.
    assert time.process_time() - began < 2


def test_nothing_shows_a_password() -> None:
    request = Request("https://ana:secret@images.test/x?token=secret", {"authorization": "secret"})

    assert "secret" not in repr(ANA)
    assert "secret" not in repr(request)
    assert redacted(request.url) == "https://images.test/x?…"
