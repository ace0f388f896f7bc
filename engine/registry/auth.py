"""
The conversation about credentials, held without a socket (distribution's token specification).

A registry that wants to know who asks answers 401 and names a way: `Basic`, or `Bearer` with a
*realm* that hands out tokens. Credentials are shown to the registry itself or to the realm that
this very registry named, over https or a permitted plain connection, and to nobody else: not to
where either of them redirects.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urljoin

from engine.errors import AuthenticationFailed, RegistryError
from engine.registry.messages import AUTHORIZATION, Flow, Request, Response, origin

if TYPE_CHECKING:
    from collections.abc import Generator

    from engine.registry.credentials import Credentials
    from engine.registry.urls import Reach

MAX_REDIRECTS = 5
MAX_TOKEN_BYTES = 64 * 1024
UNAUTHORIZED = 401
REDIRECTS = frozenset({301, 302, 303, 307, 308})

# Separators are one class: several in a row would try every way to share a long blank out.
_SCHEME = re.compile(r"[\s,]*([A-Za-z][A-Za-z0-9_-]*)(?:\s+|$|(?=,))", re.ASCII)
_PARAMETER = re.compile(r'[\s,]*([A-Za-z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))', re.ASCII)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to show who one is: its *scheme* in lower case, and what it says about it."""

    scheme: str
    parameters: dict[str, str]


def parse_challenges(header: str) -> tuple[Challenge, ...]:
    """Return the challenges in a `WWW-Authenticate` header; what is not one is passed over."""
    found: list[Challenge] = []
    position = 0
    while match := _SCHEME.match(header, position):
        position = match.end()
        parameters: dict[str, str] = {}
        while parameter := _PARAMETER.match(header, position):
            name, quoted, plain = parameter.groups()
            parameters[name.lower()] = plain or re.sub(r"\\(.)", r"\1", quoted or "")
            position = parameter.end()
        found.append(Challenge(match[1].lower(), parameters))
    return tuple(found)


class Wallet:
    """
    What opened a repository before, so that the next request need not ask again.

    It belongs to one person's work with one registry and dies with it.
    """

    def __init__(self, registry: str, credentials: Credentials | None, reach: Reach) -> None:
        self.registry = registry
        self.credentials = credentials
        self.reach = reach
        self._headers: dict[str, str] = {}

    def dressed(self, request: Request, repository: str) -> Request:
        """Return *request* with what opened *repository* before, if anything did."""
        header = self._headers.get(repository)
        return request.with_header(AUTHORIZATION, header) if header else request

    def keep(self, repository: str, header: str) -> None:
        """Remember that *header* opens *repository*."""
        self._headers[repository] = header


def authorised(request: Request, *, repository: str, wallet: Wallet) -> Flow:
    """
    Return the response to *request*, after a login where the registry asks for one.

    Raises `AuthenticationFailed` when it wants credentials that there are not, or does not take
    those there are; `RegistryError` when what it says about it cannot be followed.
    """
    response = yield from redirected(wallet.dressed(request, repository), wallet=wallet)
    if response.status != UNAUTHORIZED:
        return response
    if origin(response.url) != origin(request.url):
        raise AuthenticationFailed(wallet.registry)
    header = yield from _answered(response, wallet=wallet)
    wallet.keep(repository, header)
    response = yield from redirected(wallet.dressed(request, repository), wallet=wallet)
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
    target = _target(request.url, response.headers["location"])
    if not wallet.reach.allows(target):
        detail = "it redirects to where this host does not go"
        raise RegistryError(wallet.registry, status=response.status, detail=detail)
    onward = Request(target, request.headers, request.method)
    same = origin(target) == origin(request.url)
    return onward if same else onward.without_header(AUTHORIZATION)


def _target(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        return ""


def _answered(response: Response, *, wallet: Wallet) -> Generator[Request, Response, str]:
    challenges = {each.scheme: each for each in _challenges_of(response)}
    if "bearer" in challenges:
        return "Bearer " + (yield from _token(challenges["bearer"], wallet=wallet))
    if "basic" in challenges and wallet.credentials is not None:
        return wallet.credentials.basic
    raise AuthenticationFailed(wallet.registry)


def _challenges_of(response: Response) -> tuple[Challenge, ...]:
    return parse_challenges(response.headers.get("www-authenticate", ""))


def _token(challenge: Challenge, *, wallet: Wallet) -> Generator[Request, Response, str]:
    request = _token_request(challenge, wallet)
    response = yield from redirected(request, wallet=wallet)
    if response.status in {400, 401, 403}:
        raise AuthenticationFailed(wallet.registry)
    if response.status != 200:
        detail = "its token server cannot answer"
        raise RegistryError(wallet.registry, status=response.status, detail=detail)
    token = _parse_token(response.read(limit=MAX_TOKEN_BYTES, what="the token"))
    if token is None:
        raise RegistryError(wallet.registry, status=200, detail="its token server gave no token")
    return token


def _token_request(challenge: Challenge, wallet: Wallet) -> Request:
    realm = challenge.parameters.get("realm", "")
    if not wallet.reach.allows(realm):
        detail = "its token server is not at an address that this host trusts"
        raise RegistryError(wallet.registry, status=UNAUTHORIZED, detail=detail)
    known = {key: challenge.parameters.get(key) for key in ("service", "scope")}
    query = urlencode({key: value for key, value in known.items() if value})
    request = Request(f"{realm}{'&' if '?' in realm else '?'}{query}", {})
    if wallet.credentials is None:
        return request
    return request.with_header(AUTHORIZATION, wallet.credentials.basic)


def _parse_token(content: bytes) -> str | None:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    token = document.get("token") or document.get("access_token")
    # What cannot stand in a header is no token, whatever it is.
    is_sane = isinstance(token, str) and token.isascii() and token.isprintable()
    return token if is_sane else None
