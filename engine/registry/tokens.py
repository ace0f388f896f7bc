"""
Getting a token from the realm that a registry names (distribution, "Token Authentication").

With a user name the realm is asked by GET, as nobody where there are no credentials; with an
identity token by POST (its OAuth2 form), which may hand out a new one for the next time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from engine.errors import AuthenticationFailed, RegistryError
from engine.registry.messages import AUTHORIZATION, Payload, Request, Response
from engine.registry.scopes import joined, parse_scopes

if TYPE_CHECKING:
    from collections.abc import Generator

    from engine.registry.challenges import Challenge
    from engine.registry.scopes import Scopes
    from engine.registry.wallet import Wallet

MAX_TOKEN_BYTES = 64 * 1024
UNAUTHORIZED = 401
CLIENT_ID = "shipshape"
FORM = {"content-type": "application/x-www-form-urlencoded"}
# What the specification has for an answer that names no time.
SHORTEST_SECONDS = 60.0
LONGEST_SECONDS = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Token:
    """What a token server handed out, for so many *seconds*."""

    token: str
    seconds: float


def fetch_token(
    challenge: Challenge, *, scopes: Scopes, wallet: Wallet
) -> Generator[Request, Response, Token]:
    """
    Return a token for *scopes* and for what *challenge* asks besides.

    Raises `AuthenticationFailed` where the token server refuses, `RegistryError` where it makes no
    sense or is none that may be asked.
    """
    realm = challenge.parameters.get("realm", "")
    if not wallet.reach.allows(realm):
        detail = "its token server is not at an address that this host trusts"
        raise RegistryError(wallet.registry, status=UNAUTHORIZED, detail=detail)
    wanted = joined(scopes | parse_scopes(challenge.parameters.get("scope", "")))
    service = challenge.parameters.get("service", "")
    if wallet.identity_token:
        response = yield _refresh_request(realm, service, wanted, wallet)
        if response.status not in {404, 405} or not _basic(wallet):
            return _token_of(response, wallet)
    response = yield _basic_request(realm, service, wanted, wallet)
    return _token_of(response, wallet)


def _basic_request(realm: str, service: str, scopes: list[str], wallet: Wallet) -> Request:
    words = [("service", service)] if service else []
    query = urlencode(words + [("scope", each) for each in scopes])
    joiner = "&" if "?" in realm else "?"
    request = Request(f"{realm}{joiner}{query}" if query else realm, {})
    basic = _basic(wallet)
    return request.with_header(AUTHORIZATION, basic) if basic else request


def _refresh_request(realm: str, service: str, scopes: list[str], wallet: Wallet) -> Request:
    form = {
        "grant_type": "refresh_token",
        "service": service,
        "client_id": CLIENT_ID,
        "scope": " ".join(scopes),
        "refresh_token": wallet.identity_token,
    }
    return Request(realm, FORM, "POST", Payload.of(urlencode(form).encode()))


def _basic(wallet: Wallet) -> str:
    return wallet.credentials.basic if wallet.credentials else ""


def _token_of(response: Response, wallet: Wallet) -> Token:
    if response.status in {400, 401, 403}:
        raise AuthenticationFailed(wallet.registry)
    if response.status != 200:
        detail = "its token server cannot answer"
        raise RegistryError(wallet.registry, status=response.status, detail=detail)
    document = _parse_object(response.read(limit=MAX_TOKEN_BYTES, what="the token"))
    token = _sane(document.get("token") or document.get("access_token"))
    if not token:
        raise RegistryError(wallet.registry, status=200, detail="its token server gave no token")
    if renewed := _sane(document.get("refresh_token")):
        wallet.identity_token = renewed
    return Token(token, _seconds(document.get("expires_in")))


def _parse_object(content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _sane(token: Any) -> str:
    # What cannot stand in a header is no token, whatever it is.
    return token if isinstance(token, str) and token.isascii() and token.isprintable() else ""


def _seconds(value: Any) -> float:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return (
        min(max(float(value), SHORTEST_SECONDS), LONGEST_SECONDS) if is_number else SHORTEST_SECONDS
    )
