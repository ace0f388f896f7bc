"""
The conversation about credentials, held without a socket (distribution's token specification).

A registry that wants to know who asks answers 401 and names a way: `Basic`, or `Bearer` with a
*realm* that hands out tokens for what one wants to do. Credentials are shown to the registry itself
or to the realm that this very registry named, over https or a permitted plain connection, and to
nobody else: not to where either of them redirects, and not to another host that holds an upload.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urljoin

from engine.errors import AccessDenied, AuthenticationFailed, RegistryError
from engine.registry.challenges import parse_challenges
from engine.registry.messages import AUTHORIZATION, Flow, Request, Response, origin
from engine.registry.tokens import fetch_token

if TYPE_CHECKING:
    from collections.abc import Generator

    from engine.registry.challenges import Challenge
    from engine.registry.scopes import Scopes
    from engine.registry.wallet import Wallet

MAX_REDIRECTS = 5
UNAUTHORIZED = 401
REDIRECTS = frozenset({301, 302, 303, 307, 308})


def authorised(request: Request, *, scopes: Scopes, wallet: Wallet) -> Flow:
    """
    Return the response to *request*, after a login where the registry asks for one.

    *scopes* is what the request does. Raises `AuthenticationFailed` when the registry wants
    credentials that there are not, or does not take those there are; `AccessDenied` when they are
    good for less than *scopes*; `RegistryError` when what it says about it cannot be followed.
    """
    if not wallet.is_home(request.url):
        return (yield from _as_nobody(request, wallet))
    response = yield from redirected(wallet.dressed(request, scopes), wallet=wallet)
    if response.status != UNAUTHORIZED:
        return response
    if origin(response.url) != origin(request.url):
        raise AuthenticationFailed(wallet.registry)
    yield from _answer(response, scopes=scopes, wallet=wallet)
    response = yield from redirected(wallet.dressed(request, scopes), wallet=wallet)
    if response.status == UNAUTHORIZED:
        raise _refusal(response, scopes, wallet)
    return response


def _as_nobody(request: Request, wallet: Wallet) -> Flow:
    """Return the response of another host, which the registry sent us to."""
    response = yield from redirected(request, wallet=wallet)
    if response.status == UNAUTHORIZED:
        raise AuthenticationFailed(wallet.registry)
    return response


def redirected(request: Request, *, wallet: Wallet) -> Flow:
    """
    Return the response to *request*, following redirects without taking credentials along.

    Raises `RegistryError` for a redirect to where nothing may be asked, and for a chain of them
    that does not end.
    """
    response = yield request
    for _ in range(MAX_REDIRECTS):
        if response.status not in REDIRECTS or "location" not in response.headers:
            return response
        request = _followed(request, response, wallet)
        response = yield request
    if response.status in REDIRECTS:
        detail = "it redirects in a circle"
        raise RegistryError(wallet.registry, status=response.status, detail=detail)
    return response


def _followed(request: Request, response: Response, wallet: Wallet) -> Request:
    target = joined_url(request.url, response.headers["location"])
    if not wallet.reach.allows(target):
        detail = "it redirects to where this host does not go"
        raise RegistryError(wallet.registry, status=response.status, detail=detail)
    onward = request.led_to(target, status=response.status)
    same = origin(target) == origin(request.url)
    return onward if same else onward.without_header(AUTHORIZATION)


def joined_url(base: str, location: str) -> str:
    """Return where *location*, said by *base*, is; empty where it is nowhere."""
    try:
        return urljoin(base, location)
    except ValueError:
        return ""


def _answer(
    response: Response, *, scopes: Scopes, wallet: Wallet
) -> Generator[Request, Response, None]:
    """Put into *wallet* what answers the challenges of *response*."""
    challenges = {each.scheme: each for each in _challenges_of(response)}
    if "bearer" in challenges:
        yield from _keep_token(challenges["bearer"], scopes=scopes, wallet=wallet)
    elif "basic" in challenges and wallet.credentials is not None and wallet.credentials.basic:
        wallet.keep(None, wallet.credentials.basic)
    else:
        raise AuthenticationFailed(wallet.registry)


def _keep_token(
    challenge: Challenge, *, scopes: Scopes, wallet: Wallet
) -> Generator[Request, Response, None]:
    flow = fetch_token(challenge, scopes=scopes, wallet=wallet)
    request = next(flow)
    while True:
        response = yield from redirected(request, wallet=wallet)
        try:
            request = flow.send(response)
        except StopIteration as end:
            wallet.keep(scopes, f"Bearer {end.value.token}", seconds=end.value.seconds)
            return


def _challenges_of(response: Response) -> tuple[Challenge, ...]:
    return parse_challenges(response.headers.get("www-authenticate", ""))


def _refusal(
    response: Response, scopes: Scopes, wallet: Wallet
) -> AccessDenied | AuthenticationFailed:
    """Return the error for a registry that asks again although it was shown what it asked for."""
    errors = {each.parameters.get("error") for each in _challenges_of(response)}
    if "insufficient_scope" not in errors:
        return AuthenticationFailed(wallet.registry)
    resources = sorted(each.resource.partition(":")[2] for each in scopes)
    return AccessDenied(wallet.registry, repository=", ".join(resources))
