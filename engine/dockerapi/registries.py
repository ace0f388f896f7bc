"""Routes that only ask a registry: logging in, looking at what is there, searching."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.dockerapi.answers import json_answer
from engine.dockerapi.credentials import HEADER, parse_credentials, read_credentials
from engine.dockerapi.fields import Fields
from engine.dockerapi.refusals import Refusal
from engine.dockerapi.routing import Route
from engine.errors import AccessDenied, AuthenticationFailed
from engine.oci.reference import DEFAULT_REGISTRY, Reference, registry_host

if TYPE_CHECKING:
    from aiohttp import web

    from engine.dockerapi.call import Call
    from engine.oci.platform import Platform
    from engine.registry.listing import SearchResult
    from engine.registry.registries import Distribution

MOST_FOUND = 100
FOUND = 25
HUB_NAMES = frozenset({"", "docker.io", "index.docker.io", "registry-1.docker.io"})


async def login(call: Call) -> web.StreamResponse:
    """Answer `POST /auth`: whether a registry takes these credentials."""
    body = Fields(await call.json(is_needed=True))
    credentials = read_credentials(body)
    registry = registry_of(body.text("serveraddress"))
    try:
        await call.pools.long(call.engine.registries.check, registry, credentials=credentials)
    except (AuthenticationFailed, AccessDenied) as error:
        raise Refusal(
            401,
            f'Get "https://{registry}/v2/": unauthorized: authentication required',
        ) from error
    return json_answer({"IdentityToken": "", "Status": "Login Succeeded"})


def registry_of(address: str) -> str:
    """Return the registry that a server's *address* means; docker writes a URL for its own."""
    bare = address.removeprefix("https://").removeprefix("http://").partition("/")[0]
    if bare in HUB_NAMES:
        return DEFAULT_REGISTRY
    # The grammar of registries is that of references.
    return Reference.parse(f"{bare}/x").registry if registry_host(bare) else bare


async def distribution(call: Call) -> web.StreamResponse:
    """Answer `GET /distribution/{name}/json`."""
    reference = Reference.parse(call["name"])
    credentials = parse_credentials(call.request.headers.get(HEADER))
    found = await call.pools.long(
        call.engine.registries.inspect, reference, credentials=credentials
    )
    return json_answer(_distribution(found))


def _distribution(found: Distribution) -> dict[str, Any]:
    descriptor = found.descriptor
    return {
        "Descriptor": {
            "mediaType": descriptor.media_type,
            "digest": str(descriptor.digest),
            "size": descriptor.size,
        },
        "Platforms": [_platform(each) for each in found.platforms],
    }


def _platform(platform: Platform) -> dict[str, str]:
    shape = {"architecture": platform.architecture, "os": platform.os}
    return shape | ({"variant": platform.variant} if platform.variant else {})


async def search(call: Call) -> web.StreamResponse:
    """Answer `GET /images/search`: at the registry that the term begins with, or docker's own."""
    term = call.query.text("term")
    if not term:
        raise Refusal(400, "a term to search for is needed")
    limit = call.query.number("limit") or FOUND
    if not 0 < limit <= MOST_FOUND:
        raise Refusal(400, f"limit {limit} is outside the range of [1, {MOST_FOUND}]")
    filters = call.query.filters("is-official", "is-automated", "stars")
    least = max((_stars(each) for each in filters.get("stars")), default=0)
    official, automated = filters.flag("is-official"), filters.flag("is-automated")
    registry, _, rest = term.rpartition("/")
    found = await call.pools.long(
        call.engine.registries.search,
        rest if registry else term,
        registry=registry_of(registry),
        limit=limit,
        credentials=parse_credentials(call.request.headers.get(HEADER)),
    )
    return json_answer(
        [
            _result(each)
            for each in found
            if each.stars >= least
            and official in {None, each.is_official}
            and automated in {None, each.is_automated}
        ]
    )


def _stars(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Refusal(400, f"Invalid filter 'stars={text[:40]}'")
    return int(text)


def _result(found: SearchResult) -> dict[str, Any]:
    return {
        "star_count": found.stars,
        "is_official": found.is_official,
        "name": found.name,
        "is_automated": found.is_automated,
        "description": found.description,
    }


ROUTES = (
    Route("POST", "/auth", login),
    Route("GET", "/distribution/{name:path}/json", distribution),
    Route("GET", "/images/search", search),
)
