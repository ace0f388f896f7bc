"""What a registry lists: tags, repositories, what refers to a manifest, what a search finds."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.errors import (
    ImageNotFound,
    InvalidManifest,
    RegistryError,
    UnsupportedMediaType,
)
from engine.oci.manifest import MAX_BYTES, Index, parse_manifest
from engine.oci.media_types import OCI_INDEX
from engine.oci.reference import Reference, is_repository, is_tag
from engine.registry.answers import Asked
from engine.registry.auth import joined_url
from engine.registry.fetching import fetch_manifest
from engine.registry.messages import Request
from engine.registry.scopes import CATALOG, NO_SCOPES, pull_from
from engine.registry.session import OK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.oci.descriptor import Descriptor
    from engine.oci.digest import Digest
    from engine.registry.messages import Response
    from engine.registry.scopes import Scopes
    from engine.registry.session import Session

MAX_PAGES = 1000
MAX_NAMES = 100_000
_NEXT = re.compile(r'<([^<>]{1,4096})>\s*;[^,]*\brel="?next"?', re.ASCII)


@dataclass(frozen=True, slots=True)
class SearchResult:
    """One repository that a search found, as the registry describes it."""

    name: str
    description: str = ""
    stars: int = 0
    is_official: bool = False
    is_automated: bool = False


def list_tags(session: Session, repository: str, *, name: str) -> list[str]:
    """Return the tags of *repository*, known as *name*, sorted; raise `ImageNotFound`."""
    asked = Asked(session.endpoint.registry, "list of tags", repository, name)
    url = session.endpoint.tags(repository)
    pages = _pages(session, url, asked, pull_from(repository))
    return sorted(each for each in _names(pages, "tags", asked) if is_tag(each))


def list_repositories(session: Session) -> list[str]:
    """Return the repositories that the registry has and shows, sorted."""
    asked = Asked(session.endpoint.registry, "catalog")
    pages = _pages(session, session.endpoint.catalog(), asked, CATALOG)
    return sorted(each for each in _names(pages, "repositories", asked) if is_repository(each))


def list_referrers(
    session: Session, reference: Reference, digest: Digest, *, artifact_type: str = ""
) -> list[Descriptor]:
    """
    Return what refers to the manifest *digest*: signatures, attestations, bills of material.

    A registry that cannot tell keeps them under a tag made of the digest, if anybody put them
    there (distribution-spec, "Referrers Tag Schema").
    """
    asked = Asked(session.endpoint.registry, "referrers", reference.repository, str(digest))
    url = session.endpoint.referrers(reference.repository, digest, artifact_type=artifact_type)
    try:
        pages = list(_pages(session, url, asked, pull_from(reference.repository)))
        found = [each for page in pages for each in _referring(page)]
    except (ImageNotFound, InvalidManifest, UnsupportedMediaType, RegistryError):
        found = _tagged_referrers(session, reference, digest)
    return [each for each in found if not artifact_type or each.artifact_type == artifact_type]


def referrers_tag(digest: Digest) -> str:
    """Return the tag under which a registry without the API keeps what refers to *digest*."""
    return f"{digest.algorithm}-{digest.hex}"


def search(session: Session, term: str, *, limit: int) -> list[SearchResult]:
    """
    Return at most *limit* repositories that *term* finds.

    The registry's own search is asked; where it has none, its catalog is looked through.
    """
    try:
        return _searched(session, term, limit)
    except RegistryError:
        names = list_repositories(session)
        return [SearchResult(each) for each in names if term.lower() in each][:limit]


def _searched(session: Session, term: str, limit: int) -> list[SearchResult]:
    asked = Asked(session.endpoint.registry, "search")
    request = Request(session.endpoint.search(term, limit=limit), {"accept": "application/json"})
    document = session.retried(partial(_object, session, request, asked, NO_SCOPES))[0]
    results = document.get("results")
    if not isinstance(results, list):
        raise RegistryError(asked.registry, status=OK, detail="its search gives no results")
    return [_search_result(each) for each in results if isinstance(each, dict)][:limit]


def _search_result(fields: dict[str, Any]) -> SearchResult:
    stars = fields.get("star_count")
    return SearchResult(
        name=_printable(fields.get("name")),
        description=_printable(fields.get("description")),
        stars=stars if isinstance(stars, int) else 0,
        is_official=fields.get("is_official") is True,
        is_automated=fields.get("is_automated") is True,
    )


def _printable(value: Any) -> str:
    text = value if isinstance(value, str) else ""
    return "".join(each if each.isprintable() else " " for each in text[:MAX_BYTES])


def _pages(session: Session, url: str, asked: Asked, scopes: Scopes) -> Iterator[dict[str, Any]]:
    seen: set[str] = set()
    while url:
        seen.add(url)
        request = Request(url, {"accept": f"application/json, {OCI_INDEX}"})
        page, url = session.retried(partial(_object, session, request, asked, scopes))
        if url in seen or len(seen) > MAX_PAGES:
            raise RegistryError(asked.registry, status=OK, detail=f"its {asked.what} has no end")
        yield page


def _object(
    session: Session, request: Request, asked: Asked, scopes: Scopes
) -> tuple[dict[str, Any], str]:
    """Return one JSON object, and where the next one is; empty where this is the last."""
    expected = frozenset({OK})
    with session.answer(request, asked, scopes=scopes, expected=expected) as response:
        content = response.read(limit=MAX_BYTES, what=f"the {asked.what}")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        detail = f"its {asked.what} is no JSON object"
        raise RegistryError(asked.registry, status=response.status, detail=detail)
    return document, _next_url(session, response, asked)


def _next_url(session: Session, response: Response, asked: Asked) -> str:
    match = _NEXT.search(response.headers.get("link", ""))
    if match is None:
        return ""
    url = joined_url(response.url, match[1])
    if not session.wallet.is_home(url):
        detail = f"its {asked.what} goes on at another host"
        raise RegistryError(asked.registry, status=response.status, detail=detail)
    return url


def _names(pages: Iterator[dict[str, Any]], key: str, asked: Asked) -> Iterator[str]:
    count = 0
    for page in pages:
        names = page.get(key)
        for name in names if isinstance(names, list) else ():
            count += 1
            if count > MAX_NAMES:
                detail = f"its {asked.what} is longer than {MAX_NAMES}"
                raise RegistryError(asked.registry, status=OK, detail=detail)
            if isinstance(name, str):
                yield name


def _referring(page: dict[str, Any]) -> tuple[Descriptor, ...]:
    parsed = parse_manifest(json.dumps(page).encode(), served_as=OCI_INDEX)
    return parsed.manifests if isinstance(parsed, Index) else ()


def _tagged_referrers(session: Session, reference: Reference, digest: Digest) -> list[Descriptor]:
    tagged = replace(reference, tag=referrers_tag(digest), digest=None)
    try:
        document = fetch_manifest(session, tagged)
    except (ImageNotFound, UnsupportedMediaType):
        return []
    return list(document.parsed.manifests) if isinstance(document.parsed, Index) else []
