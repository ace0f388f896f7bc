"""Token servers that misbehave: each ends in the error that says so, soon, and shows nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.errors import (
    AuthenticationFailed,
    EngineError,
    LimitExceeded,
    RateLimited,
    RegistryError,
    RegistryUnreachable,
)
from engine.registry.credentials import Credentials
from tests.support.images import pack_image
from tests.support.registry import FakeRegistry, Reply, TokenServer, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.oci.reference import Reference
    from engine.registry.client import RegistryClient

ANA = Credentials("ana", "secret")


@pytest.fixture
def tokens() -> Iterator[TokenServer]:
    with serving(TokenServer("ana", "secret")) as tokens:
        assert isinstance(tokens, TokenServer)
        yield tokens


@pytest.fixture
def web(registry: FakeRegistry, tokens: TokenServer) -> Reference:
    reference = registry.put_image("team/web", pack_image(b"a"))
    registry.require_token(tokens)
    return reference


@pytest.mark.parametrize(
    ("reply", "error", "asked"),
    [
        pytest.param(Reply(401), AuthenticationFailed, 1, id="refuses"),
        pytest.param(Reply(500), RegistryError, 3, id="broken"),
        pytest.param(Reply(503), RegistryError, 3, id="storm"),
        pytest.param(Reply(418), RegistryError, 1, id="odd"),
        pytest.param(Reply(302, headers={"Location": "/token"}), RegistryError, 6, id="circle"),
        pytest.param(
            Reply(302, headers={"Location": "http://images.test/"}), RegistryError, 1, id="plain"
        ),
        pytest.param(Reply(body=b"{}"), RegistryError, 1, id="no-token"),
        pytest.param(Reply(body=b'{"token": ""}'), RegistryError, 1, id="empty-token"),
        pytest.param(Reply(body=b"\xff\xfe"), RegistryError, 1, id="no-text"),
        pytest.param(Reply(body=b"x" * 1_000_000), LimitExceeded, 1, id="huge"),
        pytest.param(Reply(body=b"{" * 60_000), RegistryError, 1, id="deep"),
        pytest.param(Reply(body=b"x" * 100, drop_after=3), RegistryUnreachable, 3, id="drops"),
        pytest.param(Reply(body=b'{"token": "wrong"}'), AuthenticationFailed, 1, id="useless"),
    ],
)
def test_a_token_server_that_misbehaves_is_given_up(
    new_client: Callable[..., RegistryClient],
    tokens: TokenServer,
    web: Reference,
    reply: Reply,
    error: type[EngineError],
    asked: int,
) -> None:
    tokens.always("/token", reply)

    with pytest.raises(error) as caught:
        new_client(credentials=ANA).resolve(web)

    assert len(tokens.received) == asked
    assert "secret" not in str(caught.value)


def test_a_token_server_that_limits_is_heard(
    new_client: Callable[..., RegistryClient], registry: FakeRegistry, web: Reference
) -> None:
    registry.faults.clear()
    registry.always("/manifests/", Reply(429, headers={"Retry-After": "3600"}))

    with pytest.raises(RateLimited) as caught:
        new_client(credentials=ANA).resolve(web)

    assert caught.value.retry_after == 3600


def test_a_redirect_of_the_token_server_takes_no_password_along(
    new_client: Callable[..., RegistryClient], tokens: TokenServer, web: Reference
) -> None:
    with serving(TokenServer()) as elsewhere:
        assert isinstance(elsewhere, TokenServer)
        tokens.always("/token", Reply(307, headers={"Location": elsewhere.url}))

        new_client(credentials=ANA).resolve(web)

        assert [each.authorization for each in elsewhere.received] == [""]


def test_a_realm_that_is_the_registry_of_somebody_else_is_asked_once(
    new_client: Callable[..., RegistryClient], registry: FakeRegistry, tokens: TokenServer
) -> None:
    """A registry that refuses the token it asked for does not get us to ask for ever."""
    registry.put_image("team/web", pack_image(b"a"))
    challenge = f'Bearer realm="{tokens.url}",service="x"'
    registry.always("/v2/", Reply(401, headers={"WWW-Authenticate": challenge}))

    with pytest.raises(AuthenticationFailed):
        new_client(credentials=ANA).resolve(registry.reference("team/web"))

    assert len(tokens.received) == 1
    assert len(registry.received) == 2
